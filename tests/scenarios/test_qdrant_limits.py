"""What a Qdrant server limits and how it spreads: strict mode, rates, shard keys; read, kept to, waited for and carried."""
import json
import time

import pytest
from qdrant_client import models

import harness
import qdrant_scenario as scenario
from harness import refused
from qdrant_servers import ends, servers  # noqa: F401  (fixtures)

ROWS = 300
VECTORS = {"text": models.VectorParams(size=8, distance=models.Distance.COSINE), "image": models.VectorParams(size=4, distance=models.Distance.DOT)}


@pytest.fixture
def filled(ends):
    scenario.fill(ends.source, ROWS)
    return ends


def make_strict(ends, **limits):
    ends.target.create_collection("docs", vectors_config=VECTORS, sparse_vectors_config={"words": models.SparseVectorParams()},
                                  strict_mode_config=models.StrictModeConfig(enabled=True, **limits))


class Watched:
    """The statistics of a server from here on."""

    def __init__(self, server):
        self.server, self.before = server, server.stats()

    def calls(self, name):
        return self._of("calls", name)

    def refused(self):
        return {code: n - self.before["refused"].get(code, 0) for code, n in self.server.stats()["refused"].items() if n > self.before["refused"].get(code, 0)}

    def _of(self, kind, name):
        return sum(n - self.before[kind].get(key, 0) for key, n in self.server.stats()[kind].items() if key.endswith("/" + name))


def test_the_largest_batch_is_kept_to(filled):
    make_strict(filled, upsert_max_batchsize=40)
    watched = Watched(filled.servers[1])
    report = filled.work.json(*filled.copy())
    assert report["written"] == ROWS and report["rejected"] == 0 and report["verify"]["ok"]
    assert watched.calls("Upsert") < 30 and not watched.refused(), "the server had to say it"
    filled.same()


def test_the_largest_page_is_kept_to(filled):
    filled.source.update_collection("docs", strict_mode_config=models.StrictModeConfig(enabled=True, max_query_limit=25))
    watched = Watched(filled.servers[0])
    report = filled.work.json(*filled.copy())
    assert report["written"] == ROWS and report["verify"]["ok"]
    assert watched.calls("Scroll") >= ROWS // 25 and "INVALID_ARGUMENT" not in watched.refused()
    assert filled.target.get_collection("docs").config.strict_mode_config.max_query_limit == 25
    assert filled.work.json("verify", *filled.pair())["ok"]


def test_a_rate_is_waited_for_as_long_as_the_server_says(filled):
    make_strict(filled, write_rate_limit=280)  # and 20 more after 5 s
    began = time.monotonic()
    report = filled.work.json(*filled.copy("--batch-size", "100"))
    assert report["written"] == ROWS and report["retried"] > 0 and report["verify"]["ok"]
    assert time.monotonic() - began > 3
    filled.same()


def test_a_batch_that_is_larger_than_the_limiter(filled):
    """It would never be taken, whatever the wait."""
    make_strict(filled, write_rate_limit=160)
    watched = Watched(filled.servers[1])
    report = filled.work.json(*filled.copy("--limit", "150", "--batch-size", "300"))
    assert report["verify"]["ok"] and scenario.count(filled.target) == 150 and not watched.refused()


def test_storage_that_is_full_by_strict_mode(filled):
    make_strict(filled, max_collection_payload_size_bytes=1000)
    report = filled.work.json(*filled.copy("--batch-size", "20"), code=3)
    rejects = [json.loads(line) for line in open(report["rejects_file"])]
    assert report["written"] + len(rejects) == ROWS == report["written"] + report["rejected"]
    assert {r["code"] for r in rejects} == {"refused-by-store"} and all("Max payload storage size" in r["message"] for r in rejects)
    filled.target.update_collection("docs", strict_mode_config=models.StrictModeConfig(enabled=False))
    assert filled.work.json(*filled.copy("--batch-size", "20", "--retry-rejects"))["rejected"] == 0
    filled.same()


# ---- shard keys ----

def make_sharded(client, keys, name="docs"):
    client.create_collection(name, vectors_config=models.VectorParams(size=4, distance=models.Distance.DOT), sharding_method=models.ShardingMethod.CUSTOM)
    for key in keys:
        client.create_shard_key(name, key)


