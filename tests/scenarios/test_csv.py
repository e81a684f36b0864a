"""CSV as others write and read it: PostgreSQL's COPY with pgvector, DuckDB and pandas are the judges; and what no program should have written."""
import gzip
import json
import pathlib
import random
import struct
import sys

import duckdb
import pandas
import psycopg
import pytest

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
from postgresql_fixtures import database, postgres18  # noqa: E402,F401

TABLE = "CREATE TABLE t (id text PRIMARY KEY, tenant text, document text, metadata jsonb, embedding vector(4), \"vector:half\" halfvec(3), \"sparse:s\" sparsevec, bits bit(10))"
FOURTH = "CREATE TABLE context_items (id text PRIMARY KEY, game_id text, user_id text, content text, embedding vector(3), metadata jsonb, created_at timestamptz)"


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def copy_out(database, table, path):
    with psycopg.connect(database.dsn) as connection, open(path, "wb") as out:
        with connection.cursor().copy(f"COPY {table} TO STDOUT WITH (FORMAT csv, HEADER)") as copy:
            for data in copy:
                out.write(data)


def copy_in(database, table, path, columns=""):
    with psycopg.connect(database.dsn) as connection:
        with connection.cursor().copy(f"COPY {table} {columns} FROM STDIN WITH (FORMAT csv, HEADER)") as copy:
            copy.write(open(path, "rb").read())


def text_of(n):
    return [None, "", "plain", 'quote " and "" two', "comma, and\nline\r\nbreaks\r", "Ünïcødé 日本 🚢", "\\.", "NULL", " spaces "][n % 9]


def fill(database):
    rng = random.Random(5)
    with database.connect(vectors=False) as connection:
        connection.execute(TABLE)
        for i in range(200):
            vector = [rng.uniform(-1, 1) for _ in range(4)] if i % 7 else None
            metadata = {"n": i, "s": text_of(i), "f": i / 3, "deep": {"a": [1, None, {"b": 2**53 + 1}]}} if i % 5 else None
            connection.execute("INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", (
                f"{i:03}", text_of(i + 2), text_of(i), json.dumps(metadata) if metadata else None, str(vector) if vector else None,
                str([rng.uniform(-9, 9) for _ in range(3)]), "{%d:0.5,%d:-2}/1000" % (1 + i, 900), "".join(rng.choice("01") for _ in range(10))))


def dump(database, table="t"):
    return sorted(database.rows(f"SELECT t::text FROM {table} t"))


def test_what_postgresql_exported_comes_back_to_it(work, database):
    """COPY TO, into lines and out again as CSV, COPY FROM: the table is the same, row by row."""
    fill(database)
    before, file = dump(database), work.folder / "t.csv"
    copy_out(database, "t", file)
    source = f"csv:{file}?vector=embedding,vector:half,sparse:s,bits&types=vector:half:halfvec(3),sparse:s:sparsevec(1000)"
    report = work.json("copy", source, f"jsonl:{work.folder}/t.jsonl")
    assert (report["written"], report["rejected"]) == (200, 0) and report["verify"]["ok"]
    columns = "id,tenant,document,metadata,embedding,vector:half,sparse:s,bits"
    back = f"csv:{work.folder}/back.csv?columns={columns}&vector=embedding,vector:half,sparse:s,bits&types=sparse:s:sparsevec(1000)"
    lines = [json.loads(line) for line in open(work.folder / "t.jsonl")]
    order = [v["name"] for v in lines[0]["schema"]["vectors"]]
    assert order == ["embedding", "half", "s", "bits"]
    assert [v["element"] for v in lines[0]["schema"]["vectors"]] == ["f32", "f16", "f32", "bit"]
    assert work.json("copy", f"jsonl:{work.folder}/t.jsonl", back)["verify"]["ok"]
    database.run("TRUNCATE t")
    copy_in(database, "t", work.folder / "back.csv")
    assert dump(database) == before


def test_digits_stay_texts_and_null_is_not_the_empty_text(work, database):
    fill(database)
    copy_out(database, "t", work.folder / "t.csv")
    work.ok("copy", f"csv:{work.folder}/t.csv?vector=embedding", f"jsonl:{work.folder}/t.jsonl")
    lines = {r["id"]: r for r in map(json.loads, list(open(work.folder / "t.jsonl"))[1:])}
    assert "document" not in lines["000"] and lines["001"]["document"] == "" and lines["007"]["document"] == "NULL"
    assert lines["004"]["document"] == "comma, and\nline\r\nbreaks\r"
    assert "vectors" not in lines["007"]
    assert len(lines["001"]["metadata"]["bits"]) == 10


