"""What the scenarios with Pinecone share: records as JSON lines and as the vendor's client has them, and the program with the double's key."""
import pathlib
import sys

import pytest

import harness
from postgresql_scenario import jsonl, record, vector  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
from pinecone_fixtures import KEY, VendorError, service, start  # noqa: E402,F401


class Workplace(harness.Workplace):
    """With the key in the environment, as users have it."""

    def environment(self, extra=None):
        return super().environment({"PINECONE_API_KEY": KEY, **(extra or {})})

    def copy(self, source, target, *flags, code=0, **more):
        return self.json("copy", source, target, *flags, code=code, **more)


@pytest.fixture
def work(tmp_path):
    return Workplace(tmp_path / "w")


def made(i, **metadata):
    """A record as the vendor's client writes it; numbers and texts of every kind that the service holds."""
    return {"id": f"rec-{i}", "values": vector(i), "metadata": {"n": i, "half": i + 0.5, "group": f"g{i % 5}", "tags": ["a", f"t{i % 3}"], "ok": i % 2 == 0, "document": f"Text {i} – ünï", **metadata}}


def theirs(service, index, namespace=""):  # noqa: F811
    """Everything that the vendor's client reads of a namespace."""
    return service.vendor("everything", index=index, namespace=namespace)


def lines(path):
    import json
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file][1:]