def fill_shards(client, keys, rows=60):
    for at, key in enumerate(keys):
        points = [models.PointStruct(id=at * 1000 + n, vector=[n, at, 0.5, 1], payload={"n": n, "of": str(key)}) for n in range(rows)]
        client.upsert("docs", points, shard_key_selector=key)


def in_shard(client, key, name="docs"):
    return {point.id: (point.payload, point.vector) for point in client.scroll(name, limit=1000, with_vectors=True, shard_key_selector=key)[0]}


KEYS = ["berlin", "two words", 7, "Ünï"]


def test_shard_keys_there_and_back(ends):
    make_sharded(ends.source, KEYS)
    fill_shards(ends.source, KEYS)
    report = ends.work.json(*ends.copy("--batch-size", "25"))
    assert report["written"] == 240 and report["verify"]["ok"]
    for key in KEYS:
        assert in_shard(ends.target, key) == in_shard(ends.source, key) and len(in_shard(ends.target, key)) == 60
    assert ends.target.get_collection("docs").config.params.sharding_method == models.ShardingMethod.CUSTOM
    # As tenants through a file, and into shards again.
    home = f"jsonl:{ends.work.folder}/home.jsonl"
    ends.work.ok("copy", ends.uri(1), home, "-q")
    tenants = {json.loads(line).get("tenant") for line in list(open(home[6:], encoding="utf-8"))[1:]}
    assert tenants == {str(key) for key in KEYS}
    make_sharded(ends.source, [], name="again")
    ends.work.ok("copy", home, ends.uri(0, "again"), "-q")
    for key in KEYS:
        assert in_shard(ends.source, key, "again") == in_shard(ends.source, key)
    ends.work.ok("rollback", "last", "--yes")
    assert scenario.count(ends.source, "again") == 0


def test_ids_may_be_the_same_in_several_shards(ends):
    make_sharded(ends.source, KEYS[:2])
    for key in KEYS[:2]:
        ends.source.upsert("docs", [models.PointStruct(id=n, vector=[n, 1, 1, 1], payload={"of": key}) for n in range(20)], shard_key_selector=key)
    report = ends.work.json(*ends.copy())
    assert report["written"] == 40 and report["verify"]["ok"]
    for key in KEYS[:2]:
        assert in_shard(ends.target, key) == in_shard(ends.source, key)


@pytest.mark.parametrize("point", ["qdrant.upsert.after:2", "qdrant.upsert.before:3", "journal.ack.after:2"])
def test_shards_after_a_kill(ends, point):
    make_sharded(ends.source, KEYS)
    fill_shards(ends.source, KEYS)
    args = ends.copy("--batch-size", "25", "-q")
    assert ends.work.run(*args, env={"VECFERRY_FAILPOINT": point}).returncode == harness.KILLED
    ends.work.ok(*args)
    for key in KEYS:
        assert in_shard(ends.target, key) == in_shard(ends.source, key)


def test_records_without_a_tenant_have_no_shard(filled):
    make_sharded(filled.target, ["one"])
    filled.target.delete_collection("docs")
    filled.target.create_collection("docs", vectors_config=VECTORS, sparse_vectors_config={"words": models.SparseVectorParams()},
                                    sharding_method=models.ShardingMethod.CUSTOM)
    told = refused(filled.work.run(*filled.copy("-q")), 8, "target", filled.uri(1), "the server shards itself")
    assert "no tenant" in told and scenario.count(filled.target) == 0


# ---- the wire ----

def test_no_compression_is_offered(tmp_path, servers):
    double = scenario.Double(tmp_path / "sniffed", "--sniff").start()
    try:
        work = harness.Workplace(tmp_path / "w")
        scenario.fill(servers[0].client(), 100, name="wire")
        work.ok("copy", scenario.uri(servers[0], "wire"), scenario.uri(double), "-q")
        offered = double.stats()["accept_encoding"]
        work.ok("inspect", scenario.uri(double))
        assert set(offered) == {"identity"}, offered
    finally:
        double.stop()
