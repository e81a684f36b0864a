"""Milvus servers for tests: the vendor's two Lite engines and the double, each with the vendor's client. Imported by name where they are used."""
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "tests" / "servers" / "milvus"


def vendor():
    """The vendor's client as a module, out of its own environment; skips the test where that cannot be made."""
    if "pymilvus" not in sys.modules:
        made = subprocess.run([ROOT / "tools" / "vendor-env", "milvus"], capture_output=True, text=True)
        if made.returncode:
            pytest.skip("pymilvus cannot be installed here: " + made.stderr.strip()[-200:])
        sys.path.append(str(next(pathlib.Path(made.stdout.strip()).parent.parent.glob("lib/python*/site-packages"))))
    import pymilvus
    return pymilvus


class Server:
    """One server in a folder: started, killed and started again at will."""

    def __init__(self, folder, engine, *words):
        self.folder, self.engine, self._words = pathlib.Path(folder), engine, words
        self.state = {}

    def _run(self, command, *words):
        return subprocess.run([LAUNCHER, command, "--dir", self.folder, *map(str, words)], capture_output=True, text=True)

    def start(self):
        words = ["--", *self._words] if self._words else []
        done = self._run("start", "--engine", self.engine, *words)
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.state = json.loads(done.stdout)
        return self

    def stop(self):
        self._run("stop")

    def kill(self):
        self._run("kill")

    @property
    def port(self):
        return self.state["port"]

    def uri(self, collection, options=""):
        return f"milvus://127.0.0.1:{self.port}{options}#{collection}"

    def client(self, **more):
        return vendor().MilvusClient(uri=f"http://127.0.0.1:{self.port}", **more)

    def faults(self, *rules):
        """Replaces the double's faults; none at all clears them."""
        path = self.folder / "faults.json"
        if not rules:
            path.unlink(missing_ok=True)
            return
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(rules))
        os.replace(partial, path)

    def calls(self):
        """How often the double was called, by method."""
        import signal
        path = self.folder / "stats.json"
        path.unlink(missing_ok=True)
        os.kill(self.state["pid"], signal.SIGUSR1)
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return json.loads(path.read_text())


def _shared(engine):
    @pytest.fixture(scope="module")
    def server(tmp_path_factory):
        vendor()
        started = Server(tmp_path_factory.mktemp("milvus"), engine)
        try:
            started.start()
        except RuntimeError as error:
            if "vendor-env" in str(error):
                pytest.skip(f"Milvus Lite cannot be installed here: {error}")
            raise
        yield started
        started.stop()
    return server


lite = _shared("3")
engine2 = _shared("2")
double = _shared("double")


@pytest.fixture
def own(tmp_path):
    """Servers of the test's own; all are stopped at the end."""
    started = []

    def go(engine, *words):
        vendor()
        started.append(Server(tmp_path / f"server{len(started)}", engine, *words).start())
        return started[-1]

    yield go
    for server in started:
        server.stop()
