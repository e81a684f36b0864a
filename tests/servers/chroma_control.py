"""start, stop, restart, kill and status of the vendor's own Chroma server (requirements/chroma.txt), on 127.0.0.1 alone.

The server's folder holds data/, server.log and server.json: {"port", "pid", "data", "uri"}. A server that is started again in the same
folder has the same port, and its data. Without the environment, and with no way to make it, start exits with 4."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.append(str(pathlib.Path(__file__).resolve().parent))  # this program runs without its own folder on the path

from server_process import alive, end, free_port, read_state, tell_status, write_state  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
_START_SECONDS = 60
_STOP_SECONDS = 20
# The server is native code; importing the rest of the package takes seconds.
_RUN = "import sys, chromadb_rust_bindings; chromadb_rust_bindings.cli(['chroma', 'run', *sys.argv[1:]])"


def interpreter():
    made = subprocess.run([str(ROOT / "tools/vendor-env"), "chroma"], stdout=subprocess.PIPE, text=True)
    if made.returncode:
        print("the environment of Chroma's server (requirements/chroma.txt) cannot be made", file=sys.stderr)
        sys.exit(4)
    return made.stdout.strip()


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=5) as reply:
            return reply.status == 200
    except (OSError, urllib.error.URLError):
        return False


def start(folder, port=None):
    """Waits until the server answers."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder) or {}
    if alive(before):
        sys.exit(f"a server runs in {folder} already, process {before['pid']}")
    python, data = interpreter(), folder / "data"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = {"port": port or before.get("port") or free_port(), "data": str(data)}
        command = [python, "-c", _RUN, "--host", "127.0.0.1", "--port", str(state["port"]), "--path", str(data)]
        with open(folder / "server.log", "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True,
                                       env={**os.environ, "ANONYMIZED_TELEMETRY": "False", "NO_COLOR": "1"})
        while process.poll() is None and time.monotonic() < deadline:
            if answers(state["port"]):
                state.update(pid=process.pid, uri=f"chroma://127.0.0.1:{state['port']}")
                write_state(folder, state)
                return state
            time.sleep(0.05)
        if process.poll() is None:
            process.kill()
        time.sleep(0.2)  # a free port may be taken meanwhile
    sys.exit("the server did not start:\n" + (folder / "server.log").read_text()[-3000:])


def stop(folder, how=signal.SIGTERM):
    state = read_state(folder)
    if not alive(state):
        return False
    end(state["pid"], lambda: alive(state), _STOP_SECONDS, how)
    return True


def main():
    parser = argparse.ArgumentParser(prog="chroma", description="Chroma's own server for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "restart", "stop", "kill", "status"):
        command = commands.add_parser(name)
        command.add_argument("--dir", type=pathlib.Path, required=True, help="the server's folder")
        if name in ("start", "restart"):
            command.add_argument("--port", type=int)
    options = parser.parse_args()
    folder = options.dir
    if options.command in ("stop", "restart", "kill"):
        stopped = stop(folder, signal.SIGKILL if options.command == "kill" else signal.SIGTERM)
        if options.command != "restart":
            print("stopped" if stopped else "was not running")
    if options.command in ("start", "restart"):
        print(json.dumps(start(folder, options.port)))
    if options.command == "status":
        state = read_state(folder)
        tell_status(state, alive(state))


if __name__ == "__main__":
    main()
