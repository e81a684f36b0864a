"""Servers of several versions, each with the vendor's client of its time, which alone says what is on them."""
import json
import pathlib
import subprocess
import sys

import pytest

from qdrant_scenario import Double

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACTS = ROOT / "tests/vendor/qdrant_acts.py"
# server -> the environment of its client
TIMES = {"1.18.3": None, "1.12.6": "qdrant_old", "1.7.4": "qdrant_1_7"}


def interpreter(environment):
    """Its Python; the test is skipped where the environment is not installed."""
    if environment is None:
        return sys.executable
    found = ROOT / f".cache/venvs/{environment}/bin/python"
    if not found.exists():
        pytest.skip(f"tools/vendor-env {environment} was not run")
    return found


class Server:
    def __init__(self, folder, version="1.18.3", environment=None, *words):
        self.python = interpreter(environment)
        self.double = Double(folder, "--version", version, *words).start()

    def uri(self, name=None):
        return f"qdrant://127.0.0.1:{self.double.port}" + ("" if name is None else "#" + name.replace("%", "%25").replace("?", "%3F"))

    def acts(self, *acts, python=None):
        """What the client answers to some of tests/vendor/qdrant_acts.py."""
        asked = json.dumps({"grpc": self.double.port, "rest": self.double.state["rest_port"], "acts": acts})
        done = subprocess.run([python or self.python, ACTS, asked], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    def act(self, *act, **more):
        return self.acts(act, **more)[0]


def different(one, other, at=""):
    """The places where two answers differ, with both values: an assertion of the whole would print thousands of lines."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [place for key in sorted(one.keys() | other.keys()) for place in different(one.get(key, "(nothing)"), other.get(key, "(nothing)"), f"{at}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [place for i, (a, b) in enumerate(zip(one, other)) for place in different(a, b, f"{at}/{i}")]
    # 1 equals 1.0 and True in Python.
    return [] if json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True) else [(at, str(one)[:200], str(other)[:200])]
