"""start, stop, kill and status of a Milvus server on 127.0.0.1 alone.

Engines: "3" is Milvus Lite 3.2, the vendor's server in Python; "2" is Milvus Lite 2.5.1, the vendor's C++ engine; "double" is the double of
milvus_double/, which has what both lack. Each runs out of an environment of tools/vendor-env. The server's folder holds data/, server.log and
server.json: {"engine", "port", "pid", "uri", ...}. A server that is started again in the same folder has the same port, and its data."""
import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent))  # this program runs without its own folder on the path

from server_process import alive, end, free_port, read_state, tell_status, write_state  # noqa: E402

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_START_SECONDS = 90
_STOP_SECONDS = 20
_ENVIRONMENTS = {"3": "milvus", "2": "milvus_2_5", "double": "milvus"}


def environment(engine):
    """The interpreter of the engine's environment, made where it is not there."""
    done = subprocess.run([_ROOT / "tools" / "vendor-env", _ENVIRONMENTS[engine]], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return pathlib.Path(done.stdout.strip())


def _command(engine, python, data, port, words):
    """The command, and what its environment has beside ours. The host is always said: the default is every interface."""
    if engine == "3":
        return [python.parent / "milvus-lite", "server", "--data-dir", data, "--host", "127.0.0.1", "--port", str(port)], {}
    if engine == "2":
        lib = next(python.parent.parent.glob("lib/python*/site-packages/milvus_lite/lib"))
        return [lib / "milvus", data, f"127.0.0.1:{port}", "ERROR"], {"LD_LIBRARY_PATH": str(lib)}
    double = _ROOT / "tests" / "servers" / "milvus_double"
    return [python, "-P", double, "--data", data, "--port", str(port), *words], {}


def _listens(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(folder, engine=None, port=None, words=()):
    """Waits until the server listens. What is not said is as at the last start in this folder."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder) or {}
    if alive(before):
        sys.exit(f"a server runs in {folder} already, process {before['pid']}")
    engine = engine or before.get("engine", "3")
    words = list(words) or before.get("words", [])
    python = environment(engine)
    data = folder / ("data.db" if engine == "2" else "data")
    port = port or before.get("port") or free_port()
    command, more = _command(engine, python, data, port, words)
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True,
                                   env={**os.environ, **more})
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _listens(port):
            state = {"engine": engine, "port": port, "pid": process.pid, "data": str(data), "words": words, "uri": f"milvus://127.0.0.1:{port}"}
            write_state(folder, state)
            return state
        time.sleep(0.02)
    if process.poll() is None:
        process.kill()
    sys.exit("the server did not start:\n" + (folder / "server.log").read_text()[-3000:])


def stop(folder, how=signal.SIGTERM):
    state = read_state(folder)
    if not alive(state):
        return False
    end(state["pid"], lambda: alive(state), _STOP_SECONDS, how)
    return True


def _parse(words):
    parser = argparse.ArgumentParser(prog="milvus", description="A Milvus server for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "stop", "kill", "status"):
        command = commands.add_parser(name)
        command.add_argument("--dir", type=pathlib.Path, required=True, help="the server's folder")
        if name == "start":
            command.add_argument("--engine", choices=sorted(_ENVIRONMENTS))
            command.add_argument("--port", type=int)
            command.add_argument("words", nargs="*", help="further words for the double")
    return parser.parse_args(words)


def main():
    options = _parse(sys.argv[1:])
    if options.command in ("stop", "kill"):
        print("stopped" if stop(options.dir, signal.SIGKILL if options.command == "kill" else signal.SIGTERM) else "was not running")
    if options.command == "start":
        print(json.dumps(start(options.dir, options.engine, options.port, options.words)))
    if options.command == "status":
        state = read_state(options.dir)
        tell_status(state, alive(state))


if __name__ == "__main__":
    main()
