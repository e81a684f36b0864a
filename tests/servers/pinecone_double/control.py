"""start, stop and status of a double."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

from server_process import end, read_state, runs, started, tell_status

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


def alive(state):
    return bool(state) and runs(state["pid"], "pinecone_double.serve")


def start(words, folder):
    """Starts a service and waits until it answers. The key that it takes is PINECONE_DOUBLE_API_KEY, or "test-key"."""
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder)
    if alive(before):
        sys.exit(f"a service runs in {folder} already, process {before['pid']}")
    here = pathlib.Path(__file__).resolve().parents[1]
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen([sys.executable, "-P", "-m", "pinecone_double.serve", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, "PYTHONPATH": str(here)}, start_new_session=True)
    return started(process, folder, _START_SECONDS, "service")


def stop(folder):
    state = read_state(folder)
    if not alive(state):
        return False
    end(state["pid"], lambda: alive(state), _STOP_SECONDS)
    return True


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
    if options.command == "stop":
        print("stopped" if stop(options.dir) else "was not running")
    else:
        state = read_state(options.dir)
        tell_status(state, alive(state))


if __name__ == "__main__":
    main()
