"""start, stop and status of a double, and the options that a restart in the same folder takes over."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

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


def write_json(path, value):
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(value, indent=1))
    os.replace(partial, path)


def read_state(folder):
    try:
        return json.loads((folder / "server.json").read_text())
    except FileNotFoundError:
        return None


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


def alive(pid):
    """Whether this process is a running double: a number that another process got since, or one that ended, is not."""
    try:
        os.kill(pid, 0)
        command = subprocess.run(["ps", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True).stdout
    except (ProcessLookupError, PermissionError):
        return False
    return "qdrant_double.serve" in command and not command.startswith("Z")


def start(words, folder):
    """Starts a server and waits until it answers. The keys come from QDRANT_DOUBLE_API_KEY and QDRANT_DOUBLE_READ_ONLY_KEY."""
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder)
    if before and alive(before["pid"]):
        sys.exit(f"a server runs in {folder} already, process {before['pid']}")
    here = pathlib.Path(__file__).resolve().parents[1]
    env = {**os.environ, "PYTHONPATH": str(here), "GRPC_VERBOSITY": "ERROR"}
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen([sys.executable, "-P", "-m", "qdrant_double.serve", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env=env, start_new_session=True)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = read_state(folder)
        if state and state["pid"] == process.pid:
            return state
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    sys.exit("the server did not start:\n" + (folder / "server.log").read_text()[-2000:])


def stop(folder):
    state = read_state(folder)
    if not state or not alive(state["pid"]):
        return False
    os.kill(state["pid"], signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while alive(state["pid"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    if alive(state["pid"]):
        os.kill(state["pid"], signal.SIGKILL)
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
    state = read_state(options.dir)
    running = bool(state) and alive(state["pid"])
    if options.command == "stop":
        stop(options.dir)
        print("stopped" if running else "was not running")
    else:
        print(json.dumps({"running": running, **(state or {})}))
        sys.exit(0 if running else 3)


if __name__ == "__main__":
    main()
