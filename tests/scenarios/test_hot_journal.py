"""A program that was killed in the middle of a write leaves a rollback journal beside its SQLite file: what was committed is read, and written on."""
import subprocess
import sys

import pytest
import sqlite_vec

from postgresql_scenario import jsonl, record, work  # noqa: F401: a fixture

ROWS = 200

# A page cache of one page spills what is not committed into the file; the process ends without rolling it back.
KILLED_WRITER = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size=1")
db.execute("BEGIN IMMEDIATE")
for n in range(400):
    db.execute(f"CREATE TABLE unfinished_{n} (x)")
for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' AND name IN ('points', 'docs_rowids')").fetchall():
    db.execute(f'DELETE FROM "{name}"')
os._exit(9)
"""


def stores(folder):
    return {
        "qdrant-local": (f"qdrant-local:{folder}/qdrant#docs", folder / "qdrant/collection/docs/storage.sqlite"),
        "sqlite-vec": (f"sqlite-vec:{folder}/vec.db?extension={sqlite_vec.loadable_path()}#docs", folder / "vec.db"),
    }


@pytest.fixture(params=["qdrant-local", "sqlite-vec"])
def torn(request, work):  # noqa: F811
    """(URI of the records, URI of a store that holds them and whose last write was torn, its file)."""
    source = jsonl(work.folder / "records.jsonl", [record(i) for i in range(ROWS)])
    target, file = stores(work.folder)[request.param]
    work.ok("copy", source, target, "-q")
    whole = file.read_bytes()
    assert subprocess.run([sys.executable, "-c", KILLED_WRITER, file]).returncode == 9
    assert file.read_bytes() != whole and journal(file).stat().st_size > 512
    return source, target, file


def journal(file):
    return file.with_name(file.name + "-journal")


def test_it_is_read_as_it_was_committed_and_left_as_it_is(torn, work):  # noqa: F811
    source, target, file = torn
    before = file.read_bytes(), journal(file).read_bytes()
    assert work.json("inspect", target)["count"] == ROWS
    assert work.json("verify", source, target)["ok"]
    assert work.json("copy", target, f"jsonl:{work.folder}/out.jsonl", "-q")["verify"]["ok"]
    work.ok("plan", source, target, "--sync")
    assert (file.read_bytes(), journal(file).read_bytes()) == before


def test_a_run_writes_on(torn, work):  # noqa: F811
    source, target, file = torn
    jsonl(work.folder / "records.jsonl", [record(i) for i in range(ROWS + 3)])
    assert work.json("copy", source, target, "--sync", "-q")["written"] == 3
    assert not journal(file).exists()
    report = work.json("verify", source, target)
    assert report["ok"] and report["target_count"] == ROWS + 3


def test_a_run_that_was_torn_is_taken_back(work):  # noqa: F811
    for kind, (target, file) in stores(work.folder).items():
        source = jsonl(work.folder / "records.jsonl", [record(i) for i in range(ROWS)])
        work.ok("copy", source, target, "-q")
        jsonl(work.folder / "records.jsonl", [record(i, document="Another") for i in range(ROWS)])
        work.ok("copy", source, target, "--on-exists", "upsert", "--restart", "-q")
        assert subprocess.run([sys.executable, "-c", KILLED_WRITER, file]).returncode == 9
        work.ok("rollback", "last", "--yes", "-q")
        jsonl(work.folder / "records.jsonl", [record(i) for i in range(ROWS)])
        assert work.json("verify", source, target)["ok"], kind


def test_a_file_that_was_never_written_is_an_empty_collection(work):  # noqa: F811
    """Killed between the making of the file and its first commit."""
    source = jsonl(work.folder / "records.jsonl", [record(i) for i in range(ROWS)])
    target, file = stores(work.folder)["qdrant-local"]
    work.ok("copy", source, target, "-q")
    file.write_bytes(b"")
    assert work.json("inspect", target)["count"] == 0
    work.forget()
    work.ok("copy", source, target, "--on-exists", "append", "-q")
    assert work.json("verify", source, target)["ok"]
