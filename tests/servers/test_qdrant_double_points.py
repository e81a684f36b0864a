"""Points on the double, as a server was seen to take, keep and return them."""
import math

import numpy as np
import pytest
from qdrant_client import grpc as pb

from qdrant_fixtures import raw, shared  # noqa: F401
from qdrant_words import Code, dense, ids_of, multi, named, num, plain, point, refused, sparse, uid


# ---- ids, order, paging

def test_order_and_paging(raw):
    raw.make(raw.name)
    uuids = ["00000000-0000-0000-0000-000000000000", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    numbers = [0, 3, 10**12, 2**63, 2**64 - 1]
    raw.put(raw.name, *[point(uid(u)) for u in reversed(uuids)], *[point(n) for n in reversed(numbers)])
    assert ids_of(raw.scroll(raw.name)) == numbers + uuids
    first = raw.scroll(raw.name, limit=3)
    assert ids_of(first) == numbers[:3] and first.next_page_offset == num(2**63)
    assert ids_of(raw.scroll(raw.name, offset=num(3), limit=1)) == [3]
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
    refused(raw.put(raw.name, *[point(n) for n in range(10, 60)], bad), Code.INVALID_ARGUMENT)
    assert 0 < len(raw.scroll(raw.name, offset=num(10), limit=100).result) < 50
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
