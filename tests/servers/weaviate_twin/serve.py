"""The process: two sockets, and DIR/server.json once they listen."""
import concurrent.futures
import json
import os
import pathlib
import signal
import sys
import threading

import grpc

from .calls import Handler
from .faults import Faults
from .rest import Server
from .store import Store

_OPTIONS = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 104858000), ("grpc.max_send_message_length", -1))


def main():
    folder, port, grpc_port = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    key = os.environ.get("WEAVIATE_TWIN_KEY") or None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    store = Store()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(32), handlers=(Handler(store, key, Faults(folder)),), options=_OPTIONS)
    bound = server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    rest = Server(port, store, key)
    server.start()
    partial = folder / "server.json.part"
    partial.write_text(json.dumps({"folder": str(folder), "pid": os.getpid(), "port": rest.server_address[1], "grpc_port": bound}))
    os.replace(partial, folder / "server.json")
    while not stop.wait(0.5):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
