"""Parts of the machine that a scenario makes worse for itself alone: a disk, a network, a terminal. The first two take root."""
import os
import pty
import shutil
import signal
import subprocess
import time

import pytest

from qdrant_scenario import Double

needs_root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("unshare"), reason="takes root, setpriv and unshare")


def name_space(flag):
    """A process that holds a name space of its own: --mount or --net."""
    kind = {"--mount": "mnt", "--net": "net"}[flag]
    holder = subprocess.Popen(["unshare", flag, *(["--propagation", "private"] if flag == "--mount" else []), "sleep", "300"])
    deadline = time.monotonic() + 10
    while os.readlink(f"/proc/{holder.pid}/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}"):
        assert time.monotonic() < deadline and holder.poll() is None
        time.sleep(0.02)
    return holder


class SmallDisk:
    """A file system of a few kilobytes, in a name space of its own."""

    def __init__(self, folder, size):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.holder = name_space("--mount")
        self.inside("mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder).check_returncode()

    def inside(self, *command, **kwargs):
        return subprocess.run(["nsenter", "-t", str(self.holder.pid), "-m", *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120, **kwargs)

    def vecferry(self, work, *args):
        return self.inside(*work.command(*args), env=work.environment())

    def grow(self):
        self.inside("mount", "-o", "remount,size=64m", self.folder).check_returncode()

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Network:
    """A network of its own, of nothing but a loopback that can be cut."""

    def __init__(self):
        self.holder = name_space("--net")
        self.connect()

    def inside(self, *command):
        return ["nsenter", "-t", str(self.holder.pid), "-n", *map(str, command)]

    def _link(self, state):
        subprocess.run(self.inside("ip", "link", "set", "lo", state), check=True)

    def connect(self):
        self._link("up")

    def cut(self):
        self._link("down")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class DoubleInside(Double):
    """A double in a network of its own; started again, it is in everybody's."""

    def __init__(self, network, folder):
        super().__init__(folder)
        self.network = network

    def command(self, *words):
        return self.network.inside(*super().command(*words)) if self.network else super().command(*words)


class Terminal:
    """A program on a terminal of its own, which can be closed under it."""

    def __init__(self, command, env):
        pid, self.master = pty.fork()
        if pid == 0:
            # Who runs the tests may have been started with it ignored, which a child inherits.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.execvpe(command[0], command, env)
        self.pid = pid

    def close(self):
        os.close(self.master)

    def read(self):
        try:
            return os.read(self.master, 1 << 16).decode(errors="replace")
        except OSError:
            return ""

    def wait(self, seconds=30):
        """The exit code, or minus the signal."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        raise TimeoutError("the program went on without its terminal")
