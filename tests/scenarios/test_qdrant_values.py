"""Odd ids, payloads and vectors on their way into a Qdrant server and out of it: carried as they are, or told of, never bent."""
import json
import math
import uuid

import numpy
import pytest
from qdrant_client import models

import qdrant_scenario as scenario
from harness import refused
from qdrant_servers import ends, servers  # noqa: F401  (fixtures)

DOT4 = {"name": "", "kind": "dense", "element": "f32", "dims": 4, "metric": "dot"}


def lines(work, records, id_kind="mixed", tenant=False, document=True, vectors=(DOT4,), name="source"):
    """A source of JSON lines."""
    file = work.folder / f"{name}.jsonl"
    head = {"vecferry": 1, "schema": {"id_kind": id_kind, "tenant": tenant, "document": document, "vectors": list(vectors)}}
    with open(file, "w", encoding="utf-8") as out:
        for line in (head, *records):
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    return f"jsonl:{file}"


def record(number, document=None, metadata=None, vector=(1, 2, 3, 4), **more):
    return {"id": str(number), "document": document or "", "metadata": metadata or {}, "vectors": {"vector": list(vector)}, **more}


def rejects_of(report):
    return [json.loads(line) for line in open(report["rejects_file"], encoding="utf-8")]


# ---- ids ----

def test_ids_that_become_one_are_found_before_the_first_write(ends):
    """A native id is one point, whatever the tenant: the first of several moves, the others are rejects with their reason."""
    source = lines(ends.work, [record(n % 50, f"{n}", tenant=f"t{n // 50}") for n in range(120)], tenant=True)
    report = ends.work.json("copy", source, ends.uri(1), "--batch-size", "20", code=3)
    assert (report["written"], report["rejected"]) == (50, 70)
    rejects = rejects_of(report)
    assert {r["code"] for r in rejects} == {"duplicate-id"} and all(r["tenant"] != "t0" for r in rejects)
    found = scenario.everything(ends.target)
    assert {payload["document"] for payload, _ in found.values()} == {str(n) for n in range(50)}
    back = ends.work.run("verify", source, ends.uri(1), "--json")
    assert back.returncode == 0, back.stdout


def test_hashes_that_share_their_first_half(ends):
    shared = "ab" * 16
    source = lines(ends.work, [record(shared + f"{n:032x}", f"{n}") for n in range(3)] + [record("cd" * 32, "other")], id_kind="string")
    report = ends.work.json("copy", source, ends.uri(1, words="?layout=mcp-memory"), "--model", "m", code=3)
    assert (report["written"], report["rejected"]) == (2, 2)
    assert len([key for key in scenario.everything(ends.target) if key == str(uuid.UUID(shared))]) == 1


def test_ids_that_no_point_can_have_are_mapped_and_come_home(ends):
    ids = ["", "a", "Ä b", "007", "-1", "18446744073709551615", "18446744073709551616", "1.0", str(uuid.UUID(int=5)), str(uuid.UUID(int=0xabc)).upper(), "x" * 5000]
    source = lines(ends.work, [record(i, f"text {n}") for n, i in enumerate(ids)])
    report = ends.work.json("copy", source, ends.uri(1))
    assert report["written"] == len(ids) and report["verify"]["ok"], report
    found = scenario.everything(ends.target)
    assert {2**64 - 1, str(uuid.UUID(int=5))} <= found.keys() and len(found) == len(ids)
    home = f"jsonl:{ends.work.folder}/home.jsonl"
    ends.work.ok("copy", ends.uri(1), home, "-q")
    assert sorted(json.loads(line)["id"] for line in list(open(home[6:], encoding="utf-8"))[1:]) == sorted(ids)


# ---- payloads ----

def test_a_payload_that_is_larger_than_a_request_may_be(ends):
    large = "0123456789abcdef" * (35 << 16)
    source = lines(ends.work, [record(1, "small"), record(2, large, {"k": 1}), record(3, "small too")])
    report = ends.work.json("copy", source, ends.uri(1), "--memory", "300MB")
    assert report["written"] == 3 and report["verify"]["ok"]
    found = scenario.everything(ends.servers[1].client(grpc_options={"grpc.max_receive_message_length": -1}))
    assert found[2][0] == {"document": large, "k": 1}
    home = ends.work.json("copy", ends.uri(1), ends.uri(0, "home"), "--memory", "300MB")
    assert home["verify"]["ok"] and home["digest"] == report["digest"]


