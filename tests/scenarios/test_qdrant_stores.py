"""Between a Qdrant server and stores of other kinds, servers of other versions and servers with shard keys, judged by the vendor's clients."""
import json

import pytest

import harness
import vendors
from qdrant_judge import Server, different


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A folder of qdrant-client's local mode, and what it told of it."""
    folder = tmp_path_factory.mktemp("samples") / "qdrant"
    harness.fixture("qdrant_local_samples.py", folder)
    return folder, json.loads((folder.parent / "qdrant.json").read_text())["collections"]


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


LOCAL = ["uuids", "dot", "euclid", "manhattan", "cosine", "deletions", "empty", "batch", "named", "sparse_only", "multi_unnamed", "quantized"]


@pytest.mark.parametrize("name", LOCAL)
def test_from_the_folder_to_a_server_and_back(server, samples, work, name):
    folder, told = samples
    first, there, back = f"qdrant-local:{folder}#{name}", server.uri(name), f"qdrant-local:{work.folder}/qdrant#{name}"
    out, home = work.json("copy", first, there), work.json("copy", there, back)
    assert out["rejected"] == home["rejected"] == 0 and out["written"] == home["written"] == len({str(p["id"]) for p in told[name]["points"]})
    assert work.digest(first, there) and work.digest(there, back) == home["digest"]
    before, after = vendors.by_point(folder, name), vendors.by_point(work.folder / "qdrant", name)
    if name not in ("cosine", "named"):  # which the server normalised
        assert after == before
    assert {key: payload for key, (payload, _) in after.items()} == {key: payload for key, (payload, _) in before.items()}


@pytest.mark.parametrize("version", ["1.18.3", "1.12.6"])
def test_memories_pass_the_services_own_validation(tmp_path, work, version):
    """The checks of the service's validation script, over a server, and the points that its application looks for."""
    database, server = harness.make_memories(tmp_path / "memories.db", 300), Server(tmp_path / "server", version)
    try:
        report = work.json("copy", f"mcp-memory:{database}", server.uri("memories"))
        assert (report["written"], report["rejected"]) == (300, 0)
        said = harness.fixture("validate_memories.py", database, server.uri(), "memories")
        assert "validation: passed" in said and "source 300, target 300" in said
        collection = server.act("look", "memories")
        assert collection["count"] == 301 and "embedding_model" in collection["points"]["int 1"][0]
        assert set(collection["indexes"]) == {"created_at"}
        assert work.digest(f"mcp-memory:{database}", server.uri("memories")) == report["digest"]
        mine = server.uri() + "?layout=mcp-memory#memories"
        before = server.act("look", "memories")
        assert work.json("backup", mine, work.folder / "memories.jsonl")["digest"] == report["digest"]
        assert server.act("drop", "memories")
        work.ok("restore", work.folder / "memories.jsonl", server.uri("memories"))
        after = server.act("look", "memories")
        before["points"].pop("int 1"), after["points"].pop("int 1")  # which says when it was written
        assert different(before, after) == []
    finally:
        server.stop()


def facts(look):
    """What clients of every version tell in the same words."""
    vectors = look["config"]["params"]["vectors"]
    named = {"": vectors} if "size" in vectors else vectors
    return {"points": look["points"], "aliases": look["aliases"], "indexes": {field: index["data_type"] for field, index in look["indexes"].items()},
            "vectors": {name: [v["size"], v["distance"], v["hnsw_config"] and v["hnsw_config"]["m"], v["on_disk"]] for name, v in named.items()},
            "settings": [look["config"]["hnsw_config"]["ef_construct"], look["config"]["optimizer_config"]["max_optimization_threads"],
                         look["config"]["wal_config"]["wal_capacity_mb"], look["config"]["params"]["shard_number"]]}


@pytest.mark.parametrize("old, new", [("1.7.4", "1.18.3"), ("1.12.6", "1.18.3"), ("1.7.4", "1.12.6")])
def test_from_an_old_server_to_a_new_one_and_back(tmp_path, work, old, new):
    servers = [Server(tmp_path / version, version) for version in (old, new)]
    try:
        servers[0].act("make")
        for name in ("rich", "cosine", "words alone"):
            before = facts(servers[0].act("look", name))
            there = work.json("copy", servers[0].uri(name), servers[1].uri(name))
            after = facts(servers[1].act("look", name))
            assert different(before, after) == []
            assert servers[0].act("drop", name)
            assert work.json("copy", servers[1].uri(name), servers[0].uri(name))["digest"] == there["digest"]
            assert different(before, facts(servers[0].act("look", name))) == []
    finally:
        for server in servers:
            server.stop()


def test_vectors_that_an_old_server_cannot_hold(server, tmp_path, work):
    """It would make the collection without the half that it does not know, and refuse every point."""
    old = Server(tmp_path / "old", "1.7.4")
    try:
        server.act("make_rows", "rows")
        for _ in range(2):
            told = harness.refused(work.run("copy", server.uri("rows"), old.uri("rows"), "-q"), 8, "target", "#rows", "update the server")
            assert "multi 3 x f32, cosine" in told and "dense 3 x f32, cosine" in told and "1.7.4" in told
            assert old.act("names") == []
    finally:
        old.stop()


def test_shard_keys(tmp_path, work):
    """A point's shard key is its tenant; an id may be there under every key."""
    servers = [Server(tmp_path / name, "1.18.3", "--distributed") for name in ("one", "other")]
    keys = ["acme", "b\u00fccher", 7]
    try:
        servers[0].act("make_sharded", keys)
        report = work.json("copy", servers[0].uri("sharded"), servers[1].uri("sharded"))
        assert (report["written"], report["rejected"]) == (24, 0)
        before = servers[0].act("look_at_shards", "sharded", keys)
        assert [len(points) for points in before["shards"].values()] == [8, 8, 8]
        assert different(before, servers[1].act("look_at_shards", "sharded", keys)) == []
        lines = f"jsonl:{work.folder}/lines.jsonl"
        work.ok("copy", servers[0].uri("sharded"), lines)
        servers[1].act("drop", "sharded")
        assert work.json("copy", lines, servers[1].uri("sharded"))["digest"] == report["digest"]
        assert different(before, servers[1].act("look_at_shards", "sharded", keys)) == []
    finally:
        for server in servers:
            server.stop()
