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


class Judge:
    """A client in a process of its own, doing acts of tests/vendor/qdrant_acts.py."""

    def __init__(self, double, python):
        self._process = subprocess.Popen([python, ACTS, str(double.port), str(double.state["rest_port"])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)

    def act(self, *act):
        self._process.stdin.write(json.dumps(act) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        assert "answer" in told, told.get("error")
        return told["answer"]

    def stop(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(20)


class Server:
    """A double of one version, with a client of its time unless another is named."""

    def __init__(self, folder, version="1.18.3", *words):
        python = interpreter(TIMES[version])
        self.double = Double(folder, "--version", version, *words).start()
        self.judge = Judge(self.double, python)
        self.act = self.judge.act

    def uri(self, name=None):
        return f"qdrant://127.0.0.1:{self.double.port}" + ("" if name is None else "#" + name.replace("%", "%25").replace("?", "%3F"))

    def stop(self):
        self.judge.stop()
        self.double.stop()


def same(one, other, name, to=None):
    """Compares parameters, indexes, aliases and points, bit by bit, as the client of each server tells them."""
    before, after = one.act("look", name), other.act("look", to or name)
    assert before["points"] or name == "nothing"
    places = different(before, after)
    assert not places, places[:10]


def different(one, other, at=""):
    """The places where two answers differ, with both values: an assertion of the whole would print thousands of lines."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [place for key in sorted(one.keys() | other.keys()) for place in different(one.get(key, "(nothing)"), other.get(key, "(nothing)"), f"{at}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [place for i, (a, b) in enumerate(zip(one, other)) for place in different(a, b, f"{at}/{i}")]
    # 1 equals 1.0 and True in Python.
    return [] if json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True) else [(at, str(one)[:200], str(other)[:200])]