def test_a_payload_that_somebody_on_the_way_does_not_let_pass(ends):
    ends.servers[1].faults(max_request_bytes=1 << 20, methods=["Upsert"])
    source = lines(ends.work, [record(n, "x" * (2 << 20) if n == 7 else "small") for n in range(20)])
    report = ends.work.json("copy", source, ends.uri(1), code=3)
    reject, = rejects_of(report)
    assert (reject["id"], reject["code"], report["written"]) == ("7", "too-large", 19) and "larger than max" in reject["message"]
    ends.servers[1].faults()
    report = ends.work.json("copy", source, ends.uri(1), "--retry-rejects")
    assert report["rejected"] == 0 and scenario.count(ends.target) == 20


def nested(depth, kind=dict):
    value = "leaf"
    for _ in range(depth):
        value = {"a": value} if kind is dict else [value]
    return value


def test_payloads_that_nest_deeper_than_clients_read(ends):
    source = lines(ends.work, [record(1, metadata={"top": nested(32)}), record(2, metadata={"top": nested(33)}), record(3, metadata={"top": nested(130)}),
                               record(4, metadata={"top": nested(48, list)}), record(5, metadata={"top": nested(49, list)}), record(6, metadata={"top": 1})])
    report = ends.work.json("copy", source, ends.uri(1), code=3)
    assert {r["id"] for r in rejects_of(report)} == {"2", "3", "5"} and report["written"] == 3
    found = scenario.everything(ends.target)
    assert found[1][0]["top"] == nested(32) and found[4][0]["top"] == nested(48, list) and found.keys() == {1, 4, 6}


SPECIALS = {"u64": 2**63, "largest": 2**64 - 1, "nan": {"$vf": "f64", "v": "NaN"}, "bigint": {"$vf": "bigint", "v": "1" * 30}, "bytes": {"$vf": "bytes", "v": "AAEC"},
            "date": {"$vf": "date", "v": "2024-02-29"}}


@pytest.mark.parametrize("name", SPECIALS)
def test_values_that_a_payload_cannot_hold(ends, name):
    odd = {"deep": [1, {"odd": SPECIALS[name]}]}
    source = lines(ends.work, [record(n, metadata=odd if n == 7 else {"plain": n}) for n in range(20)])
    told = refused(ends.work.run("copy", source, ends.uri(1), "-q"), 8, "target", ends.uri(1), "vecferry plan")
    assert "(1 record)" in told and not scenario.collections(ends.target)
    assert ends.work.run("plan", source, ends.uri(1)).returncode == 8
    report = ends.work.json("copy", source, ends.uri(1), "--unsupported", "reject", code=3)
    reject, = rejects_of(report)
    assert reject["id"] == "7" and reject["record"]["metadata"] == odd and report["written"] == 19
    assert scenario.count(ends.target) == 19


def test_payloads_with_every_value(ends):
    """What a server takes is carried there and back, keys and numbers as they are."""
    payload = {"": "no key", "a.b": 1, "a": {"b": 2}, 'q"uote': [[], {}, None, True, -0.0, 1, 1.0, 2**63 - 1, -2**63, 5e-324, 1.7976931348623157e308],
               "nul": "a\x00b", "uni": "\U0001f600\ufeff\u2028", "null": None, "$vf": {"$vf": "mine"}, "__proto__": {}, "document": "as text", "long": "x" * 100_000,
               "geo": {"lon": 13.4, "lat": 52.5}, "when": "2024-02-29T12:00:00Z"}
    ends.source.create_collection("docs", vectors_config=models.VectorParams(size=4, distance=models.Distance.DOT))
    ends.source.upsert("docs", [models.PointStruct(id=1, vector=[1, 2, 3, 4], payload=payload), models.PointStruct(id=2, vector=[0, 0, 0, 0], payload={})])
    report = ends.work.json(*ends.copy())
    assert report["written"] == 2 and report["rejected"] == 0
    ends.same()
    home = f"jsonl:{ends.work.folder}/home.jsonl"
    ends.work.ok("copy", ends.uri(1), home, "-q")
    ends.work.ok("copy", home, ends.uri(0, "again"), "-q")
    assert dict(scenario.everything(ends.source, "again")) == dict(scenario.everything(ends.source))


# ---- vectors ----

