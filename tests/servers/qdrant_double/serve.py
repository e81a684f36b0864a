"""The process: sockets, signals, and DIR/server.json once it is ready."""
import concurrent.futures
import json
import os
import signal
import threading

import grpc
from server_process import write_json

from . import faults, rest, sniff, tls
from .control import options_of
from .errors import Code, Refused
from .server import Server

_THREADS = 64
_CHANNEL = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class _Calls(grpc.GenericRpcHandler):
    """Every call arrives as bytes and leaves as bytes."""

    def __init__(self, double):
        self._double = double

    def service(self, details):
        metadata = {key: value for key, value in details.invocation_metadata if isinstance(value, str)}
        return grpc.unary_unary_rpc_method_handler(lambda raw, context: self._call(details.method, raw, metadata, context))

    def _call(self, name, raw, metadata, context):
        stats = self._double.stats
        stats.begin(name, len(raw))
        try:
            answer = self._double.answer(name, raw, metadata)
        except Refused as refused:
            stats.end(refused=refused.code.name)
            context.set_trailing_metadata(refused.trailers)
            context.abort(refused.code, refused.message)
        except Exception as error:  # an imitation that is at fault says so, and is seen in DIR/server.log
            stats.end(refused="DEFECT")
            raise RuntimeError(f"defect of the double in {name}: {error!r}") from error
        stats.end(sent=len(answer))
        return answer


def _keys():
    return tuple(os.environ.get(name) or None for name in ("QDRANT_DOUBLE_API_KEY", "QDRANT_DOUBLE_READ_ONLY_KEY"))


def _listen(options, calls):
    """(gRPC server, its port as clients see it)."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(_THREADS), handlers=(calls,), options=_CHANNEL)
    port = 0 if options.sniff else options.port
    if options.tls:
        pair = ((options.dir / tls.KEY).read_bytes(), (options.dir / tls.CERTIFICATE).read_bytes())
        bound = server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
    else:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    return server, bound


def main():
    options = options_of()
    if options.tls:
        tls.make(options.dir, options.tls_name)
    die = threading.Event()

    def kill():
        double.stats.write()
        os._exit(faults.KILLED)

    double = Server(options, _keys(), kill)
    double.replay()
    server, bound = _listen(options, _Calls(double))
    certificate = (options.dir / tls.CERTIFICATE, options.dir / tls.KEY) if options.tls else None
    web = rest.serve(double, options.rest_port, certificate)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    server.start()
    port = sniff.relay(options.port, bound, double.stats.offered) if options.sniff else bound
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: die.set())
    signal.signal(signal.SIGUSR1, lambda *_: double.stats.write())
    write_json(options.dir / "server.json", {
        "pid": os.getpid(), "grpc_port": port, "rest_port": web.server_address[1], "tls": options.tls, "version": options.version,
        "ca": str(options.dir / tls.CA) if options.tls else None, "options": options.as_dict()})
    while not die.wait(0.5):
        pass
    server.stop(grace=1).wait()
    double.stats.write()
    os._exit(0)


if __name__ == "__main__":
    main()
