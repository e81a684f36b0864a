"""What the scenarios with a PostgreSQL server share: records of every type as JSON lines, and the program with a database of the test's own."""
import base64
import json
import pathlib
import sys

import pytest

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
from postgresql_fixtures import Postgres, database, database16, either, postgres16, postgres18  # noqa: E402,F401

HEADER = {"id_kind": "string", "tenant": False, "document": True, "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": 4, "metric": "cosine"}]}


def vector(i, dims=4):
    """Exact in half precision, never zero, the same for the same i."""
    return [((i * 7 + k * 3) % 17 - 8.5) / 4 for k in range(dims)]


def record(i, **more):
    plain = {"id": f"rec-{i}", "document": f"Text {i} – ünï", "metadata": {"n": i, "group": f"g{i % 5}"}, "vectors": {"vector": vector(i)}}
    return {**plain, **more}


def jsonl(path, records, **schema):
    """A file of records; returns it as Vecferry is told it."""
    lines = [{"vecferry": 1, "schema": {**HEADER, **schema}}, *records]
    path = pathlib.Path(path)
    path.write_text("".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines))
    return f"jsonl:{path}"


def bits(text):
    """A bit vector as JSON lines hold it: the first element is the highest bit."""
    padded = text + "0" * (-len(text) % 8)
    return base64.b64encode(int(padded, 2).to_bytes(len(padded) // 8, "big")).decode()


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def option(*pairs):
    """--target-opt for each."""
    return [word for pair in pairs for word in ("--target-opt", pair)]