def make(client, vectors, points, sparse=None):
    client.create_collection("docs", vectors_config=vectors, sparse_vectors_config={name: models.SparseVectorParams() for name in sparse or ()})
    client.upsert("docs", [models.PointStruct(id=i, vector=v, payload={"n": i}) for i, v in enumerate(points)], wait=True)


def bits(vector):
    return numpy.asarray(vector, dtype=numpy.float32).tobytes()


@pytest.mark.parametrize("distance", ["DOT", "COSINE", "EUCLID", "MANHATTAN"])
def test_vectors_that_are_no_numbers_or_no_direction(ends, distance):
    odd = [[math.nan, 1, 2, 3], [math.inf, 1, 0, 0], [-math.inf, 0, 0, 0], [0, 0, 0, 0], [-0.0, 0, 0, 0], [1e-45, 0, 0, 0], [1e-5, 1e-5, 0, 0], [3e38, 3e38, 0, 0], [1, 2, 3, 4]]
    make(ends.source, models.VectorParams(size=4, distance=getattr(models.Distance, distance)), odd)
    report = ends.work.json(*ends.copy("--validate", "full"))
    assert (report["written"], report["rejected"]) == (len(odd), 0) and report["verify"]["ok"]
    mine, theirs = scenario.everything(ends.source), scenario.everything(ends.target)
    for key, (_, vector) in mine.items():
        if not any(map(math.isnan, vector)):
            assert bits(vector) == bits(theirs[key][1])
        else:
            # A server makes such a direction NaN altogether.
            assert all(math.isnan(y) for x, y in zip(vector, theirs[key][1]) if math.isnan(x) or distance == "COSINE")
    ends.same()


@pytest.mark.parametrize("datatype", ["FLOAT16", "UINT8"])
@pytest.mark.parametrize("distance", ["DOT", "COSINE"])
def test_small_datatypes(ends, datatype, distance):
    vectors = models.VectorParams(size=4, distance=getattr(models.Distance, distance), datatype=getattr(models.Datatype, datatype))
    make(ends.source, vectors, [[n % 256, (n * 7) % 256, 3, 255] for n in range(300)])
    report = ends.work.json(*ends.copy("--validate", "full"))
    assert report["written"] == 300 and report["verify"]["ok"]
    assert ends.target.get_collection("docs").config.params.vectors.datatype == getattr(models.Datatype, datatype)
    mine, theirs = scenario.everything(ends.source), scenario.everything(ends.target)
    # What was rounded to half precision is no longer of length 1, and is made so and rounded once more.
    rounds = datatype == "FLOAT16" and distance == "COSINE"
    for key, (_, vector) in mine.items():
        assert numpy.abs(numpy.subtract(vector, theirs[key][1])).max() < 1e-3 if rounds else bits(vector) == bits(theirs[key][1])
    if not rounds:
        ends.same()


def test_multi_vectors_sparse_ones_and_points_without_any(ends):
    vectors = {"many": models.VectorParams(size=3, distance=models.Distance.COSINE, multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)),
               "one": models.VectorParams(size=4, distance=models.Distance.DOT)}
    points = [{"many": [[1, 2, 3]] * (1 + n % 5), "one": [n, 0, 0, 1]} if n % 4 == 0 else {"many": [[n, 0.5, 0]]} if n % 4 == 1 else
              {"s": models.SparseVector(indices=[5, 2**32 - 1], values=[0.0, -1.5])} if n % 4 == 2 else {} for n in range(200)]
    points[2] = {"s": models.SparseVector(indices=[], values=[])}
    make(ends.source, vectors, points, sparse=["s"])
    done = ends.work.run(*ends.copy("--json"))
    assert done.returncode in (0, 3), done.stderr
    report = json.loads(done.stdout)
    # A point without any vector is a reject unless it is asked for.
    if report["rejected"]:
        assert report["rejected"] == 50 and {r["code"] for r in rejects_of(report)} == {"missing-vector"}
        report = ends.work.json(*ends.copy("--missing-vector", "keep", "--restart", "--on-exists", "upsert"))
    assert report["verify"]["ok"]
    mine, theirs = scenario.everything(ends.source), scenario.everything(ends.target)
    assert mine == theirs and len(mine) == 200
    ends.same()


def test_a_collection_without_vectors_at_all(ends):
    make(ends.source, {}, [{} for _ in range(30)])
    report = ends.work.json(*ends.copy("--missing-vector", "keep"))
    assert report["written"] == 30 and report["verify"]["ok"]
    assert scenario.everything(ends.target) == scenario.everything(ends.source)
    ends.same()
