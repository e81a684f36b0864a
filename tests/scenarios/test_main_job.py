"""From the memory service's SQLite to Qdrant, the whole way: plan, copy, the vendors' judges, verify, rollback."""
import base64
import json
import pickle
import shutil
import sqlite3
import uuid

import pytest

import harness
import vendors

DAY = 86400


def make_small(path):
    return [json.loads(line) for line in harness.fixture("mcp_memory.py", path).splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_small(folder / "small.db")
    harness.make_memories(folder / "bulk.db", 500)
    return folder


class Job:
    """A database, a target, and the program in a folder of the test's own."""

    def __init__(self, made, folder, name):
        self.home = folder / "source"
        self.home.mkdir()
        self.database = self.home / f"{name}.db"
        shutil.copy(made / f"{name}.db", self.database)
        self.parent = folder / "target"
        self.parent.mkdir()
        self.folder = self.parent / "qdrant"
        self.work = harness.Workplace(folder / "w")
        self.source, self.target = f"mcp-memory:{self.database}", f"qdrant-local:{self.folder}#memories"

    def copy(self, *flags, code=0):
        return self.work.json("copy", self.source, self.target, *flags, code=code)

    def expected(self):
        """What the target should hold, by the source as sqlite-vec reads it: point id -> (payload, vector)."""
        db = vendors.open_vec(self.database)
        found = dict(db.execute("SELECT rowid, content_embedding FROM memory_embeddings"))
        points = {}
        for row, content_hash, content, tags, kind, metadata, created, updated in db.execute(
                "SELECT id, content_hash, content, tags, memory_type, metadata, created_at, updated_at FROM memories WHERE deleted_at IS NULL"):
            payload = {"content": content, "tags": [t.strip() for t in tags.split(",") if t.strip()], "metadata": json.loads(metadata), "created_at": created,
                       "updated_at": updated, "memory_type": kind or "", "content_hash": content_hash}
            points[vendors.point_id(content_hash)] = (payload, list(memoryview(found[row]).cast("f")))
        db.close()
        return points


@pytest.fixture(params=["small", "bulk"])
def job(request, made, tmp_path):
    return Job(made, tmp_path, request.param)


@pytest.fixture
def bulk(made, tmp_path):
    return Job(made, tmp_path, "bulk")


def client_changes(folder, change):
    client = vendors.client_of(folder)
    try:
        change(client)
    finally:
        client.close()


# ---- before ----

@pytest.mark.parametrize("words", [["plan"], ["copy", "--dry-run"], ["copy", "--dry-run", "--scan", "full"]])
def test_a_plan_writes_nothing_anywhere(job, words):
    before = vendors.tree(job.home, job.parent, job.work.folder)
    count = len(job.expected())
    before = vendors.tree(job.home, job.parent, job.work.folder)
    plan = job.work.json(*words, job.source, job.target)
    assert vendors.tree(job.home, job.parent, job.work.folder) == before
    assert plan["source_info"]["count"] == count and not plan["target_exists"]
    assert not [issue for issue in plan["issues"] if issue["blocking"]]


# ---- the copy and its judges ----

def test_the_copy_is_what_the_source_was(job, tmp_path):
    untouched = job.database.read_bytes()
    report = job.copy("--model", "all-MiniLM-L6-v2")
    expected = job.expected()
    assert report["written"] == report["total"] == len(expected) and report["rejected"] == 0 and report["verify"]["ok"]
    assert job.database.read_bytes() == untouched

    found = vendors.records(job.folder, bookkeeping=True)
    note, zeros = found.pop(1)
    dims = len(next(iter(expected.values()))[1])
    assert note["embedding_model"] == "all-MiniLM-L6-v2" and note["vector_size"] == dims and zeros == [0.0] * dims
    assert found.keys() == expected.keys()

    lines = [{"id": point, "payload": payload, "vector": vector} for point, (payload, vector) in expected.items()]
    lines.append({"id": 1, "payload": note, "vector": zeros})
    expect = tmp_path / "expect.jsonl"
    expect.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    said = harness.fixture("validate_memories.py", job.database, job.folder, "memories")
    assert "validation: passed" in said and f"source {len(expected)}" in said and "FAIL" not in said
    for client in ("current", "old"):
        judged = tmp_path / f"judged-{client}"
        shutil.copytree(job.folder, judged)
        said = harness.fixture("qdrant_local_judge.py", judged, "memories", "--expect", expect, "--client", client)
        assert "judge: ok" in said and "changes stick" in said


def test_the_bookkeeping_point(bulk):
    done = bulk.work.ok("copy", bulk.source, bulk.target)
    note, _ = vendors.records(bulk.folder, bookkeeping=True)[1]
    assert note["embedding_model"] == "unknown" and note["vector_size"] == 32
    assert "--model" in done.stderr and "unknown" in done.stderr
    assert bulk.work.json("verify", bulk.source, bulk.target)["target_count"] == 500
    assert bulk.work.json("inspect", f"qdrant-local:{bulk.folder}?layout=mcp-memory#memories")["count"] == 500


def test_inspect_of_a_folder_names_what_it_holds(bulk):
    bulk.copy()
    told = bulk.work.json("inspect", f"qdrant-local:{bulk.folder}")
    assert told.get("dataset", told.get("datasets", [{}])[0:1]) in ("memories", [{"name": "memories", "count": 500}])
    many = bulk.work.json("copy", bulk.source, f"qdrant-local:{bulk.folder}#second")
    assert many["written"] == 500
    assert {d["name"] for d in bulk.work.json("inspect", f"qdrant-local:{bulk.folder}")["datasets"]} == {"memories", "second"}
    assert bulk.work.json("inspect", f"qdrant-local:{bulk.folder}#sec*")["dataset"] == "second"


def test_the_settings_that_switch_the_service(bulk):
    done = bulk.work.ok("copy", bulk.source, bulk.target)
    for line in ("export MCP_MEMORY_STORAGE_BACKEND='qdrant'", f"export MCP_MEMORY_QDRANT_PATH='{bulk.folder}'", "export MCP_MEMORY_STORAGE_BACKEND='sqlite_vec'",
                 f"export MCP_MEMORY_SQLITE_PATH='{bulk.database}'"):
        assert line in done.stdout, done.stdout


# ---- afterwards ----

def some(job, count):
    return sorted(job.expected())[:count]


def test_verify_finds_exactly_what_the_client_changed(bulk):
    bulk.copy()
    changed, deleted = some(bulk, 2)
    names = {point: payload["content_hash"] for point, (payload, _) in bulk.expected().items()}

    def change(client):
        client.set_payload("memories", {"memory_type": "changed by the client"}, points=[changed])
        client.delete("memories", points_selector=[deleted])
    client_changes(bulk.folder, change)
    report = bulk.work.json("verify", bulk.source, bulk.target, code=4)
    assert not report["ok"] and (report["source_count"], report["target_count"]) == (500, 499)
    assert {d["id"] for d in report["differences"]} == {names[changed], names[deleted]} and sum(report["counts"].values()) == 2
    of_changed = [d for d in report["differences"] if d["id"] == names[changed]]
    assert len(of_changed) == 1 and of_changed[0]["field"] == "metadata.memory_type" and "changed by the client" in of_changed[0]["target"]
    of_deleted, = [d for d in report["differences"] if d["id"] == names[deleted]]
    assert of_deleted["target"] == "missing"


def test_rollback_of_a_fresh_target_leaves_nothing(bulk):
    before = vendors.collections(bulk.folder)
    run = bulk.copy()["run"]
    assert vendors.collections(bulk.folder) == {"memories"}
    report = bulk.work.json("rollback", run, "--yes")
    assert report["dropped"] and report["conflicts"] == 0
    assert vendors.collections(bulk.folder) == before == set() and not vendors.storage(bulk.folder).exists()
    assert bulk.work.run("inspect", bulk.target).returncode == 5


def existing(job, bookkeeping, overlap):
    """A collection of the service's kind with records of its own, and some that the copy brings as well."""
    from qdrant_client import QdrantClient, models
    client = QdrantClient(path=str(job.folder))
    client.create_collection("memories", vectors_config=models.VectorParams(size=32, distance=models.Distance.COSINE))
    points = [models.PointStruct(id=str(uuid.UUID(int=i + 7)), vector=[1.0, i] * 16, payload={"content": f"was here {i}", "content_hash": uuid.UUID(int=i + 7).hex * 2,
                                                                                         "tags": [], "metadata": {"n": i}, "memory_type": "note"}) for i in range(20)]
    points += [models.PointStruct(id=point, vector=[2.0] * 32, payload={"content": "older", "content_hash": payload["content_hash"], "tags": ["older"]})
               for point, (payload, _) in list(job.expected().items())[:overlap]]
    if bookkeeping:
        points.append(models.PointStruct(id=1, vector=[0.0] * 32, payload={"embedding_model": "theirs", "vector_size": 32}))
    client.upsert("memories", points)
    client.close()
    return vendors.records(job.folder, bookkeeping=True), vendors.rows(job.folder)


@pytest.mark.parametrize("bookkeeping", [True, False])
@pytest.mark.parametrize("how, overlap", [("append", 0), ("upsert", 30)])
def test_rollback_leaves_what_was_there_record_for_record(bulk, bookkeeping, how, overlap):
    records, rows = existing(bulk, bookkeeping, overlap)
    report = bulk.copy("--on-exists", how)
    assert report["written"] == 500 and report["verify"]["ok"]
    assert len(vendors.records(bulk.folder)) == 520
    if bookkeeping:
        assert vendors.records(bulk.folder, bookkeeping=True)[1][0]["embedding_model"] == "theirs"
    back = bulk.work.json("rollback", "last", "--yes")
    assert (back["dropped"], back["deleted"], back["restored"], back["conflicts"]) == (False, 500 - overlap, overlap, 0)
    assert vendors.records(bulk.folder, bookkeeping=True) == records
    assert vendors.rows(bulk.folder) == rows


def test_append_rejects_what_is_there_already_and_different(bulk):
    records, _ = existing(bulk, True, 30)
    report = bulk.copy("--on-exists", "append", code=3)
    assert (report["written"], report["rejected"]) == (470, 30)
    after = vendors.records(bulk.folder, bookkeeping=True)
    assert {point: after[point] for point in records} == records
    assert len({json.loads(line)["id"] for line in open(report["rejects_file"])}) == 30


@pytest.mark.parametrize("how", ["append", "upsert"])
def test_a_limit_asks_for_no_more(bulk, how):
    """Into a collection that others share: what lies beyond the limit was not asked for, and is no loss."""
    records, _ = existing(bulk, True, 0)
    report = bulk.copy("--on-exists", how, "--limit", "100")
    assert report["written"] == 100 and report["verify"]["ok"] and set(report["verify"]["counts"]) <= {"unrelated"}
    assert len(vendors.records(bulk.folder, bookkeeping=True)) == len(records) + 100


@pytest.mark.parametrize("fresh", [True, False])
def test_rollback_leaves_alone_what_the_client_changed_since(bulk, fresh):
    records = {} if fresh else existing(bulk, True, 10)[0]
    bulk.copy(*([] if fresh else ["--on-exists", "upsert"]))
    changed = [point for point in bulk.expected() if point not in records][3]
    name = bulk.expected()[changed][0]["content_hash"]
    client_changes(bulk.folder, lambda client: client.set_payload("memories", {"tags": ["mine now"]}, points=[changed]))
    then = vendors.records(bulk.folder)[changed]
    report = bulk.work.json("rollback", "last", "--yes", code=4)
    assert report["conflicts"] == 1 and [d["id"] for d in report["listed"]] == [name] and not report["dropped"]
    left = vendors.records(bulk.folder, bookkeeping=True)
    assert left.pop(changed) == then and then[0]["tags"] == ["mine now"]
    if fresh:
        left.pop(1, None)
    assert left == records


@pytest.mark.parametrize("spelling", [str.upper, lambda text: text.replace("-", ""), lambda text: f"urn:uuid:{text}", lambda text: "{" + text + "}"])
def test_upsert_over_another_spelling_of_the_same_point_leaves_one(bulk, spelling):
    """Old clients keyed a point by its id as it was spelled."""
    existing(bulk, True, 1)
    point = next(iter(bulk.expected()))
    with sqlite3.connect(vendors.storage(bulk.folder)) as db:
        key = base64.b64encode(pickle.dumps(point, protocol=pickle.DEFAULT_PROTOCOL)).decode()
        keys = {row: pickle.loads(base64.b64decode(row)) for row, in db.execute("SELECT id FROM points")}
        key = next(row for row, spelled in keys.items() if spelled == point)
        old = pickle.loads(db.execute("SELECT point FROM points WHERE id = ?", (key,)).fetchone()[0])
        old.id = spelling(point)
        db.execute("UPDATE points SET id = ?, point = ? WHERE id = ?", (base64.b64encode(pickle.dumps(old.id)).decode(), pickle.dumps(old), key))
    db.close()
    rows = vendors.rows(bulk.folder)
    report = bulk.copy("--on-exists", "upsert")
    assert report["written"] == 500 and report["verify"]["target_duplicates"] == 0
    spelled = [pickle.loads(base64.b64decode(key)) for key in vendors.rows(bulk.folder)]
    same = [one for one in spelled if not isinstance(one, int) and uuid.UUID(one) == uuid.UUID(point)]
    assert len(same) == 1 and len(spelled) == 500 + 20 + 1
    assert vendors.by_hash(bulk.folder)[bulk.expected()[point][0]["content_hash"]][0]["content"] != "older"
    bulk.work.json("rollback", "last", "--yes")
    assert vendors.rows(bulk.folder) == rows
