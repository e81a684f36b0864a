"""What goes wrong outside of the program: it says on which side, where, and what to do; nothing is lost, and nothing half-written is called done."""
import json
import math
import os
import pathlib
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid

import pytest

import harness
import vendors
from harness import refused
from machine import SmallDisk, needs_root

DIMS = 32


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return harness.make_memories(tmp_path_factory.mktemp("db") / "memories.db", 300)


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def database(made, tmp_path):
    """A database for the test alone, without what would take part in changes."""
    file = tmp_path / "memories.db"
    shutil.copy(made, file)
    db = vendors.open_vec(file)
    vendors.drop_triggers(db)
    db.close()
    return file


def target_of(work, collection="memories"):
    return f"qdrant-local:{work.folder}/qdrant#{collection}"


def no_target(work, collection="memories"):
    assert collection not in vendors.collections(work.folder / "qdrant")


def rejects_of(report):
    return [json.loads(line) for line in open(report["rejects_file"], encoding="utf-8")]


def run_of(work):
    """The folder of the only run."""
    run, = (work.folder / "state/vecferry/runs").iterdir()
    return run


# ---- the source ----

HOLD_EXCLUSIVE = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=DELETE")
db.execute("BEGIN EXCLUSIVE")
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_locked_database(database, work):
    before = vendors.tree(database.parent)
    with vendors.Other(HOLD_EXCLUSIVE, database) as holder:
        told = refused(work.run("copy", f"mcp-memory:{database}", target_of(work), "-q"), 11, "source", database, "run the same command again")
        assert "locked" in told and str(holder.pid) in told
        no_target(work)
        holder.end()
    assert work.json("copy", f"mcp-memory:{database}", target_of(work))["written"] == 300
    assert before.keys() <= vendors.tree(database.parent).keys()


WRITE_ON = """
import sys, threading, time
sys.path.insert(0, sys.argv[2])
import vendors
db = vendors.open_vec(sys.argv[1])
db.execute("PRAGMA journal_mode=WAL")
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
number = 0
def pair():
    global number
    db.execute("BEGIN IMMEDIATE")
    for half in ("a", "b"):
        vendors.add_memory(db, f"written meanwhile {number} {half}", [float(number + 1)] + [0.5] * 31, tags=f"pair{number},{half}")
    db.execute("COMMIT")
    number += 1
for _ in range(5):
    pair()
print("ready", flush=True)
# Read in place, the source has to come to rest before the end: what comes after the last pass can be in no copy.
while not ended.wait(0.005) and number < int(sys.argv[3]):
    pair()
ended.wait()
print(number, flush=True)
"""


@pytest.mark.parametrize("snapshot", ["copy", "live"])
def test_a_database_that_is_written_to_meanwhile(database, work, snapshot):
    source = f"mcp-memory:{database}"
    with vendors.Other(WRITE_ON, database, pathlib.Path(__file__).parent, 100000 if snapshot == "copy" else 60) as writer:
        report = work.json("copy", source, target_of(work), "--source-opt", f"snapshot={snapshot}", "--rate", "400", "--batch-size", "50")
        pairs = int(writer.end())
    found = vendors.by_hash(work.folder / "qdrant")
    halves = {}
    for payload, _ in found.values():
        if payload["content"].startswith("written meanwhile"):
            halves.setdefault(payload["tags"][0], set()).add(payload["content"][-1])
    assert 5 <= len(halves) <= pairs
    assert report["verify"]["ok"] and len(found) == report["verify"]["target_count"]
    if snapshot == "copy":
        # One moment of the database: what was committed together is there together, and nothing later without what was earlier.
        assert all(half == {"a", "b"} for half in halves.values())
        assert set(halves) == {f"pair{n}" for n in range(len(halves))}
        assert len(halves) < pairs, "nothing was written during the copy"
    else:
        assert report["reconciled"] > 0 and len(halves) == pairs == 60 and work.digest(source, target_of(work)) == report["verify"]["target_digest"]
    assert len(found) == 300 + sum(map(len, halves.values()))
    vectors = {f"pair{n}": [float(n + 1)] + [0.5] * 31 for n in range(pairs)}
    for payload, vector in found.values():
        if payload["tags"][0] in vectors:
            assert vendors.same_direction(vectors[payload["tags"][0]], vector)


