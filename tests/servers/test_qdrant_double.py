"""The double is held to what a server was seen to do, by the vendor's own client and messages."""
import json
import math
import pathlib
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
from qdrant_client import grpc as pb
from qdrant_client import models

from double_fixture import Double

ROOT = pathlib.Path(__file__).resolve().parents[2]
OLD_CLIENT = ROOT / ".cache/venvs/qdrant_old/bin/python"
Code = grpc.StatusCode


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


class Raw:
    """The vendor's stubs; each call answers its response, or the RpcError that it raised."""

    def __init__(self, double, metadata=(), credentials=None):
        address = f"localhost:{double.port}"
        self.channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
        self.stubs = [pb.PointsStub(self.channel), pb.CollectionsStub(self.channel), pb.QdrantStub(self.channel)]
        self.metadata = metadata

    def __getattr__(self, name):
        def call(request, stub=None, **more):
            chosen = self.stubs[stub] if stub is not None else next(s for s in self.stubs if hasattr(s, name))
            try:
                return getattr(chosen, name)(request, metadata=self.metadata, timeout=20, **more)
            except grpc.RpcError as error:
                return error
        return call

    def info(self, name):
        return self.stubs[1].Get(pb.GetCollectionInfoRequest(collection_name=name), metadata=self.metadata).result

    def make(self, name, size=4, distance=pb.Distance.Dot, **more):
        vectors = pb.VectorsConfig(params=pb.VectorParams(size=size, distance=distance, **more.pop("vector", {})))
        return self.Create(pb.CreateCollection(collection_name=name, **{"vectors_config": vectors, **more}))

    def put(self, name, *points, **more):
        return self.Upsert(pb.UpsertPoints(collection_name=name, points=points, **{"wait": True, **more}))

    def scroll(self, name, **more):
        return self.Scroll(pb.ScrollPoints(collection_name=name, with_vectors=pb.WithVectorsSelector(enable=True), **more))


def num(n):
    return pb.PointId(num=n)


def uid(text):
    return pb.PointId(uuid=text)


def plain(*components):
    return pb.Vectors(vector=pb.Vector(dense=pb.DenseVector(data=components)))


def named(**vectors):
    return pb.Vectors(vectors=pb.NamedVectors(vectors=vectors))


def dense(*components):
    return pb.Vector(dense=pb.DenseVector(data=components))


def point(point_id, *components, vectors=None, **payload):
    from qdrant_client.conversions.conversion import json_to_value
    return pb.PointStruct(id=point_id if isinstance(point_id, pb.PointId) else num(point_id), vectors=vectors or plain(*(components or (1, 2, 3, 4))),
                          payload={key: json_to_value(value) for key, value in payload.items()})


def ids_of(answer):
    return [row.id.uuid or row.id.num for row in answer.result]


def refused(answer, code, text=""):
    assert isinstance(answer, grpc.RpcError), answer
    assert (answer.code(), text in answer.details()) == (code, True), (answer.code(), answer.details())


@pytest.fixture
def raw(shared, request):
    """Stubs on the shared double; `raw.name` is the test's own collection."""
    stubs = Raw(shared)
    stubs.name = request.node.name.replace("[", "-").replace("]", "")[:200]
    return stubs


# ---- the vendor's client

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


# ---- ids, order, paging

