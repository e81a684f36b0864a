"""Chroma's folder read offline: what chromadb 0.4, 0.5 and 1.x wrote, as they themselves read it; damage, and a program that writes meanwhile."""
import json
import shutil
import sqlite3
import struct
import subprocess
import threading
import time

import pytest

import chroma_folders as folders
import harness

COUNTS = {"big": 39, "flat": 20, "inner": 12, "only_queue": 3, "empty": 0}


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return folders.current(tmp_path_factory.mktemp("chroma"))


@pytest.fixture
def now(made, tmp_path):
    path, told = made
    return shutil.copytree(path, tmp_path / "chroma"), told


@pytest.mark.parametrize("version", folders.OLD)
def test_folders_of_old_generations(work, tmp_path, version):
    path, told = folders.old(version, tmp_path)
    before = folders.state_of(path)
    listed = work.json("inspect", f"chroma-local:{path}")
    assert {d["name"]: d["count"] for d in listed["datasets"]} == COUNTS
    for name in COUNTS:
        found = folders.read(work, f"chroma-local:{path}#{name}")
        assert folders.differences(told[name], found) == set(), name
    # 0.4 loses this vector: deleted and added again before the files were written. The queue has it.
    assert folders.read(work, f"chroma-local:{path}#big")["id8"]["vectors"]["vector"] == [9, 0, -4, 0.25]
    assert folders.state_of(path) == before


def test_a_folder_of_the_current_generation(work, now):
    path, told = now
    for name, rows in told.items():
        found = folders.read(work, f"chroma-local:{path}#{name}")
        odd = folders.differences(rows, found)
        # Chroma shows a vector of a cosine collection by way of its unit vector even where its queue still has what was written.
        assert odd <= ({"id7"} if name == "big" else set()), name
    assert folders.read(work, f"chroma-local:{path}#big")["id7"]["vectors"]["vector"] == [4, 3, 2, 1]
    arrays = folders.read(work, f"chroma-local:{path}#only_queue")["arr"]["metadata"]
    assert arrays == {"tags": ["y", "x", "y"], "nums": [1, 2**60], "reals": [1.0, 0.5], "flags": [True, False], "plain": 1}
    assert isinstance(arrays["reals"][0], float) and isinstance(arrays["nums"][0], int)


@pytest.mark.parametrize("metric, space, flushed", [("cosine", "cosine", True), ("l2", "l2", True), ("dot", "ip", True), ("cosine", "cosine", False)])
def test_thousands_to_the_bit(work, tmp_path, metric, space, flushed):
    path = tmp_path / "chroma"
    folders.act("write", path, "docs", 3000, 24, space, 1000 if flushed else 100_000)
    told = folders.act("read", path, "docs")["rows"]
    found = folders.read(work, f"chroma-local:{path}#docs", "--jobs", "4")
    if flushed or space != "cosine":
        assert folders.differences(told, found) == set()
    assert len(found) == 3000
    info = work.json("inspect", f"chroma-local:{path}#docs")
    assert info["schema"]["vectors"][0]["metric"] == metric and info["count"] == 3000
    assert ("3,000 elements" in info["facts"]["hnsw"]) == flushed


def test_inspect_list_and_bare_path(work, now):
    path, _ = now
    before = folders.state_of(path)
    info = work.json("inspect", f"{path}#big")
    assert info["store"] == "chroma-local" and info["count"] == 39
    vector, = info["schema"]["vectors"]
    assert (vector["dims"], vector["metric"]) == (4, "cosine")
    assert info["facts"]["tenant"] == "default_tenant" and info["facts"]["generation"].startswith("1.x")
    assert "deleted" in info["facts"]["hnsw"] and "writes" in info["facts"]["queue"]
    assert {d["name"] for d in work.json("inspect", str(path))["datasets"]} == set(COUNTS)
    assert {d["name"] for d in work.json("inspect", str(path / "chroma.sqlite3"))["datasets"]} == set(COUNTS)
    told = work.ok("doctor", f"chroma-local:{path}").stdout
    assert "1.x" in told and "collections" in told
    assert folders.state_of(path) == before
    work.ok("copy", f"{path}#big", f"jsonl:{work.folder}/o.jsonl", "-q")
    assert folders.state_of(path) == before


