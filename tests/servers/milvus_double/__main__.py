"""A double of a Milvus server for tests, on 127.0.0.1: what Milvus Lite lacks. Every type of vector, one time for all pages of a walk, partitions and
partition keys, databases, tokens, aliases, loading, limits of size, and failures on demand. It speaks by the classes that the vendor's client brings,
and is itself tested by that client. Rows are kept in memory.

Words: --data DIR --port N [--token USER:PASSWORD] [--version 2.6.2] [--slow-load N]. Failures stand in faults.json beside the data: see faults.py."""
import argparse
import json
import os
import pathlib
import signal
import sys
import threading
from concurrent import futures

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from pymilvus.grpc_gen import milvus_pb2_grpc  # noqa: E402
from service import Milvus  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", default="")
    parser.add_argument("--version", default="2.6.2")
    parser.add_argument("--slow-load", type=int, default=0)
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    service = Milvus(options)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20),
                                                                            ("grpc.so_reuseport", 0)], interceptors=[service.gate])
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(service, server)
    if not server.add_insecure_port(f"127.0.0.1:{options.port}"):
        sys.exit("the port is taken")
    server.start()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())

    def tell(*_):
        partial = options.data.parent / "stats.json.part"
        partial.write_text(json.dumps(service.gate.calls))
        os.replace(partial, options.data.parent / "stats.json")

    signal.signal(signal.SIGUSR1, tell)
    while not ended.wait(0.5):
        pass
    server.stop(0)


main()