def test_order_and_paging(raw):
    raw.make(raw.name)
    uuids = ["00000000-0000-0000-0000-000000000000", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    numbers = [0, 3, 10**12, 2**63, 2**64 - 1]
    raw.put(raw.name, *[point(uid(u)) for u in reversed(uuids)], *[point(n) for n in reversed(numbers)])
    assert ids_of(raw.scroll(raw.name)) == numbers + uuids
    first = raw.scroll(raw.name, limit=3)
    assert ids_of(first) == numbers[:3] and first.next_page_offset == num(2**63)
    assert ids_of(raw.scroll(raw.name, offset=num(4), limit=1)) == [10**12]  # an offset that does not exist
    assert not raw.scroll(raw.name, limit=8).HasField("next_page_offset")  # count == limit
    assert ids_of(raw.scroll(raw.name, offset=uid("7" * 32))) == uuids[2:]
    refused(raw.scroll(raw.name, limit=0), Code.INVALID_ARGUMENT, "[limit: value 0 invalid, must be 1 or larger]")
    refused(raw.scroll(raw.name, offset=uid("zz")), Code.INVALID_ARGUMENT, "Unable to parse UUID: zz")
    refused(raw.scroll(raw.name, offset=pb.PointId()), Code.INVALID_ARGUMENT, "No ID options provided")
    raw.Delete(pb.DeletePoints(collection_name=raw.name, wait=True, points=pb.PointsSelector(points=pb.PointsIdsList(ids=[num(3), num(77)]))))
    assert ids_of(raw.scroll(raw.name)) == [n for n in numbers if n != 3] + uuids


@pytest.mark.parametrize("text, known", [
    ("6BA7B810-9dad-11d1-80b4-00c04fd430c8", True), ("{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", True), ("urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", True),
    ("6ba7b8109dad11d180b400c04fd430c8", True), (" 6ba7b810-9dad-11d1-80b4-00c04fd430c8", False), ("URN:UUID:6ba7b810-9dad-11d1-80b4-00c04fd430c8", False),
    ("(6ba7b810-9dad-11d1-80b4-00c04fd430c8)", False), ("6ba7b8109dad-11d1-80b4-00c04fd430c8", False), ("", False), ("1", False)])
def test_spellings_of_a_uuid(raw, text, known):
    name = "uuids" + str(abs(hash(text)))
    raw.make(name)
    answer = raw.put(name, point(uid(text)))
    if known:
        assert ids_of(raw.scroll(name)) == ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"]
    else:
        refused(answer, Code.INVALID_ARGUMENT, f"Unable to parse UUID: {text}")


def test_get_keeps_the_order_asked_for(raw):
    raw.make(raw.name)
    raw.put(raw.name, *[point(n, n=n) for n in range(5)])
    answer = raw.Get(pb.GetPoints(collection_name=raw.name, ids=[num(3), num(9), num(1), num(3)]), stub=0)
    assert ids_of(answer) == [3, 1] and not answer.result[0].payload and not answer.result[0].HasField("vectors")


# ---- upserts

def test_what_an_upsert_refuses_before_it_stores_anything(raw):
    raw.make(raw.name)
    good = point(1)
    cases = [
        ((), "Bad request: Empty update request"),
        ((good, point(2, 1, 2, 3)), "Wrong input: Vector dimension error: expected dim: 4, got 3"),
        ((good, pb.PointStruct(id=num(2))), "Expected some vectors"),
        ((good, pb.PointStruct(id=num(2), vectors=pb.Vectors())), "No Vector Provided"),
        ((good, pb.PointStruct(vectors=plain(1, 2, 3, 4))), "Empty ID is not allowed"),
        ((good, point(pb.PointId())), "No ID options provided"),
        ((point(2, vectors=pb.Vectors(vector=pb.Vector())),), "Wrong input: points[0].vector.vector: dense vector must not be empty"),
        ((good, point(2, x=math.nan)), "cannot convert to json number"),
        ((good, point(2, x={"a": [1, -math.inf]})), "cannot convert to json number"),
        ((good, point(2, vectors=pb.Vectors(vector=pb.Vector(sparse=pb.SparseVector(values=[1], indices=[1]))))), "Sparse vector must be named"),
    ]
    for points, text in cases:
        refused(raw.put(raw.name, *points), Code.INVALID_ARGUMENT, text)
        refused(raw.put(raw.name, *points, wait=False), Code.INVALID_ARGUMENT, text)
    refused(raw.put(raw.name, good, ordering=pb.WriteOrdering(type=9)), Code.INVALID_ARGUMENT, "cannot convert ordering: 9")
    refused(raw.put("nope", good), Code.NOT_FOUND, "Not found: Collection `nope` doesn't exist!")
    assert ids_of(raw.scroll(raw.name)) == []


def test_a_batch_is_not_atomic_for_names_and_kinds(raw):
    raw.make(raw.name)
    raw.put(raw.name, point(1, n=0), point(6, n=0))
    bad = point(3, vectors=named(zz=dense(1, 2, 3, 4)))
    batch = [point(1, n=1), point(2), bad, point(4), point(5), point(6, n=1)]
    refused(raw.put(raw.name, *batch), Code.INVALID_ARGUMENT, "Wrong input: Not existing vector name error: zz")
    rows = {row.id.num: row for row in raw.scroll(raw.name).result}
    assert rows[1].payload["n"].integer_value == rows[6].payload["n"].integer_value == 1 and 3 not in rows
    assert raw.put(raw.name, *batch, wait=False).result.status == pb.UpdateStatus.Acknowledged  # and nothing is ever said
    assert 3 not in {row.id.num for row in raw.scroll(raw.name).result}


def test_an_upsert_replaces_the_whole_point_and_the_last_of_a_batch_wins(raw):
    vectors = pb.VectorsConfig(params_map=pb.VectorParamsMap(map={n: pb.VectorParams(size=2, distance=pb.Distance.Dot) for n in "ab"}))
    raw.make(raw.name, vectors_config=vectors)
    answer = raw.put(raw.name, point(1, vectors=named(a=dense(1, 1), b=dense(2, 2)), x=1), point(1, vectors=named(b=dense(3, 3)), y=2))
    assert answer.result.status == pb.UpdateStatus.Completed
    [row] = raw.scroll(raw.name).result
    assert set(row.payload) == {"y"} and set(row.vectors.vectors.vectors) == {"b"}
    raw.put(raw.name, point(1, vectors=pb.Vectors(vectors=pb.NamedVectors())))
    [row] = raw.scroll(raw.name).result
    assert row.vectors.WhichOneof("vectors_options") == "vectors" and not row.vectors.vectors.vectors and not row.payload
    refused(raw.put(raw.name, point(1, 1, 2)), Code.INVALID_ARGUMENT, "Not existing vector name error: ")
    refused(raw.put(raw.name, point(1, vectors=named(a=dense(1, 2, 3)))), Code.INVALID_ARGUMENT, "expected dim: 2, got 3 for vector 'a'")
    refused(raw.put(raw.name, point(1, vectors=named(a=dense()))), Code.INVALID_ARGUMENT, "points[0].vector.?.vector: dense vector must not be empty")
    first, second = (raw.put(raw.name, point(n, vectors=named())).result.operation_id for n in (1, 2))
    assert second == first + 1


def test_update_modes(raw):
    raw.make(raw.name)
    raw.put(raw.name, point(1, v=1))
    raw.put(raw.name, point(1, v=2), point(2, v=2), update_mode=pb.UpdateMode.InsertOnly)
    raw.put(raw.name, point(2, v=3), point(3, v=3), update_mode=pb.UpdateMode.UpdateOnly)
    assert [row.payload["v"].integer_value for row in raw.scroll(raw.name).result] == [1, 3]


def sparse(indices, values):
    return pb.Vector(sparse=pb.SparseVector(indices=indices, values=values))


def multi(*rows):
    return pb.Vector(multi_dense=pb.MultiDenseVector(vectors=[pb.DenseVector(data=row) for row in rows]))


def test_sparse_and_multi_vectors(raw):
    vectors = pb.VectorsConfig(params_map=pb.VectorParamsMap(map={"m": pb.VectorParams(
        size=2, distance=pb.Distance.Cosine, multivector_config=pb.MultiVectorConfig()), "d": pb.VectorParams(size=2, distance=pb.Distance.Dot)}))
    raw.make(raw.name, vectors_config=vectors, sparse_vectors_config=pb.SparseVectorConfig(map={"s": pb.SparseVectorParams()}))
    raw.put(raw.name, point(1, vectors=named(s=sparse([9, 2, 2**32 - 1], [1, 0, math.inf]), m=multi((3, 4), (0, 0)))), point(2, vectors=named(s=sparse([], []), m=dense(0, 5))))
    one, two = raw.scroll(raw.name).result
    assert list(one.vectors.vectors.vectors["s"].sparse.indices) == [2, 9, 2**32 - 1]
    assert list(one.vectors.vectors.vectors["s"].sparse.values) == [0, 1, math.inf]
    rows = [list(row.data) for row in one.vectors.vectors.vectors["m"].multi_dense.vectors]
    assert np.allclose(rows, [[0.6, 0.8], [0, 0]])
    assert two.vectors.vectors.vectors["s"].WhichOneof("vector") == "sparse" and len(two.vectors.vectors.vectors["m"].multi_dense.vectors) == 1
    for vector, text in [(dict(s=sparse([1, 1], [1, 1])), "must be unique"), (dict(s=sparse([1], [1, 1])), "must be the same length as indices"),
                         (dict(m=multi()), "multi vector must not be empty"), (dict(m=multi((1, 2), (1, 2, 3))), "found vector with dimension 3"),
                         (dict(m=multi(())), "all vectors must be non-empty"), (dict(m=multi((1, 2, 3))), "expected dim: 2, got 3"),
                         (dict(d=multi((1, 2))), "Conversion between multi and regular vectors failed"),
                         (dict(d=sparse([1], [1])), "Conversion between sparse and regular vectors failed"),
                         (dict(s=dense(1, 2)), "Conversion between sparse and regular vectors failed")]:
        refused(raw.put(raw.name, point(3, vectors=named(**vector))), Code.INVALID_ARGUMENT, text)


# ---- values

def stored(raw, name, *rows, distance=pb.Distance.Cosine, datatype=pb.Datatype.Float32):
    raw.make(name, size=len(rows[0]), distance=distance, vector={"datatype": datatype})
    raw.put(name, *[point(n, *row) for n, row in enumerate(rows)])
    return [np.array(row.vectors.vector.dense.data, np.float32) for row in raw.scroll(name, limit=1000).result]


def test_cosine_normalises_by_the_servers_rule(raw):
    small, tiny = (2e-4, 0), (1e-20, 0)
    rows = stored(raw, raw.name, (3, 4), small, tiny, (0, 0), (1e20, 1), (math.inf, 1), (math.nan, 1), (4e-4, 0))
    assert np.allclose(rows[0], (0.6, 0.8), atol=1e-7) and np.array_equal(rows[7], np.float32((1, 0)))
    assert [tuple(r) for r in rows[1:5]] == [tuple(np.float32(v)) for v in (small, tiny, (0, 0), (0, 0))]
    assert np.isnan(rows[5][0]) and rows[5][1] == 0 and np.isnan(rows[6]).all()
    data = np.random.default_rng(3).standard_normal((50, 384)).astype(np.float32)
    once = stored(raw, raw.name + "1", *data.tolist())
    again = stored(raw, raw.name + "2", *[row.tolist() for row in once])
    assert all(np.array_equal(a, b) for a, b in zip(once, again))  # an upload of what was returned changes nothing
    exact = data.astype(np.float64) / np.linalg.norm(data.astype(np.float64), axis=1, keepdims=True)
    assert np.abs(np.array(once) - exact).max() < 3e-8


def test_datatypes_round_truncate_and_keep(raw):
    [half] = stored(raw, raw.name + "h", (3, 4), datatype=pb.Datatype.Float16)
    assert tuple(half) == (0.60009765625, 0.7998046875)
    [half] = stored(raw, raw.name + "i", (65520, 1e-9, 1.0009765625), distance=pb.Distance.Dot, datatype=pb.Datatype.Float16)
    assert tuple(half) == (math.inf, 0, 1.0009765625)
    [byte] = stored(raw, raw.name + "b", (1.5, 254.9, 256, -1, math.nan), datatype=pb.Datatype.Uint8)
    assert tuple(byte) == (1, 254, 255, 0, 0)
    [exact] = stored(raw, raw.name + "e", (-0.0, 1e-45, 3.4e38, math.inf), distance=pb.Distance.Manhattan)
    assert exact.tobytes() == np.float32((-0.0, 1e-45, 3.4e38, math.inf)).tobytes()


def test_payload_values_and_their_updates(raw):
    raw.make(raw.name)
    value = {"i": -2**63, "d": 1.0, "n": None, "nested": {"n": None, "l": [], "o": {}, "f": 5e-324}, "": "empty", "a.b": "dot", "é\0": "\U0001f600"}
    raw.put(raw.name, point(1, **value), pb.PointStruct(id=num(2), vectors=plain(1, 2, 3, 4), payload={"unset": pb.Value()}))

    def payload(n=1):
        from qdrant_client.conversions.conversion import GrpcToRest
        [row] = raw.Get(pb.GetPoints(collection_name=raw.name, ids=[num(n)], with_payload=pb.WithPayloadSelector(enable=True)), stub=0).result
        return GrpcToRest.convert_payload(row.payload)

    assert payload() == value and isinstance(payload()["d"], float) and payload(2) == {"unset": None}

    def change(call, **more):
        chosen = pb.PointsSelector(points=pb.PointsIdsList(ids=more.pop("ids", [num(1)])))
        return getattr(raw, call)(pb.SetPayloadPoints(collection_name=raw.name, wait=True, points_selector=chosen, payload=point(0, **more.pop("payload")).payload, **more))

    change("SetPayload", payload={"n": None, "i": None, "d": 2, "nested": {"n": None}})
    assert payload() == {"d": 2, "nested": {"n": None}, "": "empty", "a.b": "dot", "é\0": "\U0001f600"}
    change("SetPayload", payload={"x": 1.0}, key="nested.deep")
    assert payload()["nested"] == {"n": None, "deep": {"x": 1.0}}
    change("OverwritePayload", payload={"n": None})
    assert payload() == {"n": None}
    refused(change("SetPayload", payload={"k": 1}, ids=[num(9999), num(1)]), Code.NOT_FOUND, "No point with id 9999 found")
    assert payload() == {"n": None, "k": 1}  # the others were changed all the same
    refused(raw.SetPayload(pb.SetPayloadPoints(collection_name=raw.name)), Code.INVALID_ARGUMENT, "points_selector is expected")
    refused(raw.Delete(pb.DeletePoints(collection_name=raw.name)), Code.INVALID_ARGUMENT, "PointSelector is missing")
    raw.ClearPayload(pb.ClearPayloadPoints(collection_name=raw.name, points=pb.PointsSelector(points=pb.PointsIdsList(ids=[num(1)]))))
    assert payload() == {}


def test_conditions_that_the_server_does_not_know_match_everything(raw):
    raw.make(raw.name)
    raw.put(raw.name, *[point(n, k=n) for n in range(9)])
    unknown = pb.Condition(slice=pb.SliceCondition(total=3, index=1))
    for clause in ("must", "should", "must_not"):
        assert len(raw.scroll(raw.name, filter=pb.Filter(**{clause: [unknown]})).result) == 9
    malformed = pb.Filter(must=[pb.Condition(field=pb.FieldCondition(key="k", match=pb.Match(prefix="a")))])
    refused(raw.scroll(raw.name, filter=malformed), Code.INVALID_ARGUMENT, "Malformed Match condition")
    raw.Delete(pb.DeletePoints(collection_name=raw.name, wait=True, points=pb.PointsSelector(filter=pb.Filter(must=[unknown]))))
    assert raw.Count(pb.CountPoints(collection_name=raw.name)).result.count == 0


# ---- collections

def test_settings_come_back_whole_with_defaults(raw):
    raw.make(raw.name, shard_number=2, metadata=point(0, a=1, b={"c": None}).payload, vector={
        "hnsw_config": pb.HnswConfigDiff(m=0, memory=pb.Memory.Cold), "datatype": pb.Datatype.Float16, "on_disk": True},
        optimizers_config=pb.OptimizersConfigDiff(indexing_threshold=0), strict_mode_config=pb.StrictModeConfig(enabled=False, max_query_limit=7),
        quantization_config=pb.QuantizationConfig(scalar=pb.ScalarQuantization(type=pb.QuantizationType.Int8, quantile=0.5)))
    config = raw.info(raw.name).config
    vector = config.params.vectors_config.params
    assert (vector.hnsw_config.m, vector.hnsw_config.HasField("m"), vector.hnsw_config.HasField("memory"), vector.datatype, vector.on_disk) == (0, True, False, 3, True)
    assert (config.params.shard_number, config.params.replication_factor, config.params.on_disk_payload) == (2, 1, True)
    assert (config.hnsw_config.m, config.hnsw_config.ef_construct, config.hnsw_config.full_scan_threshold) == (16, 100, 10000)
    assert (config.optimizer_config.indexing_threshold, config.optimizer_config.deleted_threshold, config.wal_config.wal_capacity_mb) == (0, 0.2, 32)
    assert config.quantization_config.scalar.quantile == 0.5 and config.strict_mode_config.max_query_limit == 7
    raw.Update(pb.UpdateCollection(collection_name=raw.name, metadata=point(0, b=2, d=3).payload, optimizers_config=pb.OptimizersConfigDiff(
        indexing_threshold=5, max_optimization_threads=pb.MaxOptimizationThreads(value=2))))
    config = raw.info(raw.name).config
    assert {key: value.integer_value for key, value in config.metadata.items()} == {"a": 1, "b": 2, "d": 3}
    assert (config.optimizer_config.indexing_threshold, config.optimizer_config.deprecated_max_optimization_threads, config.optimizer_config.deleted_threshold) == (5, 2, 0.2)
    refused(raw.make(raw.name), Code.ALREADY_EXISTS, f"Wrong input: Collection `{raw.name}` already exists!")
    refused(raw.Update(pb.UpdateCollection(collection_name="nope")), Code.NOT_FOUND)


@pytest.mark.parametrize("more, code, text", [
    ({"size": 0}, Code.INVALID_ARGUMENT, "[vectors_config.config.size: value 0 invalid, must be from 1 to 65536]"),
    ({"distance": 0}, Code.INVALID_ARGUMENT, "Malformed distance parameter: UnknownDistance"),
    ({"vector": {"datatype": 4}}, Code.INTERNAL, "turbo4"), ({"vector": {"datatype": 5}}, Code.INVALID_ARGUMENT, "Cannot convert datatype: 5"),
    ({"sparse_vectors_config": pb.SparseVectorConfig(map={"": pb.SparseVectorParams()})}, Code.INVALID_ARGUMENT, "duplicate found with ''"),
    ({"hnsw_config": pb.HnswConfigDiff(ef_construct=1)}, Code.INVALID_ARGUMENT, "Validation error in body"),
    ({"shard_number": 0}, Code.INVALID_ARGUMENT, "Validation error in body")])
def test_collections_that_are_refused(raw, more, code, text):
    refused(raw.make("refused", **more), code, text)


def test_names(raw):
    for char in '/\\:*?<>|"':
        refused(raw.make(f"a{char}b"), Code.INVALID_ARGUMENT, f'collection name cannot contain "{char}" char')
    refused(raw.make("é" * 200), Code.INTERNAL, "Can't create directory for collection")
    assert raw.make(" blank\nand .\U0001f600# ").result
    assert not raw.CollectionExists(pb.CollectionExistsRequest(collection_name="a*b")).result.exists


def test_aliases(raw):
    one, two, alias = raw.name + "1", raw.name + "2", raw.name + "a"
    raw.make(one), raw.make(two)

    def act(*actions):
        return raw.UpdateAliases(pb.ChangeAliases(actions=actions))

    def create(name, collection):
        return pb.AliasOperations(create_alias=pb.CreateAlias(alias_name=name, collection_name=collection))

    def target():
        answer = raw.ListAliases(pb.ListAliasesRequest())
        return {a.alias_name: a.collection_name for a in answer.aliases}.get(alias)

    assert act(create(alias, one)).result and target() == one
    assert act(create(alias, two)).result and target() == two  # re-pointed without a word
    raw.put(alias, point(1))
    assert raw.info(two).points_count == 1
    assert not raw.Delete(pb.DeleteCollection(collection_name=alias), stub=1).result and raw.info(alias).points_count == 1
    refused(act(create("x", "nope")), Code.NOT_FOUND)
    refused(act(create("x", alias)), Code.NOT_FOUND)
    refused(act(create(one, two)), Code.ALREADY_EXISTS)
    refused(raw.make(alias), Code.INVALID_ARGUMENT, "Alias with the same name already exists")
    rename = pb.AliasOperations(rename_alias=pb.RenameAlias(old_alias_name="nope", new_alias_name="y"))
    refused(act(create(alias, one), rename), Code.NOT_FOUND, "Not found: Alias nope does not exists!")
    assert target() == one  # what came before the failure stays
    assert raw.Delete(pb.DeleteCollection(collection_name=one), stub=1).result and target() is None
    assert not raw.Delete(pb.DeleteCollection(collection_name=one), stub=1).result
    assert list(raw.ListCollectionAliases(pb.ListCollectionAliasesRequest(collection_name="nope")).aliases) == []


def test_payload_indexes(raw):
    raw.make(raw.name)
    raw.put(raw.name, point(1, k="a"), point(2, k="b"), point(3))

    def index(field="k", **more):
        return raw.CreateFieldIndex(pb.CreateFieldIndexCollection(collection_name=raw.name, wait=True, field_name=field, **more))

    keyword = pb.PayloadIndexParams(keyword_index_params=pb.KeywordIndexParams(is_tenant=True, nested="x"))
    refused(index(field_index_params=keyword), Code.INVALID_ARGUMENT, "cannot convert field_type")
    refused(index(field_type=1, field_index_params=keyword), Code.INVALID_ARGUMENT, "field_type (Integer) and field_index_params do not match")
    refused(index(field_type=4, field_index_params=pb.PayloadIndexParams(text_index_params=pb.TextIndexParams())), Code.INVALID_ARGUMENT, "unknown tokenizer type")
    refused(index(field="", field_type=0), Code.INVALID_ARGUMENT)
    refused(index(field="a..b", field_type=0), Code.INVALID_ARGUMENT)
    index(field_type=0)
    schema = raw.info(raw.name).payload_schema["k"]
    assert (schema.data_type, schema.points, schema.HasField("params")) == (1, 2, False)
    index(field_type=0, field_index_params=keyword)
    params = raw.info(raw.name).payload_schema["k"].params.keyword_index_params
    assert params.is_tenant and not params.HasField("nested")  # newer than this server: dropped without a word
    raw.DeleteFieldIndex(pb.DeleteFieldIndexCollection(collection_name=raw.name, field_name="k"))
    assert not raw.info(raw.name).payload_schema
    refused(raw.scroll(raw.name, order_by=pb.OrderBy(key="k")), Code.INVALID_ARGUMENT, "No range index for `order_by` key: `k`")


def test_shard_keys(raw):
    refused(raw.make(raw.name, sharding_method=pb.ShardingMethod.Auto) and raw.put(raw.name, point(1), shard_key_selector=key_of("x")),
            Code.INVALID_ARGUMENT, 'Wrong input: Shard key "x" not found')
    name = raw.name + "c"
    raw.make(name, sharding_method=pb.ShardingMethod.Custom)
    refused(raw.put(name, point(1)), Code.INVALID_ARGUMENT, "Wrong input: Shard key not specified")
    for key in ("a", "b"):
        raw.CreateShardKey(pb.CreateShardKeyRequest(collection_name=name, request=pb.CreateShardKey(shard_key=pb.ShardKey(keyword=key))))
        raw.put(name, point(1, of=key), point(5 if key == "a" else 3, of=key), shard_key_selector=key_of(key))
    assert ids_of(raw.scroll(name)) == [1, 3, 5]
    [one, three] = raw.scroll(name, shard_key_selector=key_of("b")).result
    assert (one.shard_key.keyword, one.payload["of"].string_value, three.id.num) == ("b", "b", 3)
    shards = raw.CollectionClusterInfo(pb.CollectionClusterInfoRequest(collection_name=name)).local_shards
    assert [(s.shard_key.keyword, s.points_count) for s in shards] == [("a", 2), ("b", 2)]


def key_of(keyword):
    return pb.ShardKeySelector(shard_keys=[pb.ShardKey(keyword=keyword)])


# ---- indexing, durability, limits, access

def wait_green(raw, name):
    deadline = time.monotonic() + 10
    while (found := raw.info(name)).status != pb.CollectionStatus.Green and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_status_while_an_index_is_built(start):
    double = start("--index-seconds", "0.6")
    raw = Raw(double)
    raw.make("c", size=64, optimizers_config=pb.OptimizersConfigDiff(indexing_threshold=0))
    raw.put("c", *[point(n, *[1.0] * 64) for n in range(1000)])
    found = raw.info("c")
    assert (found.status, found.indexed_vectors_count) == (pb.CollectionStatus.Green, 0)  # nothing to do under these settings

    def threshold(kilobytes):
        raw.Update(pb.UpdateCollection(collection_name="c", optimizers_config=pb.OptimizersConfigDiff(indexing_threshold=kilobytes)))

    threshold(100)
    assert raw.info("c").status == pb.CollectionStatus.Yellow
    double.restart()
    raw = Raw(double)
    time.sleep(0.8)
    assert raw.info("c").status == pb.CollectionStatus.Grey  # until any update
    threshold(100)
    assert raw.info("c").status == pb.CollectionStatus.Yellow
    assert wait_green(raw, "c").indexed_vectors_count == 1000
    double.restart()
    raw = Raw(double)
    assert (raw.info("c").status, raw.info("c").indexed_vectors_count) == (pb.CollectionStatus.Green, 1000)
    raw.Update(pb.UpdateCollection(collection_name="c", hnsw_config=pb.HnswConfigDiff(m=0)))
    assert raw.info("c").status == pb.CollectionStatus.Yellow


def test_what_was_acknowledged_survives_a_kill(start):
    double = start()
    raw = Raw(double)
    raw.make("c"), raw.make("gone")
    raw.put("c", *[point(n, n=n) for n in range(100)])
    raw.put("c", point(200), point(201, vectors=named(zz=dense(1, 2, 3, 4))), point(202))
    raw.Delete(pb.DeletePoints(collection_name="c", points=pb.PointsSelector(points=pb.PointsIdsList(ids=[num(5)]))), stub=0)
    raw.Delete(pb.DeleteCollection(collection_name="gone"), stub=1)
    raw.CreateFieldIndex(pb.CreateFieldIndexCollection(collection_name="c", field_name="n", field_type=1))
    raw.UpdateAliases(pb.ChangeAliases(actions=[pb.AliasOperations(create_alias=pb.CreateAlias(alias_name="a", collection_name="c"))]))
    before, port = raw.scroll("a", limit=1000), double.port
    double.kill()
    with open(double.folder / "log", "ab") as log:
        log.write(b"\x05\x00cut")  # a record that was being written
    double.start()
    assert double.port == port  # as the server that it was
    after = Raw(double).scroll("a", limit=1000)
    assert [row.SerializeToString(deterministic=True) for row in after.result] == [row.SerializeToString(deterministic=True) for row in before.result]
    assert list(Raw(double).info("c").payload_schema) == ["n"] and [c.name for c in Raw(double).List(pb.ListCollectionsRequest()).collections] == ["c"]


def test_strict_mode_and_rates(raw):
    raw.make(raw.name, strict_mode_config=pb.StrictModeConfig(enabled=True, upsert_max_batchsize=5, max_query_limit=5, max_timeout=3, condition_max_size=3,
                                                              unindexed_filtering_retrieve=False, max_payload_index_count=1))
    refused(raw.put(raw.name, *[point(n) for n in range(6)]), Code.INVALID_ARGUMENT,
            'Bad request: Limit exceeded 6 > 5 for "upsert limit". Help: Reduce the "upsert limit" parameter to or below 5.')
    refused(raw.scroll(raw.name, limit=6), Code.INVALID_ARGUMENT, 'Limit exceeded 6 > 5 for "limit"')
    refused(raw.scroll(raw.name, limit=5, timeout=9), Code.INVALID_ARGUMENT, 'Limit exceeded 9 > 3 for "timeout"')
    many = pb.Filter(must=[pb.Condition(has_id=pb.HasIdCondition(has_id=[num(n) for n in range(4)]))])
    refused(raw.scroll(raw.name, limit=5, filter=many), Code.INVALID_ARGUMENT, "Condition size limit reached (4 > 3)")
    unindexed = pb.Filter(must=[pb.Condition(field=pb.FieldCondition(key="k", match=pb.Match(integer=1)))])
    refused(raw.scroll(raw.name, limit=5, filter=unindexed), Code.INVALID_ARGUMENT, 'Index required but not found for "k" of one of the following types: [integer]')
    raw.Update(pb.UpdateCollection(collection_name=raw.name, strict_mode_config=pb.StrictModeConfig(write_rate_limit=10, upsert_max_batchsize=100)))
    assert raw.put(raw.name, *[point(n) for n in range(6)]).result.status == pb.UpdateStatus.Completed
    late = raw.put(raw.name, *[point(n) for n in range(6)])
    refused(late, Code.RESOURCE_EXHAUSTED, "Operation requires 6 tokens but only 4.")
    assert dict(late.trailing_metadata())["retry-after"] == "12"
    never = raw.put(raw.name, *[point(n) for n in range(11)])
    refused(never, Code.RESOURCE_EXHAUSTED, "request larger than rate limiter capacity, please try to split your request")
    assert "retry-after" not in dict(never.trailing_metadata())


def test_keys(start):
    double = start(env={"QDRANT_DOUBLE_API_KEY": "full", "QDRANT_DOUBLE_READ_ONLY_KEY": "read"})
    listing = pb.ListCollectionsRequest()
    refused(Raw(double).List(listing), Code.UNAUTHENTICATED, "Must provide an API key or an Authorization bearer token")
    refused(Raw(double, [("api-key", "wrong")]).List(listing), Code.UNAUTHENTICATED, "Invalid API key or JWT")
    assert Raw(double).HealthCheck(pb.HealthCheckRequest()).version == "1.18.3"
    full, read = Raw(double, [("authorization", "Bearer full")]), Raw(double, [("api-key", "read")])
    assert full.make("c").result and [c.name for c in read.List(listing).collections] == ["c"]
    refused(read.put("c", point(1)), Code.PERMISSION_DENIED, "Forbidden: Global manage access is required")
    assert b"full" not in (double.folder / "server.json").read_bytes() + (double.folder / "log").read_bytes()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(double.rest + "/collections")


def test_tls(start):
    double = start("--tls")
    authority = pathlib.Path(double.state["ca"])
    raw = Raw(double, credentials=grpc.ssl_channel_credentials(authority.read_bytes()))
    assert raw.make("c").result
    refused(Raw(double).List(pb.ListCollectionsRequest()), Code.UNAVAILABLE)
    refused(Raw(double, credentials=grpc.ssl_channel_credentials()).List(pb.ListCollectionsRequest()), Code.UNAVAILABLE)
    context = ssl.create_default_context(cafile=authority)
    with urllib.request.urlopen(double.rest.replace("http:", "https:"), context=context) as answer:
        assert json.load(answer)["version"] == "1.18.3"
    before = authority.read_bytes()
    double.restart()
    assert authority.read_bytes() == before and double.state["tls"]


def test_rest_is_recognised(start):
    double = start()
    with urllib.request.urlopen(double.rest) as answer:
        assert json.load(answer) == {"title": "qdrant - vector search engine", "version": "1.18.3"}
    channel = grpc.insecure_channel(f"127.0.0.1:{double.state['rest_port']}")
    with pytest.raises(grpc.RpcError) as error:
        pb.QdrantStub(channel).HealthCheck(pb.HealthCheckRequest(), timeout=5)
    assert error.value.code() == Code.UNAVAILABLE
    refused(Raw(double).Recommend(pb.RecommendPoints(collection_name="c")), Code.UNIMPLEMENTED)


def test_what_clients_offer_to_compress(start):
    double = start("--sniff")
    Raw(double).List(pb.ListCollectionsRequest())
    assert any("gzip" in offer for offer in double.stats()["accept_encoding"])
    channel = grpc.insecure_channel(f"127.0.0.1:{double.port}", options=[("grpc.compression_enabled_algorithms_bitset", 1)])
    pb.CollectionsStub(channel).List(pb.ListCollectionsRequest())
    assert double.stats()["accept_encoding"].get("identity") == 1


# ---- faults

@pytest.fixture
def faulty(start):
    double = start()
    raw = Raw(double)
    raw.make("c")
    raw.double = double
    raw.count = lambda: raw.stubs[0].Count(pb.CountPoints(collection_name="c")).result.count
    return raw


def test_faults_after_and_before_the_call_is_applied(faulty):
    faulty.double.faults(unavailable_every=2, methods=["Upsert"])
    assert faulty.put("c", point(1)).result
    refused(faulty.put("c", point(2)), Code.UNAVAILABLE)
    assert faulty.count() == 2
    faulty.double.faults(unavailable_every=1, before=True, methods=["Upsert"])
    refused(faulty.put("c", point(3)), Code.UNAVAILABLE)
    faulty.double.faults(drop_answers_every=1, methods=["Upsert"])
    refused(faulty.put("c", point(4)), Code.DEADLINE_EXCEEDED)
    faulty.double.faults()
    assert faulty.count() == 3


def test_faults_of_answers(faulty):
    faulty.double.faults(wait_timeout_every=1)
    assert faulty.put("c", point(1)).result.status == pb.UpdateStatus.WaitTimeout
    faulty.double.faults(nonsense_every=1, methods=["Upsert"])
    assert isinstance(faulty.put("c", point(2)), grpc.RpcError)
    assert faulty.put("c", point(3)).result.status == pb.UpdateStatus.UnknownUpdateStatus  # the answer to another call
    empty = faulty.put("c", point(4))
    assert not empty.HasField("result") and faulty.count() == 4


def test_faults_that_refuse(faulty):
    faulty.double.faults(full=True)
    refused(faulty.put("c", point(1)), Code.INTERNAL, "No space left on device")
    faulty.double.faults(refuse_ids=[7])
    refused(faulty.put("c", point(6), point(7)), Code.INVALID_ARGUMENT)
    assert faulty.put("c", point(6)).result and faulty.count() == 1
    faulty.double.faults(max_request_bytes=100)
    refused(faulty.put("c", point(8, text="x" * 200)), Code.RESOURCE_EXHAUSTED, "larger than max")
    faulty.double.faults(slow_ms=300)
    began = time.monotonic()
    faulty.put("c", point(9))
    assert time.monotonic() - began >= 0.3
    faulty.double.faults(unknown_fault=1)
    refused(faulty.put("c", point(10)), Code.INTERNAL, "unknown faults")


@pytest.mark.parametrize("before, kept", [(False, 3), (True, 2)])
def test_faults_that_kill(faulty, before, kept):
    faulty.double.faults(kill_after_calls=3, before=before)
    faulty.put("c", point(1)), faulty.put("c", point(2))
    refused(faulty.put("c", point(3)), Code.UNAVAILABLE)
    faulty.double.wait()
    faulty.double.faults()
    faulty.double.start()
    assert Raw(faulty.double).Count(pb.CountPoints(collection_name="c")).result.count == kept


def test_statistics(faulty):
    faulty.put("c", point(1), point(2)), faulty.put("c", point(3), point(4)), faulty.put("c", point(5, 1))
    found = faulty.double.stats()
    assert found["calls"]["/qdrant.Points/Upsert"] == 3 and found["points_per_upsert"] == {"1": 1, "2": 2}
    assert found["refused"] == {"INVALID_ARGUMENT": 1} and found["max_concurrent"] >= 1 and found["bytes_received"] > 100
    with urllib.request.urlopen(faulty.double.rest + "/double/stats") as answer:
        assert json.load(answer)["calls"]["/qdrant.Collections/Create"] == 1
