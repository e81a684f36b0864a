"""Tables, views and queries of a real PostgreSQL, made by psycopg and pgvector's own package, copied out and compared value by value."""
import datetime
import decimal
import json
import pathlib
import signal
import subprocess
import time
import uuid

import numpy
import psycopg
import pytest
from pgvector import HalfVector, SparseVector
from psycopg.types.json import Jsonb

from postgresql_scenario import Postgres, database, either, option, postgres16, postgres18, work  # noqa: F401


def vec(i, dims=4):
    return [((i * 7 + k * 3) % 17 - 8.5) / 4 for k in range(dims)]


def records_of(path):
    """id -> record of a file of JSON lines."""
    lines = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    return {line["id"]: line for line in lines[1:]}, lines[0]["schema"]


def copied(work, uri, *flags, code=0, name="out.jsonl"):
    out = work.folder / name
    work.ok("copy", uri, f"jsonl:{out}", *flags, code=code)
    return records_of(out)


def plain_table(database, rows=300, table="items", key="id bigint PRIMARY KEY", dims=4):
    with database.connect() as connection:
        connection.execute(f"CREATE TABLE {table} ({key}, title text, embedding vector({dims}))")
        with connection.cursor().copy(f"COPY {table} (id, title, embedding) FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "text", "vector"])
            for i in range(rows):
                copy.write_row([i, f"Title {i}", numpy.array(vec(i, dims), dtype=numpy.float32)])


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_a_table_that_was_never_analysed_is_not_sorted_on_disk(either, work, jobs):
    """As it is right after a load: its planner takes the rows for narrow ones."""
    plain_table(either, rows=20000, dims=200)
    either.run("ALTER TABLE items SET (autovacuum_enabled = off)", "VACUUM items")
    spilled = "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()"
    with either.connect() as connection:
        before = connection.execute(spilled).fetchone()[0]
        copied(work, either.uri("items"), "--metric", "l2", "-j", jobs, "--verify", "none")
        time.sleep(1.5)  # sessions that end tell their figures by then
        assert connection.execute(spilled).fetchone()[0] == before


def test_every_type_as_it_is(either, work):
    either.run("CREATE TYPE mood AS ENUM ('sad', 'happy')", "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
               "CREATE TABLE typed (id int PRIMARY KEY, b bool, i2 int2, i8 int8, f4 real, f8 double precision, n numeric, t text, c char(5), u uuid, j json, jb jsonb, bin bytea, "
               "d date, ti time, ttz timetz, ts timestamp, tstz timestamptz, iv interval, m mood, p positive, ip inet, ia int[], ta text[][], r int4range, v vector(3), h halfvec(3), s sparsevec(10), bits bit(10), "
               "gen int GENERATED ALWAYS AS (id * 2) STORED)")
    moment = datetime.datetime(2026, 2, 28, 12, 30, 15, 250000, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    some = uuid.uuid4()
    with either.connect() as connection:
        connection.execute("INSERT INTO typed VALUES (1, true, -5, 9007199254740993, 0.1, 'NaN', 123.4500, 'ünï \"q\"', 'ab', %s, '{\"a\": 1.0}', '{\"b\": [1, null]}', %s, '2026-02-28', '12:30:15.5', "
                           "'12:30:15+02', '1969-12-31 23:59:59.999999', %s, '1 year 2 mons 3 days 04:05:06', 'happy', 7, '10.0.0.1/8', '{1,NULL,3}', '{{a,b},{c,d}}', '[1,5)', %s, %s, %s, B'1010000011')",
                           (some, b"\x00\xff", moment, numpy.array([1, -2.5, 3e-5], dtype=numpy.float32), HalfVector([1, 2, 65504]), SparseVector({0: 1.5, 4: -2}, 10)))
        connection.execute("INSERT INTO typed (id) VALUES (2)")
    records, schema = copied(work, either.uri("typed"), "--metric", "l2", "--missing-vector", "keep")
    one = records["1"]["metadata"]
    assert one == {"b": True, "i2": -5, "i8": 9007199254740993, "f4": 0.1, "f8": {"$vf": "f64", "v": "NaN"}, "n": {"$vf": "decimal", "v": "123.4500"}, "t": 'ünï "q"', "c": "ab   ", "u": str(some),
                   "j": {"a": 1.0}, "jb": {"b": [1, None]}, "bin": {"$vf": "bytes", "v": "AP8="}, "d": {"$vf": "date", "v": "2026-02-28"}, "ti": {"$vf": "time", "v": "12:30:15.5"},
                   "ttz": {"$vf": "time", "v": "12:30:15+02:00"}, "ts": {"$vf": "datetime", "v": "1969-12-31T23:59:59.999999"}, "tstz": {"$vf": "datetime", "v": "2026-02-28T10:30:15.25Z"},
                   "iv": "P1Y2M3DT4H5M6S", "m": "happy", "p": 7, "ip": "10.0.0.1/8", "ia": [1, None, 3], "ta": [["a", "b"], ["c", "d"]], "r": "[1,5)"}
    assert records["2"].get("metadata", {}) == {}
    kinds = {v["name"]: (v["kind"], v.get("element"), v.get("dims")) for v in schema["vectors"]}
    assert kinds["v"][:2] == ("dense", "f32") and kinds["h"][:2] == ("dense", "f16") and kinds["bits"] == ("dense", "bit", 10) and kinds["s"][0] == "sparse"
    assert schema["field_types"]["tstz"] == "timestamptz" and schema["field_types"]["i2"] == "int2"
    # What was read as text is what the server reads again.
    with either.connect() as connection:
        for column, kind in (("tstz", "timestamptz"), ("ts", "timestamp"), ("n", "numeric"), ("ttz", "timetz")):
            assert connection.execute(f"SELECT {column} = %s::{kind} FROM typed WHERE id = 1", (one[column]["v"],)).fetchone()[0]
        assert connection.execute("SELECT iv = %s::interval FROM typed WHERE id = 1", (one["iv"],)).fetchone()[0]


KEYS = {"int": ("int", list(range(-20, 20)), str), "bigint": ("bigint", [2**62 + i for i in range(40)], str), "uuid": ("uuid", [uuid.UUID(int=i * 2**100 + i) for i in range(40)], str),
        "text": ("text", ["", "a", "A", "ä", "b'c", "\\", "日本", *[f"k{i}" for i in range(33)]], str), "varchar": ("varchar(10)", [f"v{i}" for i in range(40)], str),
        "numeric": ("numeric", [decimal.Decimal(i) / 4 for i in range(40)], str), "date": ("date", [datetime.date(2026, 1, 1) + datetime.timedelta(i) for i in range(40)], str),
        "timestamptz": ("timestamptz", [datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=i) for i in range(40)], lambda d: d.strftime("%Y-%m-%dT%H:%M:%SZ")),
        "bytea": ("bytea", [bytes([i, 255]) for i in range(40)], lambda b: "\\x" + b.hex()), "bool": ("bool", [False, True], lambda b: "true" if b else "false"),
        "float8": ("float8", [i / 8 for i in range(40)], lambda f: str(f).removesuffix(".0"))}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_every_type_split_and_go_on(database, work, kind):
    sql, values, spelled = KEYS[kind]
    database.run(f"CREATE TABLE t (k {sql} PRIMARY KEY, n int, embedding vector(4))")
    with database.connect() as connection:
        for n, value in enumerate(values):
            connection.execute("INSERT INTO t VALUES (%s, %s, %s)", (value, n, numpy.array(vec(n), dtype=numpy.float32)))
        connection.execute("ANALYZE t")
    records, _ = copied(work, database.uri("t"), "--metric", "l2", "--jobs", "3", "--batch-size", "7")
    assert {r: v["metadata"]["n"] for r, v in records.items()} == {spelled(value): n for n, value in enumerate(values)}


def test_a_composite_key_is_one_id_and_its_columns_stay(database, work):
    database.run("CREATE TABLE t (a int, b text, n int, embedding vector(2), PRIMARY KEY (a, b))",
                 "INSERT INTO t SELECT i % 7, 'x' || i, i, '[1,2]' FROM generate_series(1, 100) i", "ANALYZE t")
    records, _ = copied(work, database.uri("t"), "--metric", "l2", "--jobs", "4", "--batch-size", "9")
    assert {json.loads(r)[1] for r in records} == {f"x{i}" for i in range(1, 101)}
    assert records['[3,"x3"]']["metadata"] == {"a": 3, "b": "x3", "n": 3}


def test_a_table_without_a_key_is_read_by_place(database, work):
    database.run("CREATE TABLE t (n int, embedding vector(64))", "INSERT INTO t SELECT i, array_fill(i, ARRAY[64])::vector FROM generate_series(1, 500) i", "DELETE FROM t WHERE n % 10 = 0")
    records, _ = copied(work, database.uri("t"), "--metric", "l2", "--jobs", "3", "--batch-size", "11")
    assert sorted(r["metadata"]["n"] for r in records.values()) == [i for i in range(1, 501) if i % 10]
    assert all(r.startswith("(") for r in records)


def test_partitions(database, work):
    database.run("CREATE TABLE t (id int, at date, embedding vector(2), PRIMARY KEY (id, at)) PARTITION BY RANGE (at)", "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
                 "CREATE TABLE t2 PARTITION OF t DEFAULT", "INSERT INTO t SELECT i, date '2026-01-01' + i % 60, '[1,2]' FROM generate_series(1, 200) i", "ANALYZE t",
                 "CREATE TABLE k (n int, embedding vector(2)) PARTITION BY HASH (n)", "CREATE TABLE k1 PARTITION OF k FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
                 "CREATE TABLE k2 PARTITION OF k FOR VALUES WITH (MODULUS 2, REMAINDER 1)", "INSERT INTO k SELECT i, '[1,2]' FROM generate_series(1, 200) i")
    records, _ = copied(work, database.uri("t"), "--metric", "l2", "--jobs", "3", "--batch-size", "13")
    assert sorted(r["metadata"]["id"] for r in records.values()) == list(range(1, 201))
    records, _ = copied(work, database.uri("k"), "--metric", "l2", "--jobs", "3", name="k.jsonl")
    assert sorted(r["metadata"]["n"] for r in records.values()) == list(range(1, 201))


def test_views_and_queries(database, work):
    plain_table(database, 100)
    database.run("CREATE VIEW v AS SELECT id, upper(title) AS title, embedding FROM items WHERE id < 50", "CREATE MATERIALIZED VIEW m AS SELECT * FROM items")
    records, _ = copied(work, database.uri("v"), "--metric", "l2", "--batch-size", "7")
    assert len(records) == 50 and records["3"]["metadata"]["title"] == "TITLE 3"
    records, _ = copied(work, database.uri("m"), "--metric", "l2", name="m.jsonl")
    assert len(records) == 100
    records, _ = copied(work, database.uri("SELECT id, title AS document, embedding FROM items WHERE title LIKE '%25 1_'"), "--metric", "l2", name="q.jsonl")
    assert sorted(records) == [str(i) for i in range(10, 20)] and records["12"]["document"] == "Title 12"
    # Ids that are there twice: the first moves, the second is a reject; an id that is null is one too.
    query = "query=SELECT id / 2 AS id, embedding FROM items WHERE id < 10 UNION ALL SELECT NULL, '[1,2,3,4]'"
    records, _ = copied(work, database.uri(""), "--metric", "l2", "--source-opt", query, code=3, name="twice.jsonl")
    assert sorted(records) == ["0", "1", "2", "3", "4"]
    done = work.run("copy", database.uri("SELECT title, embedding FROM items"), "jsonl:x.jsonl", "--metric", "l2")
    assert done.returncode == 2 and "id=COLUMN" in done.stderr
    done = work.run("copy", database.uri("SELECT 1 AS id; DROP TABLE items"), "jsonl:x.jsonl", "--metric", "l2")
    assert done.returncode == 2 and database.one("SELECT count(*) FROM items") == 100


def test_quoted_names_and_schemas(database, work):
    database.run('CREATE SCHEMA "My.Schema"', 'CREATE TABLE "My.Schema"."It""ems" ("The Id" int PRIMARY KEY, "Ti tle" text, "Vec.tor" vector(2))',
                 """INSERT INTO "My.Schema"."It""ems" VALUES (1, 'x', '[1,2]')""", "CREATE TABLE \"Mixed\" (id int PRIMARY KEY, embedding vector(2))", "INSERT INTO \"Mixed\" VALUES (1, '[1,2]')")
    records, _ = copied(work, database.uri('"My.Schema"."It""ems"'), "--metric", "l2")
    assert records["1"]["metadata"] == {"Ti tle": "x"}
    assert len(copied(work, database.uri("Mixed"), "--metric", "l2", name="m.jsonl")[0]) == 1
    done = work.run("inspect", database.uri("Mixd"))
    assert done.returncode == 5 and "Mixed" in done.stderr
    listed = work.ok("inspect", database.uri("")[:-1]).stdout
    assert 'My.Schema' in listed and "Mixed" in listed


def test_mixed_dimensions_arrays_and_options(database, work):
    database.run("CREATE TABLE t (doc_id text PRIMARY KEY, body text, tags jsonb, owner text, v vector, fa real[], note text)",
                 "INSERT INTO t SELECT 'd' || i, 'text ' || i, '{\"a\": 1}', 'o' || i % 2, CASE WHEN i = 5 THEN '[1,2,3]' ELSE '[1,2]' END::vector, ARRAY[i, 2]::real[], 'n' FROM generate_series(1, 20) i")
    records, _ = copied(work, database.uri("t"), "--metric", "l2", "--source-opt", "document=body", "--source-opt", "metadata=tags", "--source-opt", "tenant=owner", "--source-opt", "columns=note",
                        "--source-opt", "vector=v", code=3)
    assert len(records) == 19 and "d5" not in records
    assert records["d3"] == {"id": "d3", "tenant": "o1", "document": "text 3", "metadata": {"a": 1, "note": "n"}, "vectors": {"vector": [1.0, 2.0]}}
    records, _ = copied(work, database.uri("t"), "--metric", "l2", "--source-opt", "vector=fa", name="a.jsonl")
    assert records["d7"]["vectors"] == {"vector": [7.0, 2.0]}
    done = work.run("plan", database.uri("t"), "jsonl:x.jsonl", "--source-opt", "document=bodi")
    assert done.returncode == 2 and "body" in done.stderr


@pytest.mark.parametrize("opclass, metric", [("vector_l2_ops", "l2"), ("vector_ip_ops", "dot"), ("vector_cosine_ops", "cosine"), ("vector_l1_ops", "l1")])
def test_the_metric_is_the_indexs(database, work, opclass, metric):
    plain_table(database, 20)
    database.run(f"CREATE INDEX ON items USING hnsw (embedding {opclass}) WITH (m = 8, ef_construction = 32)")
    info = work.json("inspect", database.uri("items"))
    assert f'"{metric}"' in json.dumps(info)


def test_applications_tables(database, work):
    database.run("CREATE TABLE context_items (id uuid PRIMARY KEY, game_id text, user_id text, content text, embedding vector(2), metadata jsonb, created_at timestamptz)",
                 "INSERT INTO context_items VALUES ('00000000-0000-0000-0000-000000000001', 'g', NULL, 'body', '[1,2]', '{\"k\": 1, \"game_id\": \"odd\"}', '2026-01-01')",
                 "CREATE TABLE documents (id text PRIMARY KEY, content text, metadata jsonb, embedding vector(2))", "INSERT INTO documents VALUES ('a', 'b', '{\"x\": null}', '[1,2]')",
                 "CREATE TABLE langchain_pg_collection (uuid uuid PRIMARY KEY, name varchar UNIQUE NOT NULL, cmetadata json)",
                 "CREATE TABLE langchain_pg_embedding (id varchar PRIMARY KEY, collection_id uuid REFERENCES langchain_pg_collection ON DELETE CASCADE, embedding vector, document varchar, cmetadata jsonb)",
                 "INSERT INTO langchain_pg_collection VALUES ('00000000-0000-0000-0000-00000000000a', 'docs'), ('00000000-0000-0000-0000-00000000000b', 'notes')",
                 "INSERT INTO langchain_pg_embedding VALUES ('1', '00000000-0000-0000-0000-00000000000a', '[1,2]', 'one', '{\"p\": 1}'), ('2', '00000000-0000-0000-0000-00000000000b', '[1,2]', 'two', '{}')",
                 "CREATE TABLE data_llama (id bigserial PRIMARY KEY, text varchar NOT NULL, metadata_ json, node_id varchar, embedding vector(2), text_search_tsv tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED)",
                 "INSERT INTO data_llama (text, metadata_, node_id, embedding) VALUES ('t', '{\"_node_type\": \"TextNode\"}', 'n1', '[1,2]'), ('u', '{}', 'n1', '[1,2]')")
    records, _ = copied(work, database.uri("context_items"), "--metric", "l2")
    assert records["00000000-0000-0000-0000-000000000001"]["document"] == "body"
    assert records["00000000-0000-0000-0000-000000000001"]["metadata"] == {"game_id": "g", "created_at": {"$vf": "datetime", "v": "2026-01-01T00:00:00Z"}, "k": 1, "\\game_id": "odd"}
    assert copied(work, database.uri("documents"), "--metric", "l2", name="d")[0] == {"a": {"id": "a", "document": "b", "metadata": {"x": None}, "vectors": {"vector": [1.0, 2.0]}}}
    one, _ = copied(work, database.uri("langchain_pg_embedding"), "--metric", "l2", "--source-opt", "collection=docs", name="l")
    assert list(one) == ["1"] and one["1"]["document"] == "one" and one["1"]["metadata"] == {"p": 1} and "tenant" not in one["1"]
    both, _ = copied(work, database.uri("langchain_pg_embedding"), "--metric", "l2", name="b")
    assert {r: v["tenant"] for r, v in both.items()} == {"1": "docs", "2": "notes"}
    assert work.run("inspect", database.uri("langchain_pg_embedding"), "--source-opt", "collection=docz").returncode == 5
    llama, _ = copied(work, database.uri("data_llama"), "--metric", "l2", code=3, name="n")
    assert list(llama) == ["n1"] and llama["n1"]["document"] == "t"


def kill_at(work, *command, hit):
    done = work.run(*command, env={"VECFERRY_FAILPOINT": hit})
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done


def test_rows_that_move_between_a_kill_and_the_resume_are_repaired(database, work):
    plain_table(database, 2000)
    target = f"qdrant-local:{work.folder / 'q'}#t"
    # One writer: what it wrote is acknowledged when it is killed. A record of a batch that was not, and that the source lost since, is nobody's to delete.
    command = ["copy", database.uri("items"), target, "--metric", "l2", "--batch-size", "100", "--jobs", "1"]
    kill_at(work, *command, hit="journal.ack.after:8")
    database.run("UPDATE items SET title = 'changed' WHERE id % 50 = 0", "DELETE FROM items WHERE id % 50 = 1", "INSERT INTO items SELECT 10000 + i, 'new', '[1,2,3,4]' FROM generate_series(1, 5) i")
    report = work.json(*command)
    assert report["verify"]["ok"]
    work.ok("verify", database.uri("items"), target)
    out, _ = copied(work, target, name="back.jsonl")
    assert set(out) == {str(row[0]) for row in database.rows("SELECT id FROM items")}
    assert out["50"]["metadata"]["title"] == "changed" and "51" not in out and "10003" in out


def test_places_begin_anew_when_the_snapshot_is_lost(database, work):
    database.run("CREATE TABLE t (n int, embedding vector(64))", "INSERT INTO t SELECT i, array_fill(i, ARRAY[64])::vector FROM generate_series(1, 1000) i")
    target = f"qdrant-local:{work.folder / 'q'}#t"
    command = ["copy", database.uri("t"), target, "--metric", "l2", "--batch-size", "50", "--jobs", "1"]
    kill_at(work, *command, hit="journal.ack.after:6")
    database.run("DELETE FROM t WHERE n % 2 = 0", "VACUUM FULL t")
    assert work.json(*command)["verify"]["ok"]
    out, _ = copied(work, target, name="back.jsonl")
    assert sorted(r["metadata"]["n"] for r in out.values()) == [i for i in range(1, 1001) if i % 2]


# A copy that takes some seconds, of more bytes than the kernel and the program take in at once.
SLOWLY = ["--metric", "l2", "--jobs", "1", "--batch-size", "50", "--rate", "600", "--memory", "4MiB"]


def large_table(database, rows=3000):
    database.run("CREATE TABLE items (id bigint PRIMARY KEY, title text, embedding vector(2000))",
                 f"INSERT INTO items SELECT i, 'Title ' || i, array_fill(i::real, ARRAY[2000])::vector FROM generate_series(0, {rows - 1}) i", "ANALYZE items")


def start(work, *command):
    return subprocess.Popen(work.command(*command, "--json"), env=work.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_copy(database):
    """Until a reader of the program copies rows out."""
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for _ in range(600):
            if connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vecferry' AND query LIKE 'COPY%'").fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("no reader began")


def finished(process, code=0):
    out, err = process.communicate(timeout=180)
    assert process.returncode == code, err
    return json.loads(out)


def test_sessions_killed_in_mid_copy_are_replaced(database, work):
    large_table(database)
    process = start(work, "copy", database.uri("items"), f"qdrant-local:{work.folder / 'q'}#t", *SLOWLY)
    killed = 0
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        while process.poll() is None and killed < 3:
            killed += connection.execute("SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vecferry' AND query LIKE 'COPY%') x").fetchone()[0]
            time.sleep(0.3)
    report = finished(process)
    assert killed == 3 and report["verify"]["ok"]
    assert len(copied(work, f"qdrant-local:{work.folder / 'q'}#t", name="back.jsonl")[0]) == 3000


def test_a_server_restarted_in_mid_copy(tmp_path, work):
    """The snapshot is lost: rows that changed after it was taken are repaired at the end."""
    server = Postgres(tmp_path / "pg", "18").start()
    try:
        database = server.create("moving")
        large_table(database)
        target = f"qdrant-local:{work.folder / 'q'}#t"
        process = start(work, "copy", database.uri("items"), target, *SLOWLY)
        wait_for_copy(database)
        time.sleep(1.5)
        server.kill()
        # Else it may be back, with its new snapshot, before the rows have changed.
        process.send_signal(signal.SIGSTOP)
        server.start()
        database.run("UPDATE items SET title = 'after' WHERE id IN (10, 2999)", "DELETE FROM items WHERE id IN (0, 2998)", "INSERT INTO items SELECT -5, 'new', embedding FROM items WHERE id = 1")
        process.send_signal(signal.SIGCONT)
        assert finished(process)["verify"]["ok"]
        work.ok("verify", database.uri("items"), target)
        records, _ = copied(work, target, name="back.jsonl")
        assert records["10"]["metadata"]["title"] == records["2999"]["metadata"]["title"] == "after"
        assert "0" not in records and "2998" not in records and "-5" in records
    finally:
        server.stop()


def partitioned(database):
    """Two partitions: the second is read by a session that begins when the first's is done."""
    database.run("CREATE TABLE k (n int, title text, embedding vector(2000)) PARTITION BY RANGE (n)", "CREATE TABLE k1 PARTITION OF k FOR VALUES FROM (0) TO (2000)",
                 "CREATE TABLE k2 PARTITION OF k FOR VALUES FROM (2000) TO (3000)", "INSERT INTO k SELECT i, 't', array_fill(i::real, ARRAY[2000])::vector FROM generate_series(0, 2999) i")


def test_a_table_rewritten_between_two_readers_is_not_read_as_empty(database, work):
    """TRUNCATE, or an ALTER that rewrites, shows no rows to an older snapshot: a reader that begins later must not take that for the end."""
    partitioned(database)
    target = f"qdrant-local:{work.folder / 'q'}#t"
    process = start(work, "copy", database.uri("k"), target, *SLOWLY)
    wait_for_copy(database)
    # Waits for the first reader's lock, and is done before the second begins.
    database.run("BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM k2; TRUNCATE k2; INSERT INTO k2 SELECT * FROM kept; COMMIT")
    assert process.poll() is None
    assert finished(process)["verify"]["ok"]
    records, _ = copied(work, target, name="back.jsonl")
    assert sorted(r["metadata"]["n"] for r in records.values()) == list(range(3000))


@pytest.mark.parametrize("change, code, words", [("ALTER TABLE k DROP COLUMN title", 8, "a column is gone"), ("ALTER TABLE k ALTER COLUMN title TYPE bytea USING title::bytea", 8, "title has another type"),
                                                 ("DROP TABLE k", 5, "the table public.k is gone")])
def test_a_table_altered_or_dropped_between_two_readers(database, work, change, code, words):
    partitioned(database)
    process = start(work, "copy", database.uri("k"), f"qdrant-local:{work.folder / 'q'}#t", *SLOWLY)
    wait_for_copy(database)
    database.run(change)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code and words in err, err


def resumed_after(work, database, change, code, words, hit="journal.ack.after:5"):
    command = ["copy", database.uri("items"), f"qdrant-local:{work.folder / 'q'}#t", "--metric", "l2", "--batch-size", "50", "--jobs", "1"]
    kill_at(work, *command, hit=hit)
    database.run(change)
    done = work.run(*command)
    assert done.returncode == code and words in done.stderr, done.stderr


def test_a_table_altered_or_gone_before_the_resume(database, work):
    plain_table(database, 500)
    resumed_after(work, database, "ALTER TABLE items DROP COLUMN title", 8, "cannot be resumed")
    work.forget("q")
    database.run("DROP TABLE items")
    plain_table(database, 500)
    resumed_after(work, database, "DROP TABLE items", 5, "there is no table")


def test_who_may_not_read(database, work):
    plain_table(database, 10)
    database.run("DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN", "CREATE TABLE guarded (id int PRIMARY KEY, embedding vector(2))", "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
                 "INSERT INTO guarded VALUES (1, '[1,2]'), (2, '[1,2]')", "CREATE POLICY p ON guarded USING (id = 1)", "GRANT SELECT ON guarded TO reader")
    done = work.run("copy", database.uri("items", user="reader"), "jsonl:x.jsonl", "--metric", "l2")
    assert done.returncode == 6 and "42501" in done.stderr
    # Rows that a policy hides are not left out silently.
    done = work.run("copy", database.uri("guarded", user="reader"), "jsonl:x.jsonl", "--metric", "l2")
    assert done.returncode == 6, done.stderr
    records, _ = copied(work, database.uri("guarded", user="reader"), "--metric", "l2", "--source-opt", "row-security=on")
    assert list(records) == ["1"]
    database.run("DROP OWNED BY reader", "DROP ROLE reader")


def test_how_a_server_is_reached(database, work, tmp_path):
    plain_table(database, 10)
    port, name = database.server.port, database.name
    done = work.run("inspect", f"postgresql://postgres@127.0.0.1:{port}/{name}?sslmode=require#items")
    assert done.returncode == 7 and "SSL" in done.stderr
    assert work.run("inspect", f"postgresql://postgres@127.0.0.1:{port}/nowhere#items").returncode == 5
    assert work.run("inspect", "postgresql://postgres@127.0.0.1:1/nowhere#items").returncode == 7
    service = tmp_path / "services"
    service.write_text(f"[mine]\nhost=127.0.0.1\nport={port}\nuser=postgres\ndbname={name}\n")
    work.ok("inspect", "postgresql://?service=mine#items", env={"PGSERVICEFILE": str(service)})
    work.ok("inspect", "postgres://#items", env={"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGDATABASE": name})


def test_passwords(tmp_path, work):
    secret = "s3cret-of-nobody"
    server = Postgres(tmp_path / "pg", "18").start()
    try:
        database = server.create("locked")
        plain_table(database, 10)
        database.run(f"CREATE ROLE alice LOGIN PASSWORD '{secret}'", "GRANT SELECT ON items TO alice")
        hba = pathlib.Path(server.state["data"]) / "pg_hba.conf"
        hba.write_text("host all alice 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        database.run("SELECT pg_reload_conf()")
        time.sleep(0.3)
        uri = database.uri("items", user="alice")
        for env in ({}, {"PGPASSWORD": "wrong"}):
            done = work.run("inspect", uri, env=env)
            assert done.returncode == 6, done.stderr
        passfile = tmp_path / "pgpass"
        passfile.write_text(f"127.0.0.1:{server.port}:locked:alice:{secret}\n")
        passfile.chmod(0o600)
        work.ok("inspect", uri, env={"PGPASSFILE": str(passfile)})
        done = work.ok("copy", uri.replace("alice@", f"alice:{secret}@"), f"jsonl:{work.folder / 'o.jsonl'}", "--metric", "l2")
        assert "credential" in done.stderr
        for path in [p for p in (work.folder / "state").rglob("*") if p.is_file()]:
            assert secret.encode() not in path.read_bytes(), path
        assert secret not in done.stderr + done.stdout
    finally:
        server.stop()
