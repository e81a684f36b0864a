"""Tables written by Vecferry, opened and searched by sqlite-vec itself; and what becomes of tables that were there before."""
import json
import struct

import pytest
import sqlite_vec

import harness
import vendors


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def extension(monkeypatch):
    monkeypatch.setenv("VECFERRY_SQLITE_VEC", sqlite_vec.loadable_path())
    return {"VECFERRY_SQLITE_VEC": sqlite_vec.loadable_path()}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    file = tmp_path_factory.mktemp("samples") / "vec.db"
    harness.fixture("sqlite_vec_samples.py", file, "--version", "0.1.9")
    return file


def lines(path, records, dims=4, metric="cosine", id_kind="string", element="f32", tenant=False, document=True):
    """A file of JSON lines made by hand, as docs/formats/jsonl.md tells."""
    schema = {"id_kind": id_kind, "tenant": tenant, "document": document, "extras": [],
              "vectors": [{"name": "", "kind": "dense", "element": element, "dims": dims, "metric": metric}]}
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({"vecferry": 1, "schema": schema}, separators=(",", ":")) + "\n")
        for record in records:
            file.write(json.dumps(record) + "\n")
    return f"jsonl:{path}"


def record(i, **more):
    return {"id": f"r{i}", "document": f"text {i}", "metadata": {"n": i, "nested": {"a": [i, None]}}, "vectors": {"vector": [1.0, i, 0.5, -i]}, **more}


def copied(work, records, *flags, target="notes.db#docs", extra="", code=0, **kwargs):
    source = lines(work.folder / "in.jsonl", records, **kwargs)
    file, name = target.split("#")
    uri = f"sqlite-vec:{work.folder}/{file}{extra}#{name}"
    return source, uri, work.json("copy", source, uri, *flags, code=code, env={"VECFERRY_SQLITE_VEC": sqlite_vec.loadable_path()})


def test_the_extension_searches_what_was_written(work):
    source, uri, report = copied(work, [record(i) for i in range(300)])
    assert report["written"] == 300 and report["verify"]["ok"]
    db = vendors.open_vec(work.folder / "notes.db")
    found = db.execute("SELECT id, document, metadata, distance FROM docs WHERE embedding MATCH ? AND k = 3 ORDER BY distance",
                       (struct.pack("<4f", 1, 7, 0.5, -7),)).fetchall()
    assert found[0][0] == "r7" and found[0][1] == "text 7" and json.loads(found[0][2]) == {"n": 7, "nested": {"a": [7, None]}} and found[0][3] < 1e-6
    assert db.execute("SELECT count(*) FROM docs").fetchone() == (300,)
    assert "distance_metric=cosine" in db.execute("SELECT sql FROM sqlite_master WHERE name = 'docs'").fetchone()[0]
    assert work.digest(source, uri).split(":")[1] == "300"


def test_fields_become_columns_that_can_be_filtered(work):
    rows = [record(i, metadata={"year": 1990 + i, "title": f"t{i}" * 9, "score": i + 0.5, "ok": i % 2 == 0, "other": None}) for i in range(50)]
    _, _, report = copied(work, rows, "--target-opt", "columns=year integer, title text,+score float,ok boolean")
    assert report["verify"]["ok"] and report["written"] == 50
    db = vendors.open_vec(work.folder / "notes.db")
    found = db.execute("SELECT id, year, title, score, metadata FROM docs WHERE embedding MATCH ? AND k = 10 AND year BETWEEN 2000 AND 2005 AND ok = 1",
                       (struct.pack("<4f", 1, 0, 0, 0),)).fetchall()
    assert sorted(row[1] for row in found) == [2000, 2002, 2004]
    assert all(row[2] == f"t{row[1] - 1990}" * 9 and row[3] == row[1] - 1989.5 and row[4] == '{"other":null}' for row in found)


def test_a_value_that_its_column_cannot_hold_is_a_reject(work):
    rows = [record(0, metadata={"year": 1}), record(1, metadata={"year": "x"}), record(2, metadata={}), record(3, metadata={"year": 1.0}), record(4, metadata={"year": 4})]
    _, uri, report = copied(work, rows, "--target-opt", "columns=year integer", code=3)
    assert report["written"] == 2 and report["rejected"] == 3
    told = {json.loads(line)["id"]: json.loads(line)["code"] for line in open(report["rejects_file"], encoding="utf-8") if '"id"' in line}
    assert told == {"r1": "field-type", "r2": "missing-field", "r3": "field-type"}


