"""The double as a process: index building, durability, limits, access, faults."""
import json
import pathlib
import ssl
import struct
import time
import urllib.error
import urllib.request

import grpc
import pytest
from qdrant_client import grpc as pb

from qdrant_fixtures import raw, shared, start  # noqa: F401
from qdrant_words import Code, Raw, dense, named, num, point, refused


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
        log.write(struct.pack("<HI", 20, 10**6) + bytes(5000))  # a record that was being written
    double.start()
    assert double.port == port  # as the server that it was
    after = Raw(double).scroll("a", limit=1000)
    assert [row.SerializeToString(deterministic=True) for row in after.result] == [row.SerializeToString(deterministic=True) for row in before.result]
    Raw(double).make("later")
    double.restart()
    Raw(double).Delete(pb.DeleteCollection(collection_name="later"), stub=1)
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


def test_the_callers_folder_lends_no_modules(start, tmp_path, monkeypatch):
    (tmp_path / "copy.py").write_text("raise SystemExit('a module of the caller was imported')")
    monkeypatch.chdir(tmp_path)
    double = start()
    assert double.running() and Raw(double).HealthCheck(pb.HealthCheckRequest()).version == "1.18.3"