def test_the_fourth_documents_columns(work, database):
    """Points become the file that its import script takes, and what it holds then becomes points again."""
    database.run(FOURTH)
    points = [{"id": f"item-{i}", "document": f"line {i}\n\"said\" he", "metadata": {"game_id": f"g{i % 3}", "user_id": f"u{i}", "created_at": f"2024-05-06T07:08:{i:02}Z",
               "turn": i, "tags": ["a", {"b": None}]}, "vectors": {"vector": [i / 7, -1.5, 1e-20]}} for i in range(30)]
    schema = {"vecferry": 1, "schema": {"id_kind": "string", "tenant": False, "document": True, "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": 3, "metric": "cosine"}]}}
    (work.folder / "in.jsonl").write_text("\n".join(json.dumps(x, separators=(",", ":")) for x in [schema, *points]) + "\n")
    target = f"csv:{work.folder}/data.csv?layout=context-items"
    assert work.json("copy", f"jsonl:{work.folder}/in.jsonl", target)["verify"]["ok"]
    assert (work.folder / "data.csv").read_text().splitlines()[0] == "id,game_id,user_id,content,embedding,metadata,created_at"
    copy_in(database, "context_items", work.folder / "data.csv", "(id, game_id, user_id, content, embedding, metadata, created_at)")
    assert database.one("SELECT count(*) FROM context_items WHERE game_id = 'g1' AND created_at > '2024-05-06T07:08:00Z' AND metadata->>'turn' IS NOT NULL AND vector_dims(embedding) = 3") == 10
    # Its own file comes back as it was, also without the side-car where the layout is named.
    assert work.json("verify", f"jsonl:{work.folder}/in.jsonl", f"csv:{work.folder}/data.csv")["ok"]
    copy_out(database, "context_items", work.folder / "exported.csv")
    work.ok("copy", f"csv:{work.folder}/exported.csv?layout=context-items&metric=cosine", f"jsonl:{work.folder}/out.jsonl")
    lines = {r["id"]: r for r in map(json.loads, list(open(work.folder / "out.jsonl"))[1:])}
    for point in points:
        got = lines[point["id"]]
        assert got["document"] == point["document"] and got["metadata"]["game_id"] == point["metadata"]["game_id"] and got["metadata"]["tags"] == point["metadata"]["tags"]
        assert got["metadata"]["created_at"] == {"$vf": "datetime", "v": point["metadata"]["created_at"]}
        assert got["vectors"]["vector"] == pytest.approx(point["vectors"]["vector"])


def records(work, n=50):
    schema = {"vecferry": 1, "schema": {"id_kind": "u64", "tenant": True, "document": True, "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": 3, "metric": "dot"}]}}
    made = [{"id": str(i), "tenant": text_of(i + 2) or "", "document": text_of(i) or "", "metadata": {"x": text_of(i), "n": i, "r": i / 7}, "vectors": {"vector": [i, 0.1, -2.5]}} for i in range(n)]
    (work.folder / "in.jsonl").write_text("\n".join(json.dumps(x, separators=(",", ":")) for x in [schema, *made]) + "\n")
    return f"jsonl:{work.folder}/in.jsonl", made


def test_duckdb_and_pandas_read_what_is_written(work):
    source, made = records(work)
    file = work.folder / "out.csv"
    work.ok("copy", source, f"csv:{file}")
    rows = duckdb.sql(f"SELECT id, tenant, document, metadata, embedding FROM read_csv('{file}', all_varchar=true, header=true, strict_mode=true, quote='\"', escape='\"', new_line='\\n')").fetchall()
    frame = pandas.read_csv(file, dtype=str, keep_default_na=False)
    assert len(rows) == len(frame) == len(made)
    for want, row, (_, line) in zip(made, rows, frame.iterrows()):
        for got in (row, tuple(line)):
            assert got[0] == want["id"] and (got[1] or "") == want["tenant"] and (got[2] or "") == want["document"]
            assert json.loads(got[3]) == want["metadata"]
            assert [struct.pack("f", x) for x in json.loads(got[4])] == [struct.pack("f", x) for x in want["vectors"]["vector"]]


def test_what_pandas_and_duckdb_write_is_read(work):
    frame = pandas.DataFrame({"id": ["a", "b", "c"], "document": ['say "x"', None, "l\n2"], "year": [1999, 2000, 2001], "score": [0.1, float("nan"), 1e300], "embedding": ["[1,2.5]", "[0.1, 3]", None]})
    for name, write in {"pandas": lambda f: frame.to_csv(f), "duckdb": lambda f: duckdb.from_df(frame).query("made", f"COPY (SELECT * FROM made) TO '{f}' (HEADER, DELIMITER '|')")}.items():
        file = work.folder / f"{name}.csv"
        write(str(file))
        delimiter = "&delimiter=%7C" if name == "duckdb" else ""
        report = work.json("copy", f"csv:{file}?types=year:int4,score:float8{delimiter}", f"jsonl:{work.folder}/{name}.jsonl", "--missing-vector", "keep")
        assert report["written"] == 3, report
        lines = [json.loads(line) for line in open(work.folder / f"{name}.jsonl")][1:]
        assert lines[0] == {"id": "a", "document": 'say "x"', "metadata": {"year": 1999, "score": 0.1}, "vectors": {"vector": [1, 2.5]}}
        assert lines[2]["document"] == "l\n2" and lines[2]["metadata"] == {"year": 2001, "score": 1e300} and "vectors" not in lines[2]