def test_tenants_are_a_partition_and_equal_ids_of_two_are_found_beforehand(work):
    rows = [record(i, tenant=f"t{i % 3}") for i in range(30)] + [record(0, tenant="t1")]
    _, uri, report = copied(work, rows, "--target-opt", "chunk-size=8", tenant=True, code=3)
    assert report["written"] == 30 and report["rejected"] == 1
    db = vendors.open_vec(work.folder / "notes.db")
    found = db.execute("SELECT id FROM docs WHERE embedding MATCH ? AND k = 50 AND tenant = 't1'", (struct.pack("<4f", 1, 0, 0, 0),)).fetchall()
    assert sorted(int(row[0][1:]) for row in found) == list(range(1, 30, 3))


@pytest.mark.parametrize("name", ["plain", "cosine", "bytes", "bits", "several", "whole_number_key", "keyed_metadata", "null_partition", "chunks"])
def test_a_table_goes_into_another_database_as_it_is(work, samples, name, extension):
    first = samples
    source, target = f"sqlite-vec:{first}#{name}", f"sqlite-vec:{work.folder}/second.db#{name}"
    report = work.json("copy", source, target, env=extension)
    assert report["verify"]["ok"] and report["rejected"] == 0
    here, there = vendors.open_vec(first), vendors.open_vec(work.folder / "second.db")
    columns = [row[1] for row in here.execute(f'PRAGMA table_info("{name}")')]
    assert [row[1] for row in there.execute(f'PRAGMA table_info("{name}")')] == columns
    listed = ", ".join(f'"{c}"' for c in columns if c not in ("distance", "k"))
    every = f'SELECT {listed} FROM "{name}"'
    assert sorted(map(repr, there.execute(every))) == sorted(map(repr, here.execute(every))) != []


def test_a_table_of_somebody_elses_is_added_to_and_put_back(work, extension):
    db = vendors.open_vec(work.folder / "notes.db")
    db.execute("CREATE VIRTUAL TABLE docs USING vec0(key text primary key, v float[4] distance_metric=cosine, n integer, +body text)")
    for i in range(5):
        db.execute("INSERT INTO docs VALUES (?, ?, ?, ?)", (f"r{i}", struct.pack("<4f", 9, 9, 9, i), i, f"old {i}"))
    before = sorted(db.execute("SELECT key, vec_to_json(v), n, body FROM docs").fetchall())
    source = lines(work.folder / "in.jsonl", [record(i, metadata={"n": i}) for i in range(3, 9)])
    target = f"sqlite-vec:{work.folder}/notes.db?document=body#docs"
    refused = work.run("copy", source, target, env=extension)
    assert refused.returncode == 8 and "--on-exists" in refused.stderr
    report = work.json("copy", source, target, "--on-exists", "upsert", env=extension)
    assert report["written"] == 6 and report["verify"]["ok"]
    now = dict((row[0], row[1:]) for row in db.execute("SELECT key, n, body FROM docs").fetchall())
    assert now["r3"] == (3, "text 3") and now["r0"] == (0, "old 0") and len(now) == 9
    work.ok("rollback", "last", "--yes", env=extension)
    assert sorted(db.execute("SELECT key, vec_to_json(v), n, body FROM docs").fetchall()) == before


def test_replace_is_seen_as_a_whole_and_rollback_drops_what_the_run_made(work, extension):
    source, uri, _ = copied(work, [record(i) for i in range(20)])
    source = lines(work.folder / "other.jsonl", [record(i) for i in range(100, 107)])
    report = work.json("copy", source, uri, "--on-exists", "replace", env=extension)
    assert report["verify"]["ok"] and report["written"] == 7
    db = vendors.open_vec(work.folder / "notes.db")
    assert sorted(row[0] for row in db.execute("SELECT id FROM docs")) == [f"r{i}" for i in range(100, 107)]
    assert not db.execute("SELECT name FROM sqlite_master WHERE name LIKE '%vecferry_2%'").fetchall()
    fresh = f"sqlite-vec:{work.folder}/notes.db#fresh"
    work.json("copy", source, fresh, env=extension)
    work.ok("rollback", "last", "--yes", env=extension)
    assert not db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'fresh%'").fetchall()
    assert db.execute("SELECT name FROM vecferry_tables").fetchall() == [("docs",)]


