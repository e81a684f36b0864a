"""Chroma's own server for tests, and the vendor's own client, which says what is on it. Imported by name where they are used; the tests of a
file share one. Skipped, with the reason, where the vendor's package cannot be installed."""
import json
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LAUNCHER = HERE / "chroma"


def interpreter():
    made = subprocess.run([str(ROOT / "tools/vendor-env"), "chroma"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if made.returncode:
        pytest.skip(f"tools/vendor-env chroma: {made.stderr.strip()[-300:]}")
    return made.stdout.strip()


class Chroma:
    def __init__(self, folder):
        self.folder, self._judge = pathlib.Path(folder), None
        self._python = interpreter()
        self.start()

    def _run(self, command, check=True):
        done = subprocess.run([LAUNCHER, command, "--dir", self.folder], capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self):
        self.port = json.loads(self._run("start"))["port"]
        return self

    def stop(self):
        if self._judge:
            self._judge.stdin.close(), self._judge.stdout.close(), self._judge.wait(20)
            self._judge = None
        self._run("stop")

    def kill(self):
        self._run("kill")

    def restart(self):
        self._run("restart")

    def running(self):
        return subprocess.run([LAUNCHER, "status", "--dir", self.folder], capture_output=True).returncode == 0

    def act(self, name, /, **arguments):
        """See tests/vendor/chroma_acts.py."""
        if self._judge is None:
            self._judge = subprocess.Popen([self._python, ROOT / "tests/vendor/chroma_acts.py", str(self.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._judge.stdin.write(json.dumps([name, arguments]) + "\n")
        self._judge.stdin.flush()
        answer = json.loads(self._judge.stdout.readline())
        assert "answer" in answer, answer.get("error")
        return answer["answer"]

    def told(self, name, **where):
        return self.act("told", name=name, **where)

    def clear(self):
        for name in self.act("names"):
            self.act("drop", name=name)

    def uri(self, name=None, port=None):
        return f"chroma://127.0.0.1:{port or self.port}" + (f"#{name}" if name else "")


@pytest.fixture(scope="module")
def chroma_server(tmp_path_factory):
    server = Chroma(tmp_path_factory.mktemp("chroma"))
    yield server
    server.stop()


@pytest.fixture
def chroma(chroma_server):
    """The server, empty."""
    if not chroma_server.running():
        chroma_server.start()
    chroma_server.clear()
    return chroma_server
