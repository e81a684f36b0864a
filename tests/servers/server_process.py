"""What every launcher of this folder does with the process of a server: DIR/server.json says what runs there, and a process is known by a word of its
command line, since its number may be another's by now."""
import json
import os
import pathlib
import signal
import socket
import sys
import time


def read_state(folder):
    try:
        return json.loads((folder / "server.json").read_text())
    except FileNotFoundError:
        return None


def write_json(path, value):
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(value, indent=1))
    os.replace(partial, path)


def write_state(folder, state):
    write_json(folder / "server.json", state)


def runs(pid, word):
    """Whether the process runs, and has that word in its command: a number that another process got since has not, and one that ended does not."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return word.encode() in words and stat.rsplit(")", 1)[1].split()[0] != "Z"


def alive(state, key="data"):
    """Of a state that holds such a word under `key`."""
    return bool(state and state.get("pid")) and runs(state["pid"], state[key])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(pid, is_alive, seconds, how=signal.SIGTERM, first=None, last=signal.SIGKILL):
    """Sends `how` to the process (to `first` where another is to be told), waits, and sends `last` to one that is still there."""
    os.kill(pid if first is None else first, how)
    deadline = time.monotonic() + seconds
    while is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    if is_alive():
        os.kill(pid, last)


def started(process, folder, seconds, what):
    """The state that the process writes when it answers; ends this program, with the server's last words, where it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = read_state(folder)
        if state and state["pid"] == process.pid:
            return state
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    sys.exit(f"the {what} did not start:\n" + (folder / "server.log").read_text()[-3000:])


def tell_status(state, running):
    """Ends this program: 0 where it runs, else 3."""
    print(json.dumps({"running": running, **(state or {})}))
    sys.exit(0 if running else 3)
