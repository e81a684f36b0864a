"""install, start, stop, restart, kill and status of a real Weaviate server.

`install` builds the server once by `go install` (about 15 minutes on two cores) into a cache outside of the source tree; where it is not there
`start` ends with exit code 77 and says so: it never builds.

Weaviate's gRPC and cluster ports listen on all interfaces and cannot be told otherwise. So the server runs in a network namespace of its own,
which holds nothing but a loopback, and a process of this script takes connections on 127.0.0.1 outside and hands them on inside: its listening
sockets were made before it went into the namespace, and a socket stays where it was made. Clients need to know nothing of it.

DIR holds data/, server.log and server.json: {"pid", "server_pid", "port", "grpc_port", ...}. A server that is started again in the same folder has
the same ports, settings and data."""
import argparse
import asyncio
import ctypes
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request

sys.path.append(str(pathlib.Path(__file__).resolve().parent))  # this program runs without its own folder on the path

from server_process import alive as runs_in, end, read_state, tell_status, write_state  # noqa: E402

VERSION = "v1.35.2"
PROGRAM = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "vecferry" / f"weaviate-{VERSION[1:]}" / "weaviate-server"
_START_SECONDS = 90
_STOP_SECONDS = 30
_NOT_THERE = 77
_INSIDE = {"rest": 8080, "grpc": 50051}
_CLONE_NEWNET, _CLONE_NEWUSER, _PR_SET_PDEATHSIG = 0x40000000, 0x10000000, 1
_SETTINGS = {
    "DEFAULT_VECTORIZER_MODULE": "none", "ENABLE_MODULES": "", "DISABLE_TELEMETRY": "true", "LOG_LEVEL": "warning", "GO_PROFILING_DISABLE": "true",
    "CLUSTER_HOSTNAME": "node1", "CLUSTER_ADVERTISE_ADDR": "127.0.0.1", "CLUSTER_IN_LOCALHOST": "true", "RAFT_BOOTSTRAP_EXPECT": "1", "RAFT_ENABLE_ONE_NODE_RECOVERY": "true",
    "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true", "QUERY_DEFAULTS_LIMIT": "25", "PERSISTENCE_LSM_MAX_SEGMENT_SIZE": "1GB", "DISABLE_LAZY_LOAD_SHARDS": "true",
    "GRPC_PORT": str(_INSIDE["grpc"]), "AUTOSCHEMA_ENABLED": "true", "GOMAXPROCS": "2"}


