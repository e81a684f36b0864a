"""Weaviate servers for tests: the vendor's, where it is installed, and the imitation; and what the vendor's client does on them. Imported by name where
they are used."""
import json
import os
import pathlib
import re
import subprocess
import time

import pytest
from launched import Launched

_HERE = pathlib.Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_NOT_THERE = 77


def client_python():
    """The interpreter of the vendor's client, or None where it could not be installed."""
    done = subprocess.run([_ROOT / "tools/vendor-env", "weaviate"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


class Weaviate(Launched):
    """A server with a folder of its own; `kind` is "weaviate" or "weaviate_double"."""

    def __init__(self, folder, kind):
        super().__init__(kind, folder)
        self.kind, self._acts, self._key = kind, None, None

    def _run(self, command, *words, check=True):
        done = super()._run(command, *words, check=False)
        if done.returncode == _NOT_THERE:
            pytest.skip(done.stderr.strip() or "there is no server")
        if check and done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done

    @property
    def real(self):
        return self.kind == "weaviate"

    def start(self, key=None):
        words = []
        if key:
            self._key = key
            words = ["--key", key] if not self.real else ["AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=false", "AUTHENTICATION_APIKEY_ENABLED=true",
                                                         f"AUTHENTICATION_APIKEY_ALLOWED_KEYS={key}", "AUTHENTICATION_APIKEY_USERS=tester"]
        self.state = json.loads(self._run("start", *words).stdout)
        return self

    def stop(self):
        self.close_client()
        self._run("stop")

    def kill(self):
        self.close_client()
        self._run("kill")

    def uri(self, name, **more):
        """As Vecferry is told it."""
        options = {"grpc-port": self.state["grpc_port"], **more}
        return f"weaviate://127.0.0.1:{self.state['port']}?" + "&".join(f"{key}={value}" for key, value in options.items()) + f"#{name}"

    def faults(self, **active):
        """Of the imitation: replaces the faults; none at all clears them."""
        self.put("faults.json", active)

    def act(self, name, *arguments):
        """What the vendor's client does."""
        if self._acts is None:
            python = client_python()
            if not python:
                pytest.skip("weaviate-client could not be installed")
            words = [python, "-W", "ignore", _ROOT / "tests/vendor/weaviate_acts.py", self.state["port"], self.state["grpc_port"], *([self._key] if self._key else [])]
            self._acts = subprocess.Popen([*map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._acts.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._acts.stdin.flush()
        line = self._acts.stdout.readline()
        assert line, "the vendor's client ended"
        told = json.loads(line)
        assert "error" not in told, told["error"]
        return told["answer"]

    def close_client(self):
        if self._acts is not None:
            self._acts.stdin.close()
            self._acts.wait(30)
            self._acts = None


def _shared(tmp_path_factory, kind):
    server = Weaviate(tmp_path_factory.mktemp(kind), kind).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def weaviate_real(tmp_path_factory):
    yield from _shared(tmp_path_factory, "weaviate")


@pytest.fixture(scope="session")
def weaviate_double(tmp_path_factory):
    yield from _shared(tmp_path_factory, "weaviate_double")


@pytest.fixture(params=["double", "real"] if os.environ.get("VECFERRY_HEAVY_SERVERS") else ["double"])
def weaviate(request):
    """Each server in turn; the real one, which is slow, where VECFERRY_HEAVY_SERVERS says so."""
    return request.getfixturevalue(f"weaviate_{request.param}")


@pytest.fixture
def class_name(request):
    """A class of the test's own."""
    return "T" + re.sub(r"\W+", "_", request.node.name)[:100] + f"_{time.monotonic_ns()}"
