"""What the scenarios with a Milvus server share: collections of every type, made and read by the vendor's client."""
import pathlib
import re
import sys

import numpy as np
import pytest

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
from milvus_fixtures import Server, double, engine2, lite, own, vendor  # noqa: E402,F401
from postgresql_scenario import HEADER, jsonl, record, vector  # noqa: E402,F401


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def name(request):
    """A collection's name, the test's own."""
    return re.sub(r"\W", "_", request.node.name)[:200]


def make(client, name, fields, indexes, dynamic=True, auto_id=False, **more):
    """A collection of the fields, given as keyword arguments of add_field, with an index on each vector, loaded."""
    schema = client.create_schema(auto_id=auto_id, enable_dynamic_field=dynamic)
    for field in fields:
        schema.add_field(**field)
    params = client.prepare_index_params()
    for field, (kind, metric) in indexes.items():
        params.add_index(field_name=field, index_type=kind, metric_type=metric)
    client.create_collection(name, schema=schema, index_params=params, **more)


def key(varchar=True, **more):
    kind = vendor().DataType
    return {"field_name": "id", "is_primary": True, **({"datatype": kind.VARCHAR, "max_length": 512} if varchar else {"datatype": kind.INT64}), **more}


def floats(dim=4, name="vector", **more):
    return {"field_name": name, "datatype": vendor().DataType.FLOAT_VECTOR, "dim": dim, **more}


def rows_of(client, name, fields=("*",)):
    """Every row as the vendor's client reads it, by id."""
    found = client.query(name, filter="", output_fields=list(fields), limit=16000, consistency_level="Strong")
    return {row["id"]: dict(row) for row in found}


def plain(value):
    """A vector as numbers, whatever the client gave it as."""
    return [float(x) for x in np.asarray(value, dtype="f8")]


def ok(done, code=0):
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr
