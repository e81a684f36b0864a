"""The vendor's own clients, of today and of two years ago, on the double."""
import json
import pathlib
import subprocess

import numpy as np
import pytest
from qdrant_client import grpc as pb
from qdrant_client import models

from qdrant_fixtures import start  # noqa: F401
from qdrant_words import Code, Raw, point, refused

ROOT = pathlib.Path(__file__).resolve().parents[2]
OLD_CLIENT = ROOT / ".cache/venvs/qdrant_old/bin/python"


def test_the_vendors_client_writes_reads_and_searches(start):
    double = start()
    client = double.client()
    client.create_collection("c", vectors_config=models.VectorParams(size=32, distance=models.Distance.COSINE),
                             sparse_vectors_config={"s": models.SparseVectorParams()})
    rng = np.random.default_rng(1)
    data = rng.standard_normal((500, 32)).astype(np.float32)
    points = [models.PointStruct(id=i, vector={"": data[i].tolist(), "s": models.SparseVector(indices=[i, 1000], values=[1.0, 0.5])},
                                 payload={"n": i, "even": i % 2 == 0, "tags": ["a", f"t{i % 3}"]}) for i in range(500)]
    client.upload_points("c", points, batch_size=64, wait=True)
    assert client.count("c").count == 500
    found, offset = [], None
    while True:
        page, offset = client.scroll("c", limit=77, offset=offset, with_vectors=True)
        found += page
        if offset is None:
            break
    assert [p.id for p in found] == list(range(500))
    unit = data / np.linalg.norm(data, axis=1, keepdims=True)
    assert np.allclose([p.vector[""] for p in found], unit, atol=1e-6)
    assert found[7].payload == {"n": 7, "even": False, "tags": ["a", "t1"]}

    best = client.query_points("c", query=data[42].tolist(), limit=3).points
    assert best[0].id == 42 and best[0].score == pytest.approx(1, abs=1e-5)
    by_sparse = client.query_points("c", query=models.SparseVector(indices=[9], values=[2.0]), using="s", limit=2).points
    assert [(p.id, p.score) for p in by_sparse] == [(9, 2.0)]
    sample = client.query_points("c", query=models.SampleQuery(sample=models.Sample.RANDOM), limit=50).points
    assert len({p.id for p in sample}) == 50

    wanted = models.Filter(must=[models.FieldCondition(key="n", range=models.Range(gte=10, lt=20))],
                           must_not=[models.FieldCondition(key="even", match=models.MatchValue(value=True))])
    assert [p.id for p in client.scroll("c", scroll_filter=wanted)[0]] == [11, 13, 15, 17, 19]
    client.delete("c", points_selector=wanted)
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name="c", alias_name="a"))])
    assert client.count("a").count == 495 and [a.alias_name for a in client.get_aliases().aliases] == ["a"]
    client.create_payload_index("c", "n", models.IntegerIndexParams(type="integer", lookup=True, range=True))
    schema = client.get_collection("c").payload_schema["n"]
    assert (schema.data_type, schema.points, schema.params.range) == ("integer", 495, True)
    assert [p.id for p in client.scroll("c", order_by=models.OrderBy(key="n", direction="desc"), limit=3)[0]] == [499, 498, 497]


OLD_SCRIPT = """
import sys, json, warnings
warnings.simplefilter("ignore")
from qdrant_client import QdrantClient, models as m
c = QdrantClient(host="127.0.0.1", prefer_grpc=True, grpc_port=int(sys.argv[1]), port=int(sys.argv[2]), https=False)
c.create_collection("c", vectors_config={"d": m.VectorParams(size=3, distance=m.Distance.DOT), "m": m.VectorParams(size=2, distance=m.Distance.DOT,
  multivector_config=m.MultiVectorConfig(comparator=m.MultiVectorComparator.MAX_SIM))}, sparse_vectors_config={"s": m.SparseVectorParams()})
c.upload_points("c", [m.PointStruct(id=i, payload={"i": i}, vector={"d": [i, 1, 2], "m": [[i, 1], [2, 3]],
  "s": m.SparseVector(indices=[1, 5], values=[0.5, i])}) for i in range(20)], wait=True)
rows, _ = c.scroll("c", limit=5, with_vectors=True)
print(json.dumps([r.model_dump() for r in rows]))
print(json.dumps([r.id for r in c.search("c", ("d", [1, 0, 0]), limit=2)]))
c.create_payload_index("c", "i", m.PayloadSchemaType.INTEGER)
c.update_collection_aliases([m.CreateAliasOperation(create_alias=m.CreateAlias(collection_name="c", alias_name="a"))])
print(c.count("a").count, c.get_collection("a").points_count)
"""


def test_a_client_two_years_old_against_a_server_as_old(start):
    if not OLD_CLIENT.exists():
        pytest.skip("the environment of the old client is not installed")
    double = start("--version", "1.12.4")
    done = subprocess.run([OLD_CLIENT, "-c", OLD_SCRIPT, str(double.port), str(double.state["rest_port"])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows, searched, counts = done.stdout.splitlines()
    row = json.loads(rows)[3]
    assert (row["id"], row["payload"], row["vector"]["d"]) == (3, {"i": 3}, [3, 1, 2])
    assert row["vector"]["m"] == [[3, 1], [2, 3]] and row["vector"]["s"] == {"indices": [1, 5], "values": [0.5, 3]}
    assert json.loads(searched) == [19, 18] and counts == "20 20"


def test_old_servers_know_neither_new_calls_nor_new_fields(start):
    stubs = Raw(start("--version", "1.7.4"))
    stubs.make("c")
    refused(stubs.CollectionExists(pb.CollectionExistsRequest(collection_name="c")), Code.UNIMPLEMENTED)
    refused(stubs.Query(pb.QueryPoints(collection_name="c")), Code.UNIMPLEMENTED)
    refused(stubs.put("c", point(1)), Code.INVALID_ARGUMENT, "expected dim: 4, got 0")
    stubs.put("c", point(1, vectors=pb.Vectors(vector=pb.Vector(data=[1, 2, 3, 4]))))
    [row] = stubs.scroll("c").result
    assert list(row.vectors.vector.data) == [1, 2, 3, 4] and row.vectors.vector.WhichOneof("vector") is None
    assert stubs.HealthCheck(pb.HealthCheckRequest()).version == "1.7.4"
