"""start, stop, kill and status of an imitation. DIR/server.json holds {"pid", "port", "grpc_port"}; one that is started again in the same folder has the same
ports, and nothing of what it held."""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

from server_process import alive as runs_in, end, read_state

_SECONDS = 60


def alive(state):
    return runs_in(state, "folder")


def start(folder, key):
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder)
    if alive(before):
        sys.exit(f"an imitation runs in {folder} already")
    (folder / "server.json").unlink(missing_ok=True)
    words = [sys.executable, "-P", "-W", "ignore", "-m", "weaviate_twin.serve", str(folder), str((before or {}).get("port", 0)), str((before or {}).get("grpc_port", 0))]
    with open(folder / "server.log", "ab") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={**os.environ, "WEAVIATE_TWIN_KEY": key or ""})
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "server.json").exists():
            print((folder / "server.json").read_text())
            return
        time.sleep(0.02)
    sys.exit("the imitation did not start:\n" + (folder / "server.log").read_text()[-3000:])


def stop(folder, how):
    state = read_state(folder)
    if not alive(state):
        return
    end(state["pid"], lambda: alive(state), 15, how)


def main():
    parser = argparse.ArgumentParser(prog="weaviate_double")
    parser.add_argument("command", choices=["start", "stop", "kill", "status"])
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--key", help="the API key that every call must have")
    options = parser.parse_args()
    folder = options.dir.resolve()
    if options.command == "start":
        start(folder, options.key)
    elif options.command == "status":
        sys.exit(0 if alive(read_state(folder)) else 3)
    else:
        stop(folder, signal.SIGKILL if options.command == "kill" else signal.SIGTERM)


if __name__ == "__main__":
    main()
