"""start, stop and status of a double."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

_START_SECONDS = 30
_STOP_SECONDS = 10


def options_of(words=None):
    parser = argparse.ArgumentParser(prog="pinecone", description="A Pinecone service for tests.")
    _add_options(parser)
    return parser.parse_args(words)


def _add_options(parser):
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="the service's folder")
    parser.add_argument("--port", type=int, default=0, help="of the control plane; 0 takes that of the last start, or a free one")
    parser.add_argument("--lag", type=float, default=0.0, help="seconds after which reads see what was written")
    parser.add_argument("--ready-after", type=float, default=0.0, help="seconds after which a new index is ready")
    parser.add_argument("--page", type=int, default=100, help="most ids of one page of a list")
    parser.add_argument("--whole-numbers", action="store_true", help="write whole float64 numbers without a fraction")
    parser.add_argument("--no-lsn", action="store_true", help="leave out the sequence numbers")


def write_json(path, value):
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(value, indent=1))
    os.replace(partial, path)


def read_state(folder):
    try:
        return json.loads((folder / "server.json").read_text())
    except FileNotFoundError:
        return None


def alive(pid):
    """Whether this process is a running double: a number that another process got since, or one that ended, is not."""
    try:
        os.kill(pid, 0)
        command = subprocess.run(["ps", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True).stdout
    except (ProcessLookupError, PermissionError):
        return False
    return "pinecone_double.serve" in command and not command.startswith("Z")


def start(words, folder):
    """Starts a service and waits until it answers. The key that it takes is PINECONE_DOUBLE_API_KEY, or "test-key"."""
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder)
    if before and alive(before["pid"]):
        sys.exit(f"a service runs in {folder} already, process {before['pid']}")
    here = pathlib.Path(__file__).resolve().parents[1]
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen([sys.executable, "-P", "-m", "pinecone_double.serve", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, "PYTHONPATH": str(here)}, start_new_session=True)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = read_state(folder)
        if state and state["pid"] == process.pid:
            return state
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    sys.exit("the service did not start:\n" + (folder / "server.log").read_text()[-2000:])


def stop(folder):
    state = read_state(folder)
    if not state or not alive(state["pid"]):
        return
    os.kill(state["pid"], signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while alive(state["pid"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    if alive(state["pid"]):
        os.kill(state["pid"], signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(prog="pinecone", description="A Pinecone service for tests.")
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
