"""start, stop and status of a double, and the options that a restart in the same folder takes over."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

from server_process import end, read_state, runs, started, tell_status

_START_SECONDS = 60
_STOP_SECONDS = 15


class Options(argparse.Namespace):
    def as_dict(self):
        return {name: value for name, value in vars(self).items() if name not in ("dir", "command")}


def _add_options(parser):
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="the server's folder")
    parser.add_argument("--port", type=int, help="gRPC port; 0 takes a free one")
    parser.add_argument("--rest-port", type=int, help="REST port; 0 takes a free one")
    parser.add_argument("--tls", action="store_true", default=None, help="serve TLS with a certificate of its own authority, DIR/ca.pem")
    parser.add_argument("--tls-name", help="the host that the certificate is for (localhost)")
    parser.add_argument("--version", help="which server to imitate (1.18.3)")
    parser.add_argument("--index-seconds", type=float, help="how long building an index takes (0.3)")
    parser.add_argument("--distributed", action="store_true", default=None, help="a cluster of one node, which has shard keys")
    parser.add_argument("--search-misses", type=int, help="a search that does not ask for exactness misses one point of so many, as a poor graph does (0: none)")
    parser.add_argument("--sniff", action="store_true", default=None, help="count the compressions that clients offer (plain connections)")


_DEFAULTS = {"port": 0, "rest_port": 0, "tls": False, "tls_name": "localhost", "version": "1.18.3", "index_seconds": 0.3, "search_misses": 0,
             "distributed": False, "sniff": False}


def _complete(options):
    """What was not said is as it was at the last start, ports included, or else the default."""
    before = read_state(options.dir) or {}
    taken = {**_DEFAULTS, **before.get("options", {})}
    if before:
        taken.update(port=before["grpc_port"], rest_port=before["rest_port"])
    for name, value in taken.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.dir = options.dir.resolve()
    return options


def options_of(words=None):
    parser = argparse.ArgumentParser()
    _add_options(parser)
    return _complete(parser.parse_args(words, Options()))


def alive(state):
    return bool(state) and runs(state["pid"], "qdrant_double.serve")


def start(words, folder):
    """Starts a server and waits until it answers. The keys come from QDRANT_DOUBLE_API_KEY and QDRANT_DOUBLE_READ_ONLY_KEY."""
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder)
    if alive(before):
        sys.exit(f"a server runs in {folder} already, process {before['pid']}")
    here = pathlib.Path(__file__).resolve().parents[1]
    env = {**os.environ, "PYTHONPATH": str(here), "GRPC_VERBOSITY": "ERROR"}
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen([sys.executable, "-P", "-m", "qdrant_double.serve", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env=env, start_new_session=True)
    return started(process, folder, _START_SECONDS, "server")


def stop(folder):
    state = read_state(folder)
    if not alive(state):
        return False
    end(state["pid"], lambda: alive(state), _STOP_SECONDS)
    return True


def main():
    parser = argparse.ArgumentParser(prog="qdrant", description="A Qdrant server for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_options(commands.add_parser("start", help=start.__doc__))
    for command in ("stop", "status"):
        commands.add_parser(command).add_argument("--dir", type=pathlib.Path, required=True)
    options = parser.parse_args()
    if options.command == "start":
        print(json.dumps(start(sys.argv[2:], options.dir)))
        return
    if options.command == "stop":
        print("stopped" if stop(options.dir) else "was not running")
    else:
        state = read_state(options.dir)
        tell_status(state, alive(state))


if __name__ == "__main__":
    main()