def install():
    if PROGRAM.exists():
        return 0
    go = shutil.which("go")
    if not go:
        print("weaviate: no weaviate-server, and no go to build it", file=sys.stderr)
        return _NOT_THERE
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "GOBIN": str(PROGRAM.parent), "GOFLAGS": "-buildvcs=false -p=2"}
    built = subprocess.run([go, "install", f"github.com/weaviate/weaviate/cmd/weaviate-server@{VERSION}"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if built.returncode:
        print("weaviate: weaviate-server cannot be built: " + (built.stderr.strip().splitlines() or [""])[-1][:200], file=sys.stderr)
        return _NOT_THERE
    return 0


def alive(state):
    """Whether the keeper of the server runs."""
    return runs_in(state, "folder")


# ---- inside the keeper: the process between the two namespaces

def _enter_namespace():
    """A network of this process's own, its loopback up."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace can be made here")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        (up,) = struct.unpack_from("H", fcntl.ioctl(control, 0x8913, request), 16)  # SIOCGIFFLAGS
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", up | 1))  # SIOCSIFFLAGS, IFF_UP


def _launch(folder, settings):
    data = folder / "data"
    data.mkdir(exist_ok=True)
    env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    env.update({**_SETTINGS, "PERSISTENCE_DATA_PATH": str(data), **settings})
    die_with_me = lambda: ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # noqa: E731
    with open(folder / "server.log", "ab") as log:
        return subprocess.Popen([PROGRAM, "--scheme", "http", "--host", "127.0.0.1", "--port", str(_INSIDE["rest"])], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                cwd=folder, preexec_fn=die_with_me)


async def _pump(loop, source, sink):
    try:
        while data := await loop.sock_recv(source, 1 << 18):
            await loop.sock_sendall(sink, data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


async def _hand_on(loop, outside, port):
    inside = socket.socket()
    inside.setblocking(False)
    for each in (inside, outside):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await loop.sock_connect(inside, ("127.0.0.1", port))
        await asyncio.gather(_pump(loop, outside, inside), _pump(loop, inside, outside))
    except OSError:
        pass
    finally:
        outside.close()
        inside.close()


async def _accept(loop, listener, port):
    tasks = set()
    while True:
        outside, _ = await loop.sock_accept(listener)
        outside.setblocking(False)
        task = loop.create_task(_hand_on(loop, outside, port))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def _ready():
    # A proxy of the environment is not asked: it is outside.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        if opener.open(f"http://127.0.0.1:{_INSIDE['rest']}/v1/.well-known/ready", timeout=2).status != 200:
            return False
        with socket.create_connection(("127.0.0.1", _INSIDE["grpc"]), timeout=2):
            return True
    except OSError:
        return False


async def _keep(folder, state, listeners):
    process = _launch(folder, state["settings"])
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and not stop.is_set() and not await asyncio.to_thread(_ready):
        if time.monotonic() > deadline:
            stop.set()
        await asyncio.sleep(0.05)
    if process.poll() is None and not stop.is_set():
        accepting = [loop.create_task(_accept(loop, listeners[name], _INSIDE[name])) for name in listeners]
        write_state(folder, {**state, "pid": os.getpid(), "server_pid": process.pid})
        while process.poll() is None and not stop.is_set():
            await asyncio.sleep(0.1)
        for task in accepting:
            task.cancel()
    if process.poll() is None:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def keep(folder):
    state = json.loads((folder / "wanted.json").read_text())
    listeners = {}
    for name, key in (("rest", "port"), ("grpc", "grpc_port")):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", state[key]))
        listener.listen(512)
        listener.setblocking(False)
        state[key] = listener.getsockname()[1]
        listeners[name] = listener
    _enter_namespace()
    asyncio.run(_keep(folder, state, listeners))


# ---- the commands

def start(folder, settings=None):
    """Waits until the server answers. What is not said is as at the last start in this folder."""
    if not PROGRAM.exists():
        print(f"weaviate: there is no weaviate-server {VERSION}: `tests/servers/weaviate install` builds it", file=sys.stderr)
        sys.exit(_NOT_THERE)
    folder.mkdir(parents=True, exist_ok=True)
    before = read_state(folder) or {}
    if alive(before):
        sys.exit(f"a server runs in {folder} already, process {before['pid']}")
    (folder / "server.json").unlink(missing_ok=True)
    state = {"folder": str(folder), "version": VERSION, "port": before.get("port", 0), "grpc_port": before.get("grpc_port", 0),
             "settings": before.get("settings", {}) if settings is None else settings}
    (folder / "wanted.json").write_text(json.dumps(state))
    with open(folder / "keeper.log", "ab") as log:
        keeper = subprocess.Popen([sys.executable, "-P", __file__, "keep", "--dir", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    while keeper.poll() is None:
        if (folder / "server.json").exists():
            return read_state(folder)
        time.sleep(0.05)
    words = (folder / "keeper.log").read_text()[-1500:]
    if "no network namespace" in words:
        print("weaviate: no network namespace can be made here, and outside of one the server would listen on all interfaces", file=sys.stderr)
        sys.exit(_NOT_THERE)
    log = folder / "server.log"
    sys.exit("the server did not start:\n" + words + (log.read_text()[-3000:] if log.exists() else ""))


def stop(folder, how=signal.SIGTERM):
    """SIGKILL goes to the server itself; its keeper ends with it."""
    state = read_state(folder)
    if not alive(state):
        return False
    end(state["pid"], lambda: alive(state), _STOP_SECONDS + 5, how, first=state["server_pid"] if how == signal.SIGKILL else None)
    return True


def _parse():
    parser = argparse.ArgumentParser(prog="weaviate", description="A real Weaviate server for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help="build the server, where it is not there")
    for name in ("start", "restart", "stop", "kill", "status", "keep"):
        command = commands.add_parser(name)
        command.add_argument("--dir", type=pathlib.Path, required=True, help="the server's folder")
        if name in ("start", "restart"):
            command.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="the server's environment, in place of that of the last start")
    return parser.parse_args()


def main():
    options = _parse()
    if options.command == "install":
        sys.exit(install())
    folder = options.dir.resolve()
    if options.command == "keep":
        keep(folder)
    if options.command in ("stop", "restart", "kill"):
        stopped = stop(folder, signal.SIGKILL if options.command == "kill" else signal.SIGTERM)
        if options.command != "restart":
            print("stopped" if stopped else "was not running")
    if options.command in ("start", "restart"):
        settings = dict(word.split("=", 1) for word in options.settings) if options.settings else None
        print(json.dumps(start(folder, settings)))
    if options.command == "status":
        state = read_state(folder)
        tell_status(state, alive(state))


if __name__ == "__main__":
    main()