def test_compressed_input_and_a_byte_order_mark(work):
    text = b"\xef\xbb\xbfid,embedding\r\n" + b"".join(b'%d,"[1,%d]"\r\n' % (i, i) for i in range(5000))
    (work.folder / "a.csv").write_bytes(text)
    (work.folder / "b.csv.gz").write_bytes(gzip.compress(text))
    assert work.digest(f"csv:{work.folder}/a.csv", f"csv:{work.folder}/b.csv.gz").split(":")[1] == "5000"
    assert work.json("inspect", f"{work.folder}/b.csv.gz")["store"] == "csv"


HOSTILE = {
    "open quote": (b'id,embedding\n1,"[1,2]"\n2,"[1,2]\n3,"[1,2]"\n', 1, {"bad-quote"}),
    "open to the end": (b'id,embedding\n1,"[1,2]"\n2,"[1,2]\n3,x\n4,y\n', 1, {"open-quote"}),
    "nul bytes": (b'id,document,embedding\n1,a\0b,"[1,2]"\n2,\0,"[1,2]"\n', 2, set()),
    "a field of many bytes": (b'id,embedding\n1,"[1,2]"\n2,"' + b"x" * (300 << 20) + b'"\n3,"[1,2]"\n', 2, {"row-too-long"}),
    "no utf-8": (b'id,document,embedding\n1,\xff\xfe\x80,"[1,2]"\n\xc0\x80,x,"[1,2]"\n3,x,"[1,2]"\n', 1, {"invalid-utf8"}),
    "deep json": (b'id,metadata,embedding\n1,' + b'"{""a"":' + b"[" * 100000 + b"]" * 100000 + b'}","[1,2]"\n2,{},"[1,2]"\n', 1, {"bad-metadata"}),
    "numbers": (b'id,embedding\n1,"[1,2]"\n2,"[1e999,2]"\n3,"[1,NaN,2]"\n4,"[1,' + b"9" * 100000 + b']"\n', 1, {"bad-vector"}),
    "ragged": (b'id,embedding\n1,"[1,2]"\n2\n3,"[1,2]",x\n' + b"," * 50000 + b"\n", 1, {"ragged-row"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_rejects_and_not_the_end(work, name):
    content, written, codes = HOSTILE[name]
    (work.folder / "x.csv").write_bytes(content)
    rejects = work.folder / "rejects.jsonl"
    report = work.json("copy", f"csv:{work.folder}/x.csv", f"jsonl:{work.folder}/out.jsonl", "--rejects", rejects, code=3 if codes else 0)
    assert report["written"] == written
    if codes:
        assert {json.loads(line)["code"] for line in open(rejects)} == codes


def test_refusals_name_the_columns(work):
    (work.folder / "x.csv").write_text("key,emb\n1,\"[1,2]\"\n")
    harness.refused(work.run("copy", f"csv:{work.folder}/x.csv", f"jsonl:{work.folder}/o.jsonl"), 2, "source", "x.csv", "key, emb")
    harness.refused(work.run("copy", f"csv:{work.folder}/x.csv?id=key&vector=em", f"jsonl:{work.folder}/o.jsonl"), 2, "source", "emb", "key, emb")
    assert not (work.folder / "o.jsonl").exists()


def test_killed_at_every_failpoint(work):
    source, _ = records(work, 300)
    target = f"csv:{work.folder}/out.csv?columns=id,tenant,document,x,n,metadata,embedding"
    args = ["copy", source, target, "--batch-size", "50", "-q"]
    hits = harness.failpoints_of(work, *args)
    assert {"csv.write.before", "csv.rename.before", "csv.rename.after", "csv.schema.before"} <= set(hits), hits
    whole, side_car = (work.folder / "out.csv").read_bytes(), (work.folder / "out.csv.schema.json").read_bytes()
    for name, count in hits.items():
        for n in {1, count // 2 + 1, count}:
            work.forget()
            for file in work.folder.glob("out.csv*"):
                file.unlink()
            killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:{n}"})
            if killed.returncode == 0 and n > 1 and name.startswith("journal.ack"):
                continue
            assert killed.returncode == harness.KILLED, f"{name}:{n}"
            assert not (work.folder / "out.csv").exists() or (work.folder / "out.csv").read_bytes() == whole
            work.ok(*args)
            assert (work.folder / "out.csv").read_bytes() == whole, f"after {name}:{n}"
            assert (work.folder / "out.csv.schema.json").read_bytes() == side_car
            assert sorted(f.name for f in work.folder.glob("out*")) == ["out.csv", "out.csv.schema.json"]


def test_rollback_removes_the_file_and_its_side_car(work):
    source, _ = records(work)
    work.ok("copy", source, f"csv:{work.folder}/out.csv", "-q")
    work.ok("rollback", "last", "--yes")
    assert not list(work.folder.glob("out.csv*"))
