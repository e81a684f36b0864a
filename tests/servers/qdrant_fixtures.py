"""Doubles for tests: those of one test, and one that the tests of a file share. Imported by name where they are used."""
import pytest

from double_fixture import Double
from qdrant_words import Raw


@pytest.fixture
def start(tmp_path):
    """Starts doubles; all are stopped at the end."""
    started = []

    def go(*words, env=None, name="server"):
        started.append(Double(tmp_path / name, *words, env=env).start())
        return started[-1]

    yield go
    for double in started:
        double.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    double = Double(tmp_path_factory.mktemp("shared"), "--distributed").start()
    yield double
    double.stop()


@pytest.fixture
def raw(shared, request):
    """Stubs on the shared double; `raw.name` is the test's own collection."""
    stubs = Raw(shared)
    stubs.name = request.node.name.replace("[", "-").replace("]", "")[:200]
    return stubs
