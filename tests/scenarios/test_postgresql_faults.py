"""Servers that are killed, full, locked or altered under a writer, and rows that a table does not take: each ends as it is documented,
and the same command goes on."""
import base64
import json
import random
import subprocess
import threading
import time

import psycopg
import pytest

import harness
from machine import SmallDisk, needs_root
from postgresql_scenario import Postgres, database, jsonl, option, postgres18, record, work  # noqa: F401

ROWS = 2000


@pytest.fixture
def own(tmp_path):
    """A server of the test's own, which may be killed."""
    server = Postgres(tmp_path / "server").start()
    yield server
    server.stop()


def filled(work, rows=ROWS, **schema):  # noqa: F811
    return jsonl(work.folder / "records.jsonl", [record(i) for i in range(rows)], **schema)


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def meanwhile(work, database, args, act, rate=2000, env=None):  # noqa: F811
    """Runs a copy slowly and does something to the server as soon as the first rows are there."""
    process = subprocess.Popen(work.command(*args, "--rate", rate, "--batch-size", "100"), env=work.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)

    def some():
        try:
            return database.one("SELECT count(*) FROM items") > 0
        except psycopg.Error:
            return False
    try:
        until(some)
        act()
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(args, process.returncode, out, err)
    finally:
        process.kill()


def check_whole(work, source, target, database, rows=ROWS):  # noqa: F811
    assert database.one("SELECT count(*) FROM items") == rows
    work.forget()
    work.digest(source, target)


def test_a_server_that_is_killed_and_comes_back(own, work):  # noqa: F811
    database = own.create("db")
    source, target = filled(work), database.uri("items")

    def kill_and_start():
        own.kill()
        own.start()
    done = meanwhile(work, database, ["copy", source, target, "-q"], kill_and_start)
    assert done.returncode == 0, done.stderr
    check_whole(work, source, target, database)
    assert any("USING hnsw" in text for text in database.indexes("items").values())


def test_a_run_that_was_killed_goes_on_after_the_server_was(own, work):  # noqa: F811
    database = own.create("db")
    source, target = filled(work), database.uri("items")
    args = ["copy", source, target, "-q", "--batch-size", "100"]
    killed = work.run(*args, env={"VECFERRY_FAILPOINT": "postgresql.copy.before:2"})
    assert killed.returncode == harness.KILLED
    own.kill()
    own.start()
    work.ok(*args)
    check_whole(work, source, target, database)


def test_a_delivery_that_is_unknown_is_written_once(database, work):  # noqa: F811
    """The sessions are cut off again and again, also between a commit and its answer."""
    source, target = filled(work), database.uri("items")
    stop = threading.Event()

    def cut():
        while not stop.is_set():
            database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vecferry' AND query LIKE 'COPY%'")
            time.sleep(0.15)
    thread = threading.Thread(target=cut)
    thread.start()
    try:
        done = work.run("copy", source, target, "-q", "--rate", "2000", "--batch-size", "100")
    finally:
        stop.set()
        thread.join()
    assert done.returncode == 0, done.stderr
    check_whole(work, source, target, database)


@needs_root
def test_a_full_disk(tmp_path, work):  # noqa: F811
    """The table's tablespace is a small disk, which only the server sees."""
    disk = SmallDisk(tmp_path / "disk", "8m")
    disk.inside("install", "-d", "-o", "nobody", "-g", "nogroup", "-m", "700", disk.folder / "space").check_returncode()
    server = Postgres(tmp_path / "server", launcher=["nsenter", "-t", str(disk.holder.pid), "-m"]).start()
    rows = 2000
    try:
        database = server.create("db")
        database.run(f"CREATE TABLESPACE small LOCATION '{disk.folder}/space'")
        # Text that no compression makes small.
        source = jsonl(work.folder / "r.jsonl", (record(i, document=base64.b64encode(random.Random(i).randbytes(6000)).decode()) for i in range(rows)))
        target = database.uri("items")
        args = ["copy", source, target, "-q", "--index", "none", *option("options=-c default_tablespace=small")]
        done = work.run(*args)
        assert done.returncode == 7 and "space" in done.stderr and "next:" in done.stderr, (done.returncode, done.stderr)
        disk.inside("mount", "-o", "remount,size=256m", disk.folder).check_returncode()
        work.ok(*args)
        assert database.one("SELECT count(*) FROM items") == rows
    finally:
        server.stop()
        disk.close()


def test_a_table_that_is_dropped_under_the_writer(database, work):  # noqa: F811
    source, target = filled(work), database.uri("items")
    done = meanwhile(work, database, ["copy", source, target, "-q"], lambda: database.run("DROP TABLE items"))
    assert done.returncode == 5 and "items" in done.stderr and "next:" in done.stderr, done.stderr
    again = work.run("copy", source, target, "-q")
    assert again.returncode == 5 and "--restart" in again.stderr, again.stderr
    work.ok("copy", source, target, "-q", "--restart")
    check_whole(work, source, target, database)


def test_a_table_that_is_altered_under_the_writer(database, work):  # noqa: F811
    source, target = filled(work), database.uri("items")
    done = meanwhile(work, database, ["copy", source, target, "-q"], lambda: database.run("ALTER TABLE items RENAME COLUMN document TO body"))
    assert done.returncode == 5 and "document" in done.stderr, done.stderr
    database.run("ALTER TABLE items RENAME COLUMN body TO document")
    work.ok("copy", source, target, "-q")
    check_whole(work, source, target, database)