def test_names_that_do_not_exist(work, now):
    path, _ = now
    target = f"jsonl:{work.folder}/o.jsonl"
    harness.refused(work.run("copy", f"chroma-local:{path}#bigg", target), 5, "source", "bigg", "inspect")
    done = work.run("copy", f"chroma-local:{path}?tenant=nobody#big", target)
    assert done.returncode == 5 and "nobody" in done.stderr and "tenant" in done.stderr
    assert work.run("copy", f"chroma-local:{path}?database=other#big", target).returncode == 5
    done = work.run("copy", f"chroma-local:{path}", target)
    assert done.returncode == 2 and "only_queue" in done.stderr
    missing = work.folder / "nothing"
    assert work.run("copy", f"chroma-local:{missing}#big", target).returncode == 5
    assert not missing.exists()
    assert not (work.folder / "o.jsonl").exists()


def test_tenants_and_databases(work, tmp_path):
    path = tmp_path / "chroma"
    code = """
import chromadb, sys
from chromadb.config import Settings
from chromadb import AdminClient
s = Settings(is_persistent=True, persist_directory=sys.argv[1], anonymized_telemetry=False)
admin = AdminClient(s)
admin.create_tenant("acme"); admin.create_database("prod", "acme")
c = chromadb.PersistentClient(path=sys.argv[1], settings=s, tenant="acme", database="prod")
c.create_collection("docs", embedding_function=None).add(ids=["a"], embeddings=[[1.0, 2.0]])
d = chromadb.PersistentClient(path=sys.argv[1], settings=s)
d.create_collection("docs", embedding_function=None).add(ids=["b"], embeddings=[[3.0, 4.0]])
"""
    subprocess.run([folders.python(), "-c", code, str(path)], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert set(folders.read(work, f"chroma-local:{path}?tenant=acme&database=prod#docs")) == {"a"}
    assert set(folders.read(work, f"chroma-local:{path}#docs")) == {"b"}


def queue(path, collection, rows):
    """Writes that a client made, and that it was ended before it played."""
    db = sqlite3.connect(path / "chroma.sqlite3")
    key, = db.execute("SELECT id FROM collections WHERE name=?", (collection,)).fetchone()
    for operation, name, vector, metadata in rows:
        blob = None if vector is None else struct.pack(f"<{len(vector)}f", *vector)
        db.execute("INSERT INTO embeddings_queue (seq_id, operation, topic, id, vector, encoding, metadata) VALUES ((SELECT max(seq_id)+1 FROM embeddings_queue), "
                   "?, ?, ?, ?, ?, ?)", (operation, f"persistent://default/default/{key}", name, blob, blob and "FLOAT32", metadata and json.dumps(metadata)))
    db.commit()
    db.close()


def test_what_only_the_queue_says(work, now):
    path, _ = now
    ADD, UPDATE, UPSERT, DELETE = range(4)
    queue(path, "flat", [
        (ADD, "id1", [0] * 6, {"chroma:document": "an add of what is there is none"}),
        (UPDATE, "id2", None, {"i": 7, "chroma:document": "other"}),
        (UPDATE, "nobody", [1] * 6, {"i": 7}),
        (UPSERT, "id3", [3] * 6, {"s": "x", "real": 1.0}),
        (UPSERT, "fresh", [4] * 6, {"chroma:document": "new", "chroma:uri": "u", "n": 2**60}),
        (UPDATE, "fresh", None, {"n": None, "more": True}),
        (DELETE, "id4", None, None),
        (DELETE, "id5", None, None),
        (ADD, "id5", [5] * 6, {"chroma:document": "again"}),
        (ADD, "gone", [5] * 6, None),
        (DELETE, "gone", None, None)])
    info = work.json("inspect", f"chroma-local:{path}#flat")
    found = folders.read(work, f"chroma-local:{path}#flat", "--batch-size", "3")
    assert info["count"] == len(found) == 20
    told = folders.act("read", path, "flat")["rows"]  # plays the queue first
    assert folders.differences(told, found) == set()
    assert found["fresh"]["metadata"] == {"more": True, "chroma:uri": "u"}


def test_records_without_a_vector(work, now):
    path, _ = now
    db = sqlite3.connect(path / "chroma.sqlite3")
    db.execute("DELETE FROM embeddings_queue WHERE id IN ('id1', 'id2') AND topic LIKE '%' || (SELECT id FROM collections WHERE name='only_queue')")
    db.commit()
    db.close()
    info = work.json("inspect", f"chroma-local:{path}#only_queue")
    note, = [n for n in info["notes"] if n["code"] == "missing-vectors"]
    assert note["count"] == 2
    found = folders.read(work, f"chroma-local:{path}#only_queue", "--missing-vector", "keep")
    assert len(found) == 4 and "vectors" not in found["id1"] or found["id1"]["vectors"].get("vector") is None
    assert found["id1"]["document"] == "doc 1 \u00fc" and found["id0"]["vectors"]["vector"] == [1, 1, 0]


def segment(path, name):
    db = sqlite3.connect(path / "chroma.sqlite3")
    key, = db.execute("SELECT s.id FROM segments s JOIN collections c ON c.id=s.collection WHERE c.name=? AND s.scope='VECTOR'", (name,)).fetchone()
    db.close()
    return path / key


def cut(path):
    path.write_bytes(path.read_bytes()[:len(path.read_bytes()) // 2])


DAMAGE = {
    "header cut": lambda s: cut(s / "header.bin"),
    "header empty": lambda s: (s / "header.bin").write_bytes(b""),
    "header offsets": lambda s: (s / "header.bin").write_bytes((s / "header.bin").read_bytes()[:28] + b"\xff" * 72),
    "header count": lambda s: (s / "header.bin").write_bytes((s / "header.bin").read_bytes()[:20] + struct.pack("<Q", 2**40) + (s / "header.bin").read_bytes()[28:]),
    "level 0 cut": lambda s: (s / "data_level0.bin").write_bytes((s / "data_level0.bin").read_bytes()[:1000]),
    "level 0 gone": lambda s: (s / "data_level0.bin").unlink(),
    "lengths cut": lambda s: (s / "length.bin").write_bytes((s / "length.bin").read_bytes()[:20]),
    "labels cut": lambda s: cut(s / "index_metadata.pickle"),
    "labels gone": lambda s: (s / "index_metadata.pickle").unlink(),
    "labels of another kind": lambda s: (s / "index_metadata.pickle").write_bytes(b"\x80\x03cos\nsystem\nX\x04\x00\x00\x00true\x85R."),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_files(work, now, kind):
    path, _ = now
    DAMAGE[kind](segment(path, "big"))
    done = work.run("copy", f"chroma-local:{path}#big", f"jsonl:{work.folder}/o.jsonl")
    assert done.returncode in (1, 5) and "next: " in done.stderr, done.stderr
    assert any(name in done.stderr for name in ("header.bin", "data_level0.bin", "length.bin", "index_metadata.pickle")), done.stderr
    assert not (work.folder / "o.jsonl").exists()
    # What the files do not say is missing then; what the queue says is not.
    found = folders.read(work, f"chroma-local:{path}?damaged=missing#big", "--missing-vector", "keep")
    assert len(found) == 39 and found["id7"]["vectors"]["vector"] == [4, 3, 2, 1]
    notes = {n["code"] for n in work.json("inspect", f"chroma-local:{path}?damaged=missing#big")["notes"]}
    assert {"damaged", "missing-vectors"} <= notes
    # The other collections are as they were, and doctor finds what is wrong.
    assert len(folders.read(work, f"chroma-local:{path}#flat")) == 20


def test_damaged_database(work, now):
    path, _ = now
    db = path / "chroma.sqlite3"
    db.write_bytes(db.read_bytes()[:20_000])
    done = work.run("copy", f"chroma-local:{path}#big", f"jsonl:{work.folder}/o.jsonl")
    assert done.returncode != 0 and "cut off" in done.stderr
    db.write_bytes(b"")
    assert work.run("copy", f"chroma-local:{path}#big", f"jsonl:{work.folder}/o.jsonl").returncode != 0


def test_rows_of_the_wrong_shape_become_rejects(work, now):
    path, _ = now
    db = sqlite3.connect(path / "chroma.sqlite3")
    db.execute("UPDATE embeddings_queue SET vector=x'00' WHERE id='id1' AND topic LIKE '%' || (SELECT id FROM collections WHERE name='only_queue')")
    db.execute("UPDATE embedding_metadata SET string_value=CAST(x'ff' AS TEXT) WHERE key='chroma:document' AND id=(SELECT id FROM embeddings WHERE embedding_id='id2' AND "
               "segment_id=(SELECT s.id FROM segments s JOIN collections c ON c.id=s.collection WHERE c.name='only_queue' AND scope='METADATA'))")
    db.commit()
    db.close()
    report = work.json("copy", f"chroma-local:{path}#only_queue", f"jsonl:{work.folder}/o.jsonl", code=3)
    assert (report["written"], report["rejected"]) == (2, 2)


def test_a_metric_in_each_of_its_places(work, tmp_path):
    path, _ = folders.old("0.5.23", tmp_path)  # its config_json_str says l2 of every collection
    metric = lambda name: work.json("inspect", f"chroma-local:{path}#{name}")["schema"]["vectors"][0]["metric"]
    assert (metric("big"), metric("flat"), metric("inner")) == ("cosine", "l2", "dot")
    db = sqlite3.connect(path / "chroma.sqlite3")
    db.execute("DELETE FROM collection_metadata WHERE key='hnsw:space'")  # the copy of its segment is left
    db.commit()
    assert metric("big") == "cosine"
    db.execute("DELETE FROM segment_metadata WHERE key='hnsw:space'")
    db.commit()
    db.close()
    assert metric("big") == "l2"


def test_files_that_are_cut_off_while_they_are_written_again(work, tmp_path):
    path, _ = folders.old("0.5.23", tmp_path)
    labels = next(path.glob("*/index_metadata.pickle"))
    whole, ended = labels.read_bytes(), threading.Event()

    def write_again():
        while not ended.is_set():
            with open(labels, "wb") as file:
                time.sleep(0.15)
                file.write(whole)
            time.sleep(0.15)

    writer = threading.Thread(target=write_again)
    writer.start()
    try:
        for _ in range(5):
            told = work.run("inspect", f"chroma-local:{path}?snapshot=live#big", "--json")
            assert told.returncode == 0 or "was being written while it was looked at" in told.stderr, told.stderr
    finally:
        ended.set()
        writer.join()
    labels.write_bytes(b"")
    assert "index_metadata.pickle of the HNSW segment is damaged" in work.run("inspect", f"chroma-local:{path}?snapshot=live#big").stderr, "it stands still"


@pytest.mark.parametrize("how", ["copy", "live"])
def test_a_program_that_writes_meanwhile(work, tmp_path, how):
    path = tmp_path / "chroma"
    folders.act("write", path, "docs", 2000, 16, "cosine", 100)
    writer = subprocess.Popen([folders.python(), str(harness.ROOT / "tests/vendor/chroma_directory.py"), "busy", str(path), "docs", "16"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert writer.stdout.readline().strip() == "writing"
        for turn in range(3):
            target = work.folder / f"o{turn}.jsonl"
            done = work.run("copy", f"chroma-local:{path}?snapshot={how}#docs", f"jsonl:{target}", "-q", "--verify", "none" if how == "live" else "content")
            assert done.returncode in ((0,) if how == "copy" else (0, 3)), done.stderr
            found = folders.records(target)
            # What nobody touches is there, whole; nothing is there without its vector.
            assert {f"id{i}" for i in range(300, 2000)} <= set(found)
            assert all(record["vectors"]["vector"] is not None for record in found.values())
            assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