@pytest.mark.parametrize("scheme", ["mcp-memory", "sqlite-vec", "jsonl", "qdrant-local"])
def test_a_missing_source(work, scheme):
    missing = work.folder / "missing"
    place = f"{scheme}:{missing}" + ("" if scheme in ("jsonl", "mcp-memory") else "#memories")
    target = f"jsonl:{work.folder}/out.jsonl" if scheme == "qdrant-local" else target_of(work)
    told = refused(work.run("copy", place, target, "-q"), 5, "source", missing, "")
    assert "does not exist" in told or "no folder" in told
    assert not missing.exists() and not (work.folder / "out.jsonl").exists()
    no_target(work)


@pytest.mark.parametrize("scheme", ["mcp-memory", "sqlite-vec"])
@pytest.mark.parametrize("content, told", [(b"This is a text.\n" * 500, "not a SQLite database"), (b"", "empty")])
def test_a_file_that_is_no_database(work, scheme, content, told):
    file = work.folder / "file.db"
    file.write_bytes(content)
    place = f"{scheme}:{file}" + ("#docs" if scheme == "sqlite-vec" else "")
    assert told in refused(work.run("copy", place, target_of(work), "-q"), 1, "source", file, "path")
    assert file.read_bytes() == content
    no_target(work)


def test_a_database_without_vectors(work):
    file = work.folder / "plain.db"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)")
        db.execute("INSERT INTO notes(body) VALUES ('no vector here')")
    db.close()
    assert "no vec0 table" in refused(work.run("copy", f"sqlite-vec:{file}#notes", target_of(work), "-q"), 5, "source notes", "vec0", "")
    assert "memories" in refused(work.run("copy", f"mcp-memory:{file}", target_of(work), "-q"), 5, "source", "memories", "sqlite-vec:FILE#TABLE")
    no_target(work)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
def test_a_truncated_database(database, work, share):
    whole = database.stat().st_size
    os.truncate(database, int(whole * share))
    told = refused(work.run("copy", f"mcp-memory:{database}", target_of(work), "-q"), 1, "source", database, "restore it from a backup")
    assert "cut off" in told and str(whole) in told and str(int(whole * share)) in told
    no_target(work)


def chunk_damage(database, column, damage):
    """Changes one blob of the extension's table of chunks."""
    with sqlite3.connect(database) as db:
        chunk, blob = db.execute(f"SELECT chunk_id, {column} FROM memory_embeddings_chunks ORDER BY chunk_id LIMIT 1").fetchone()
        changed = bytearray(blob)
        damage(changed)
        db.execute(f"UPDATE memory_embeddings_chunks SET {column} = ? WHERE chunk_id = ?", (bytes(changed), chunk))
    db.close()


def flip_first_slot(blob):
    blob[0] ^= 1


def flip_high_bit(blob):
    blob[7] ^= 0x40


@pytest.mark.parametrize("column, damage", [("validity", flip_first_slot), ("rowids", flip_high_bit)])
def test_a_bit_that_flipped_in_a_chunk_costs_its_record_alone(database, work, column, damage):
    first, = sqlite3.connect(database).execute("SELECT m.content_hash FROM memories m JOIN memory_embeddings_rowids r ON r.rowid = m.id "
                                               "WHERE r.chunk_offset = 0 ORDER BY r.chunk_id LIMIT 1").fetchone()
    chunk_damage(database, column, damage)
    report = work.json("copy", f"mcp-memory:{database}", target_of(work), code=3)
    assert (report["total"], report["written"], report["rejected"]) == (300, 299, 1)
    reject, = rejects_of(report)
    assert reject["id"] == first and reject["code"] and reject["record"]["id"] == first
    found = vendors.by_hash(work.folder / "qdrant")
    assert len(found) == 299 and first not in found