def test_rows_that_a_table_does_not_take_become_rejects(database, work):  # noqa: F811
    database.run("CREATE TABLE items (id text PRIMARY KEY, document text CHECK (document <> 'bad'), n smallint, code text UNIQUE, metadata jsonb, embedding vector(4))",
                 "INSERT INTO items (id, code) VALUES ('other', 'taken')")
    records = [record(i, metadata={"n": i, "code": f"c{i}"}) for i in range(300)]
    records[10]["document"] = "bad"
    records[20]["metadata"]["n"] = 40000
    records[30]["metadata"]["code"] = "taken"
    records[40]["metadata"]["code"] = "c41"
    records[50]["document"] = "nul\0inside"
    source, target = jsonl(work.folder / "r.jsonl", records), database.uri("items")
    report = work.json("copy", source, target, "-q", "--on-exists", "upsert", "--unsupported", "reject", "--rejects", work.folder / "rejects.jsonl", code=3)
    lines = [json.loads(line) for line in (work.folder / "rejects.jsonl").read_text().splitlines()]
    rejected = {line["id"] for line in lines if "id" in line}
    assert {"rec-10", "rec-20", "rec-30", "rec-50"} <= rejected and len(rejected & {"rec-40", "rec-41"}) == 1 and len(rejected) == 5, rejected
    assert database.one("SELECT count(*) FROM items") == 296 and report["rejected"] == 5


def test_a_column_that_does_not_exist(database, work):  # noqa: F811
    database.run("CREATE TABLE items (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(4))")
    done = work.run("copy", filled(work, 5), database.uri("items"), "-q", *option("document=documnt"))
    assert done.returncode == 2 and "no column 'documnt'" in done.stderr and "did you mean document" in done.stderr, done.stderr


def test_another_dimension_is_refused_before_anything_is_written(database, work):  # noqa: F811
    database.run("CREATE TABLE items (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(768))")
    done = work.run("copy", filled(work, 5), database.uri("items"), "-q")
    assert done.returncode == 8 and "768" in done.stderr, done.stderr


def test_no_permission(database, work):  # noqa: F811
    database.run("CREATE TABLE items (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(4))", "DROP ROLE IF EXISTS nobody_here", "CREATE ROLE nobody_here LOGIN",
                 "GRANT SELECT ON items TO nobody_here")
    try:
        source = filled(work, 20)
        for table in ("items", "fresh"):
            done = work.run("copy", source, database.uri(table, user="nobody_here"), "-q")
            assert done.returncode == 6 and "GRANT" in done.stderr, done.stderr
        database.run("GRANT INSERT, UPDATE ON items TO nobody_here")
        work.ok("copy", source, database.uri("items", user="nobody_here"), "-q")
        assert database.one("SELECT count(*) FROM items") == 20
    finally:
        database.run("DROP OWNED BY nobody_here", "DROP ROLE nobody_here")


def test_a_database_that_takes_no_writes(database, work):  # noqa: F811
    done = work.run("copy", filled(work, 5), database.uri("items"), "-q", *option("options=-c default_transaction_read_only=on"))
    assert done.returncode == 8 and "items" not in database.tables(), done.stderr


def test_a_lock_that_somebody_holds(database, work):  # noqa: F811
    database.run("CREATE TABLE items (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(4))")
    source, target = filled(work, 50), database.uri("items")
    holder = psycopg.connect(database.dsn)
    holder.execute("LOCK TABLE items IN SHARE MODE")
    process = subprocess.Popen(work.command("copy", source, target, "-q", *option("lock-timeout=200ms")), env=work.environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    assert process.poll() is None
    holder.rollback()
    holder.close()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    check_whole(work, source, target, database, 50)


def test_a_statement_that_takes_too_long(database, work):  # noqa: F811
    """The user's own limit: it is no use to try again under it."""
    database.run("CREATE TABLE items (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(4))",
                 "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$",
                 "CREATE TRIGGER slow AFTER INSERT ON items FOR EACH STATEMENT EXECUTE FUNCTION slow()")
    source, target = filled(work, 50), database.uri("items")
    args = ["copy", source, target, "-q"]
    began = time.monotonic()
    harness.refused(work.run(*args, *option("statement-timeout=300ms")), 7, "target", f"{database.name}?statement-timeout=300ms#items", "raise statement-timeout")
    assert time.monotonic() - began < 15 and database.one("SELECT count(*) FROM items") == 0
    database.run("DROP TRIGGER slow ON items")
    # How the server is reached may be another when a run goes on.
    work.ok(*args, *option("statement-timeout=1m"))
    check_whole(work, source, target, database, 50)


def test_a_read_that_takes_too_long(database, work):  # noqa: F811
    database.run("CREATE TABLE items (id text PRIMARY KEY, embedding vector(2))", "INSERT INTO items SELECT 'r' || i, '[1,2]' FROM generate_series(1, 5) i")
    source = database.uri("SELECT id, embedding, pg_sleep(20)::text AS slept FROM items")
    began = time.monotonic()
    done = work.run("copy", source, f"jsonl:{work.folder}/out.jsonl", "-q", "--source-opt", "id=id", "--source-opt", "statement-timeout=300ms")
    harness.refused(done, 7, "source", "items", "raise statement-timeout")
    assert time.monotonic() - began < 15


def test_the_extension_is_made_where_it_is_missing(database, work):  # noqa: F811
    database.run("DROP EXTENSION vector")
    work.ok("copy", filled(work, 5), database.uri("items"), "-q")
    assert database.one("SELECT count(*) FROM items") == 5
