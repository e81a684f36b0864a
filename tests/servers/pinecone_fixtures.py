"""A double of Pinecone for tests, and its official client in a process of its own. Imported by name where they are used."""
import json
import pathlib
import subprocess

import pytest
from launched import Launched

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEY = "test-key"


class VendorError(Exception):
    """An exception of the client's own: `kind` is its class."""

    def __init__(self, kind, text):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Double(Launched):
    def __init__(self, folder, *words):
        super().__init__("pinecone", folder)
        self._first, self._vendors = words, {}

    def start(self, *words):
        return super().start(*(words or self._first))

    def stop(self):
        for process in self._vendors.values():
            process.stdin.close()
            process.wait(timeout=20)
        self._vendors = {}
        super().stop()

    def faults(self, *rules):
        """Replaces the faults; none at all clears them."""
        self.put("faults.json", rules or None)

    def index_port(self, name):
        return json.loads((self.folder / "server.json").read_text())["indexes"][name]

    def uri(self, index, namespace=None, options=""):
        return f"pinecone:{index}?control=http%3A%2F%2F127.0.0.1%3A{self.port}{options}" + (f"#{namespace}" if namespace is not None else "")

    def vendor(self, act, _key=KEY, **arguments):
        """What the official client answers; VendorError for an exception of its own."""
        process = self._vendors.get(_key)
        if process is None:
            process = self._vendors[_key] = subprocess.Popen([vendor_python(), "-P", ROOT / "tests/vendor/pinecone_acts.py", self.state["control"], _key],
                                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(json.dumps([act, arguments]) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if "error" in answer:
            raise VendorError(answer["error"], answer["text"])
        return answer["answer"]


def vendor_python():
    made = subprocess.run([ROOT / "tools/vendor-env", "pinecone"], capture_output=True, text=True)
    if made.returncode:
        pytest.skip("the environment of Pinecone's client cannot be made: " + made.stderr.strip()[-300:])
    return made.stdout.strip()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """For all tests of a file; each takes index names of its own."""
    double = Double(tmp_path_factory.mktemp("pinecone")).start()
    yield double
    double.stop()


@pytest.fixture
def start(tmp_path):
    """Starts doubles with options; all are stopped at the end."""
    started = []

    def go(*words):
        started.append(Double(tmp_path / f"pinecone{len(started)}", *words).start())
        return started[-1]

    yield go
    for double in started:
        double.stop()