def test_a_page_that_is_damaged(database, work):
    """Bits of the database's own structure: an error that names the file, and no collection that looks whole."""
    with sqlite3.connect(database) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root, = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'memories'").fetchone()
        size, = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with open(database, "r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 12)
    told = refused(work.run("copy", f"mcp-memory:{database}", target_of(work), "-q"), 1, "source", database.name, "")
    assert "malformed" in told or "damaged" in told or "corrupt" in told
    no_target(work)


def test_a_chunk_of_another_size(database, work):
    """As if vectors of two models stood in one table: those that are not there whole are rejects."""
    with sqlite3.connect(database) as db:
        row, blob = db.execute("SELECT rowid, vectors FROM memory_embeddings_vector_chunks00 ORDER BY rowid LIMIT 1").fetchone()
        kept = 100
        db.execute("UPDATE memory_embeddings_vector_chunks00 SET vectors = ? WHERE rowid = ?", (blob[:kept * DIMS * 4 + 6], row))
        source = dict(db.execute("SELECT content_hash, chunk_offset FROM memories m JOIN memory_embeddings_rowids r ON r.rowid = m.id"))
    db.close()
    done = work.run("copy", f"mcp-memory:{database}", target_of(work), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 3, done.stdout + done.stderr
    rejects = rejects_of(report)
    assert report["written"] + len(rejects) == 300 and report["rejected"] == len(rejects)
    found = vendors.by_hash(work.folder / "qdrant")
    assert {r["id"] for r in rejects} == source.keys() - found.keys()
    for content_hash in found:
        assert source[content_hash] < kept


def test_vectors_that_are_no_direction_are_carried_to_the_bit(database, work):
    odd = {"nan": [math.nan] + [1.0] * (DIMS - 1), "plus": [math.inf] + [1.0] * (DIMS - 1), "minus": [-math.inf] * DIMS, "zero": [0.0] * DIMS,
           "minus zero": [-0.0] * DIMS, "tiny": [1e-45] * DIMS, "huge": [3.4028234663852886e38] * DIMS, "long": [3.5] * DIMS}
    db = vendors.open_vec(database)
    hashes = {vendors.add_memory(db, f"odd vector {name}", vector): vector for name, vector in odd.items()}
    db.close()
    source = f"mcp-memory:{database}"
    report = work.json("copy", source, target_of(work), "--validate", "full")
    assert report["written"] == 308 and report["rejected"] == 0 and report["verify"]["ok"]
    points = vendors.stored(work.folder / "qdrant")
    for content_hash, vector in hashes.items():
        assert vendors.f32(points[vendors.point_id(content_hash)].vector) == vendors.f32(vector)
    assert len(vendors.records(work.folder / "qdrant")) == 308
    assert work.digest(source, target_of(work)) == report["digest"]


def test_invalid_utf8_and_a_very_long_document(database, work):
    long = "".join(f"line {i} \u00e9\u4e16\U0001f600\n" for i in range(700_000))[:10 << 20]
    db = vendors.open_vec(database)
    kept = vendors.add_memory(db, long, [1.0] * DIMS)
    broken = vendors.add_memory(db, "to be broken", [2.0] * DIMS)
    db.execute("UPDATE memories SET content = CAST(x'6f6b20ff' AS TEXT) WHERE content_hash = ?", (broken,))
    db.close()
    report = work.json("copy", f"mcp-memory:{database}", target_of(work), code=3)
    assert (report["written"], report["rejected"]) == (301, 1) and report["verify"]["ok"]
    reject, = rejects_of(report)
    assert (reject["id"], reject["code"]) == (broken, "invalid-utf8") and "row 302" in reject["message"]
    assert reject["record"]["document"] == {"$vf": "bytes", "v": "b2sg/w=="}
    found = vendors.by_hash(work.folder / "qdrant")
    assert found[kept][0]["content"] == long and broken not in found


# ---- the journal ----

def interrupted(database, work):
    """Copies until it is killed with some batches written; gives the command's words."""
    args = ["copy", f"mcp-memory:{database}", target_of(work), "--batch-size", "50"]
    killed = work.run(*args, env={"VECFERRY_FAILPOINT": "transfer.write.before:4"})
    assert killed.returncode == harness.KILLED, killed.stderr
    no_target(work)
    return args


def whole(database, work, report):
    assert report["verify"]["ok"] and report["verify"]["target_count"] == 300
    assert len(vendors.records(work.folder / "qdrant")) == 300
    assert work.digest(f"mcp-memory:{database}", target_of(work)).startswith("vf1:300:")


def test_a_lost_journal(database, work):
    args = interrupted(database, work)
    shutil.rmtree(run_of(work))
    told = refused(work.run(*args, "-q"), 8, "target", "qdrant/collection/memories", "--adopt")
    assert "holds 150 points" in told or "holds 100 points" in told
    no_target(work)
    whole(database, work, work.json(*args, "--adopt"))


@pytest.mark.parametrize("flag", ["--restart", "--adopt"])
@pytest.mark.parametrize("harm", ["overwritten", "cut", "version"])
def test_a_journal_that_cannot_be_read(database, work, flag, harm):
    args = interrupted(database, work)
    journal = run_of(work) / "journal.sqlite"
    if harm == "version":
        with sqlite3.connect(journal) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    else:
        for suffix in ("-wal", "-shm"):
            pathlib.Path(f"{journal}{suffix}").unlink(missing_ok=True)
        journal.write_bytes(b"\xde\xad" * 5000 if harm == "overwritten" else journal.read_bytes()[:1000])
    bytes_before = journal.read_bytes()
    done = work.run(*args, "-q")
    told = done.stderr
    assert done.returncode == (8 if harm == "version" else 1) and str(journal.parent) in told.split("  next: ")[0], told
    assert "--restart" in told.split("  next: ")[1] and ("--adopt" in told or harm == "version"), told
    assert ("version 99" in told) == (harm == "version")
    assert journal.read_bytes() == bytes_before
    no_target(work)
    whole(database, work, work.json(*args, flag))


# ---- the target ----

def make_collection(folder, size, distance, points=0):
    from qdrant_client import QdrantClient, models
    client = QdrantClient(path=str(folder))
    client.create_collection("memories", vectors_config=models.VectorParams(size=size, distance=getattr(models.Distance, distance)))
    if points:
        client.upsert("memories", [models.PointStruct(id=str(uuid.UUID(int=i + 1)), vector=[i + 1.0] * size, payload={"content": f"kept {i}", "content_hash": f"{i + 1:064x}"})
                                   for i in range(points)])
    client.close()


@pytest.mark.parametrize("size, distance, words", [(DIMS * 2, "COSINE", ("32", "64")), (DIMS, "DOT", ("cosine", "dot"))])
@pytest.mark.parametrize("points, more", [(0, []), (3, ["--on-exists", "append"]), (3, ["--on-exists", "upsert"])])
def test_a_target_of_another_shape(database, work, size, distance, words, points, more):
    make_collection(work.folder / "qdrant", size, distance, points)
    before = vendors.tree(work.folder / "qdrant")
    told = refused(work.run("copy", f"mcp-memory:{database}", target_of(work), *more, "-q"), 8, "target", "memories", "")
    assert all(word in told.lower() for word in words), told
    assert vendors.tree(work.folder / "qdrant") == before


HOLD_CLIENT = """
import sys
from qdrant_client import QdrantClient
client = QdrantClient(path=sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
client.close()
"""


def test_a_target_that_another_process_holds(database, work):
    make_collection(work.folder / "qdrant", DIMS, "COSINE")
    args = ["copy", f"mcp-memory:{database}", target_of(work)]
    with vendors.Other(HOLD_CLIENT, work.folder / "qdrant") as holder:
        told = refused(work.run(*args, "-q"), 11, "target", work.folder / "qdrant", "")
        assert str(holder.pid) in told
        assert json.loads(work.run(*args, "--json").stdout)["error"]["side"] == "target"
        holder.end()
    assert work.json(*args)["written"] == 300


@pytest.mark.parametrize("name", ["..", "../outside", "x/../../outside", "a/b", "a\\b", "/tmp/vf-outside"])
def test_a_collection_name_that_leaves_the_folder(database, work, name):
    before = vendors.tree(work.folder)
    refused(work.run("copy", f"mcp-memory:{database}", target_of(work, name), "-q"), 8, "target", name, "name")
    made = {path for path in vendors.tree(work.folder).keys() - before.keys() if "/state" not in path}
    assert not made and not pathlib.Path("/tmp/vf-outside").exists()


class Hostile:
    """Runs a command in whoever unpickles it."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def plant(folder, mark):
    """A hostile point among others; and one whose payload alone is hostile."""
    make_collection(folder, DIMS, "COSINE", 4)
    with sqlite3.connect(vendors.storage(folder)) as db:
        (one, _), (two, blob) = db.execute("SELECT id, point FROM points ORDER BY id LIMIT 2").fetchall()
        db.execute("UPDATE points SET point = ? WHERE id = ?", (pickle.dumps(Hostile(mark), protocol=4), one))
        point = pickle.loads(blob)
        point.payload["content"] = Hostile(mark)
        db.execute("UPDATE points SET point = ? WHERE id = ?", (pickle.dumps(point, protocol=4), two))
    db.close()


def test_a_hostile_pickle_in_the_source(work):
    mark = work.folder / "executed"
    plant(work.folder / "qdrant", mark)
    before = vendors.rows(work.folder / "qdrant")
    report = work.json("copy", target_of(work), f"jsonl:{work.folder}/out.jsonl", code=3)
    assert (report["written"], report["rejected"]) == (2, 2)
    for reject in rejects_of(report):
        assert reject["code"] and "system" in reject["message"] + json.dumps(reject)
    lines = [json.loads(line) for line in open(work.folder / "out.jsonl", encoding="utf-8")]
    assert len(lines) == 3 and all(line["metadata"]["content"].startswith("kept") for line in lines[1:])
    assert work.run("inspect", target_of(work)).returncode in (0, 3)
    assert not mark.exists() and vendors.rows(work.folder / "qdrant") == before


def test_a_hostile_pickle_in_the_target(database, work):
    mark = work.folder / "executed"
    plant(work.folder / "qdrant", mark)
    before = vendors.rows(work.folder / "qdrant")
    args = [f"mcp-memory:{database}", target_of(work)]
    done = work.run("copy", *args, "--on-exists", "append", "--json")
    report = json.loads(done.stdout)
    # What is unreadable in a collection that others share is told, not excused.
    assert done.returncode == 4 and report["written"] == 300 and report["verify"]["target_rejects"] == 2, done.stdout
    verify = json.loads(work.run("verify", *args, "--json").stdout)
    assert verify["target_rejects"] == 2
    assert work.run("rollback", "last", "--yes").returncode == 0
    assert not mark.exists() and vendors.rows(work.folder / "qdrant") == before


# ---- the machine ----

@pytest.fixture
def open_folder():
    """A folder that another user may enter, which pytest's own are not."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vecferry-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(work, *args):
    return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *work.command(*args)], env=work.environment({"HOME": "/"}),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


@needs_root
def test_no_permission(database, open_folder):
    work = harness.Workplace(open_folder / "w")
    for name, mode in (("state", 0o777), ("readable", 0o755), ("own", 0o777)):
        (work.folder / name).mkdir()
        (work.folder / name).chmod(mode)
    secret = work.folder / "secret.db"
    shutil.copy(database, secret)
    secret.chmod(0o600)
    if as_nobody(work, "version").returncode:
        pytest.skip("another user may not run the program where it lies")
    target = f"qdrant-local:{work.folder}/own/qdrant#memories"
    told = refused(as_nobody(work, "copy", f"mcp-memory:{secret}", target, "-q"), 6, "source", secret, "right")
    assert "ermission denied" in told or "may not" in told
    secret.chmod(0o644)
    closed = f"qdrant-local:{work.folder}/readable/qdrant#memories"
    refused(as_nobody(work, "copy", f"mcp-memory:{secret}", closed, "-q"), 6, "target", work.folder / "readable", "right")
    assert not list((work.folder / "readable").iterdir())
    assert json.loads(as_nobody(work, "copy", f"mcp-memory:{secret}", target, "--json").stdout)["written"] == 300


@needs_root
@pytest.mark.parametrize("where, size", [("qdrant", "24k"), ("qdrant", "160k"), ("qdrant", "400k"), ("state", "16k"), ("state", "120k"), ("state", "300k"), ("state", "620k")])
def test_no_space_left(database, work, where, size):
    source, target = f"mcp-memory:{database}", f"qdrant-local:{work.folder}/qdrant/q#memories"
    args = ["copy", source, target, "--batch-size", "50"]
    disk = SmallDisk(work.folder / where, size)
    try:
        told = disk.vecferry(work, *args)
        assert told.returncode == 7, f"exit {told.returncode}\n{told.stdout}\n{told.stderr}"
        assert "  next: free some space" in told.stderr and str(work.folder / where) in told.stderr and "To go on:" in told.stderr, told.stderr
        assert "Verification" not in told.stdout
        # The collection is not listed, so that no client takes it for whole.
        seen = disk.inside("cat", work.folder / "qdrant/q/meta.json")
        assert seen.returncode or "memories" not in json.loads(seen.stdout)["collections"]
        disk.grow()
        again = disk.vecferry(work, *args, "--json")
        report = json.loads(again.stdout)
        assert again.returncode == 0 and report["written"] == 300 and report["verify"]["ok"], again.stdout + again.stderr
        plain = harness.Workplace(work.folder / "plain")
        expected = plain.json("copy", source, f"qdrant-local:{plain.folder}/qdrant#memories")["digest"]
        assert report["digest"] == expected == report["verify"]["target_digest"]
    finally:
        disk.close()