def test_killed_at_every_failpoint(work, extension):
    source = lines(work.folder / "in.jsonl", [record(i) for i in range(60)])
    target = f"sqlite-vec:{work.folder}/out/notes.db#docs"
    args = ["copy", source, target, "--batch-size", "20", "-q"]
    (work.folder / "out").mkdir()
    listing = work.folder / "failpoints"
    work.ok(*args, env={**extension, "VECFERRY_FAILPOINT": f"list:{listing}"})
    names = sorted(set(listing.read_text().split()))
    assert {"sqlite-vec.commit.before", "sqlite-vec.commit.after", "sqlite-vec.create.after"} <= set(names)
    expected = work.digest(source, target)
    for name in names:
        work.forget("out")
        (work.folder / "out").mkdir()
        killed = work.run(*args, env={**extension, "VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED, name
        work.ok(*args, env=extension)
        assert work.digest(source, target) == expected, name


def test_a_replacement_killed_at_its_swap_is_finished(work, extension):
    source, uri, _ = copied(work, [record(i) for i in range(20)])
    other = lines(work.folder / "other.jsonl", [record(i) for i in range(50, 80)])
    args = ["copy", other, uri, "--on-exists", "replace", "-q"]
    for name in ("sqlite-vec.swap.before", "sqlite-vec.swap.after"):
        copied(work, [record(i) for i in range(20)], "--on-exists", "replace", "--restart")
        assert work.run(*args, "--restart", env={**extension, "VECFERRY_FAILPOINT": f"{name}:1"}).returncode == harness.KILLED
        work.ok(*args, env=extension)
        assert work.digest(other, uri).split(":")[1] == "30", name


def test_bad_input(work, extension, tmp_path):
    source = lines(work.folder / "in.jsonl", [record(i) for i in range(3)])
    target = f"sqlite-vec:{work.folder}/notes.db#docs"
    missing = work.run("copy", source, target, env={"VECFERRY_SQLITE_VEC": str(tmp_path / "none")})
    assert missing.returncode == 5 and "extension=" in missing.stderr and "pip install sqlite-vec" in missing.stderr
    wide = lines(work.folder / "wide.jsonl", [{"id": "a", "vectors": {"vector": [1.0] * 9000}}], dims=9000, document=False)
    assert work.run("copy", wide, target, env=extension).returncode == 8
    for columns in ("year integer); DROP TABLE x; --", "id text", "year varchar", "v float[3]", "'", "k integer"):
        work.forget()
        done = work.run("copy", source, target, "--target-opt", f"columns={columns}", env=extension)
        assert done.returncode == 2, (columns, done.stderr)
    metric = lines(work.folder / "dot.jsonl", [record(0)], metric="dot")
    assert work.run("copy", metric, target, env=extension).returncode == 8
    assert work.run("copy", source, f"sqlite-vec:{work.folder}/none/notes.db#docs", env=extension).returncode == 5
    assert work.run("copy", source, f"sqlite-vec:{work.folder}/notes.db", env=extension).returncode == 2


def test_a_database_that_is_in_use_is_waited_for_and_named(work, extension):
    source = lines(work.folder / "in.jsonl", [record(i) for i in range(3)])
    db = vendors.open_vec(work.folder / "notes.db")
    db.execute("CREATE TABLE mine(x)")
    db.execute("BEGIN IMMEDIATE")
    done = work.run("copy", source, f"sqlite-vec:{work.folder}/notes.db#docs", env=extension)
    assert done.returncode == 11 and "lock" in done.stderr
    db.execute("ROLLBACK")
    work.ok("copy", source, f"sqlite-vec:{work.folder}/notes.db#docs", env=extension)
    assert db.execute("SELECT count(*) FROM docs").fetchone() == (3,)


def test_a_table_made_anew_under_the_name_is_read_as_what_it_is(work, extension):
    _, uri, _ = copied(work, [record(i) for i in range(3)])
    db = vendors.open_vec(work.folder / "notes.db")
    db.execute("DROP TABLE docs")
    db.execute("CREATE VIRTUAL TABLE docs USING vec0(embedding float[2], +metadata text)")
    db.execute("INSERT INTO docs(rowid, embedding, metadata) VALUES (1, ?, '{\"a\":1}')", (struct.pack("<2f", 1, 2),))
    work.ok("copy", uri, f"jsonl:{work.folder}/plain.jsonl")
    assert json.loads(open(work.folder / "plain.jsonl").readlines()[1])["metadata"] == {"metadata": '{"a":1}'}
    work.ok("copy", f"sqlite-vec:{work.folder}/notes.db?metadata=metadata#docs", f"jsonl:{work.folder}/told.jsonl")
    assert json.loads(open(work.folder / "told.jsonl").readlines()[1])["metadata"] == {"a": 1}
