"""The double of Milvus, driven by the vendor's own client: what the scenarios rest on."""
import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from milvus_fixtures import double, own, vendor  # noqa: E402,F401


def collection(client, name, kind, metric, dim=16, key=None, **more):
    types = vendor().DataType
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("id", key or types.INT64, is_primary=True, **({"max_length": 100} if key else {}))
    schema.add_field("vector", kind, **({} if kind == types.SPARSE_FLOAT_VECTOR else {"dim": dim}), **more)
    params = client.prepare_index_params()
    params.add_index("vector", index_type="SPARSE_INVERTED_INDEX" if kind == types.SPARSE_FLOAT_VECTOR else "AUTOINDEX", metric_type=metric)
    client.create_collection(name, schema=schema, index_params=params)


def test_every_kind_of_vector(double):
    types, client = vendor().DataType, double.client()
    half = np.arange(16, dtype=np.float16)
    given = {"FLOAT_VECTOR": ("L2", [float(i) for i in range(16)]), "BINARY_VECTOR": ("HAMMING", bytes([3, 5])), "FLOAT16_VECTOR": ("IP", half),
             "SPARSE_FLOAT_VECTOR": ("IP", {1: 0.5, 7: 1.0}), "INT8_VECTOR": ("COSINE", np.arange(16, dtype=np.int8))}
    for kind, (metric, value) in given.items():
        collection(client, kind, types[kind], metric)
        client.upsert(kind, [{"id": -7, "vector": value, "more": {"a": 1}}])
        (row,) = client.query(kind, filter="id < 0", output_fields=["vector", "more"])
        assert row["more"] == {"a": 1}
        (hits,) = client.search(kind, data=[value], limit=1)
        assert hits[0]["id"] == -7, kind
        with pytest.raises(Exception):
            client.query(kind, filter="id >", output_fields=["id"])


def test_a_walk_sees_one_time(double):
    client = double.client()
    collection(client, "walked", vendor().DataType.FLOAT_VECTOR, "L2", dim=2)
    client.insert("walked", [{"id": i, "vector": [i, 1]} for i in range(50, -50, -1)])
    walk = client.query_iterator("walked", batch_size=7, output_fields=["id"])
    ids = [row["id"] for row in walk.next()]
    client.insert("walked", [{"id": 1000, "vector": [1, 1]}])
    client.delete("walked", ids=[40])
    while page := walk.next():
        ids += [row["id"] for row in page]
    assert ids == list(range(-49, 51))
    assert client.query("walked", filter="", output_fields=["count(*)"])[0]["count(*)"] == 100


def test_names_partitions_and_loading(double):
    client = double.client()
    collection(client, "named", vendor().DataType.FLOAT_VECTOR, "IP", dim=2)
    client.create_alias("named", "other")
    client.create_partition("named", "north")
    client.insert("named", [{"id": 1, "vector": [1, 2]}], partition_name="north")
    assert client.query("other", filter="id == 1", output_fields=["id"], partition_names=["north"]) and not client.query("other", filter="id == 1", output_fields=["id"], partition_names=["_default"])
    client.rename_collection("named", "renamed")
    assert client.describe_collection("other")["collection_name"] == "renamed"
    client.release_collection("renamed")
    with pytest.raises(vendor().MilvusException) as refused:
        client.query("renamed", filter="id == 1", output_fields=["id"])
    assert refused.value.code == 101
    with pytest.raises(vendor().MilvusException) as refused:
        client.insert("renamed", [{"id": 2, "vector": [1, float("nan")]}])
    assert refused.value.code == 1100


def test_tokens_and_databases(own):
    server = own("double", "--token", "root:secret")
    with pytest.raises(Exception):
        server.client(token="root:wrong").list_collections()
    client = server.client(token="root:secret")
    client.create_database("second")
    assert server.client(token="root:secret", db_name="second").list_collections() == []
