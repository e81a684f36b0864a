"""From one system to another, each side judged by its own package: what pgvector holds is searched in FAISS and read out of Parquet, CSV and VDF,
and what those hold comes back into a table as it was."""
import json

import duckdb
import numpy as np
import pytest

from faiss_kinds import faiss
from postgresql_scenario import database, jsonl, postgres18, record, work  # noqa: F401

ROWS = 400


@pytest.fixture
def table(database):
    """The table of the guides, filled by psycopg and pgvector's own package."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((ROWS, 16)).astype("float32")
    with database.connect() as db:
        db.execute("CREATE TABLE documents (id text PRIMARY KEY, content text, metadata jsonb, embedding vector(16))")
        with db.cursor().copy("COPY documents FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(["text", "text", "jsonb", "vector"])
            from psycopg.types.json import Jsonb
            for i, row in enumerate(vectors):
                copy.write_row((f"doc-{i}", f"Text {i}", Jsonb({"n": i, "big": 2**53 + 1 + i, "half": i / 2, "tags": ["a", str(i)], "none": None}), row))
        db.execute("CREATE INDEX ON documents USING hnsw (embedding vector_l2_ops)")
    return vectors


def test_pgvector_to_faiss(database, table, work):
    """The index that FAISS opens finds for each query what PostgreSQL finds by an exact scan."""
    source, target = database.uri("documents"), f"faiss:{work.folder}/docs.index?index=flat"
    report = work.json("copy", source, target)
    assert report["written"] == ROWS and report["verify"]["ok"]
    index = faiss.read_index(str(work.folder / "docs.index"))
    assert index.ntotal == ROWS and index.d == 16 and index.metric_type == faiss.METRIC_L2
    side = [json.loads(line) for line in next(p for p in work.folder.iterdir() if p.name.startswith("docs.index") and p.suffix == ".jsonl").open(encoding="utf-8")]
    names = [entry["id"] for entry in side if "id" in entry]
    _, found = index.search(table[:5], 4)
    with database.connect() as db:
        db.execute("SET enable_indexscan = off")
        for query, rows in zip(table[:5], found):
            wanted = [row[0] for row in db.execute("SELECT id FROM documents ORDER BY embedding <-> %s LIMIT 4", (query,))]
            assert [names[row] for row in rows] == wanted


@pytest.mark.parametrize("file", ["docs.parquet", "docs.csv", "docs.jsonl", "docs.index", "docs.npy"])
def test_there_and_back(database, table, work, file):
    """Through a file and into a new table: the rows are those that were there, judged by PostgreSQL itself."""
    scheme = {"parquet": "parquet", "csv": "csv", "jsonl": "jsonl", "index": "faiss", "npy": "npy"}[file.split(".")[1]]
    source, between, target = database.uri("documents"), f"{scheme}:{work.folder}/{file}", database.uri("again")
    out, back = work.json("copy", source, between), work.json("copy", between, target, "--target-opt", "layout=documents", "--metric", "l2")
    assert out["written"] == back["written"] == ROWS and out["verify"]["ok"] and back["verify"]["ok"]
    differing = database.rows("SELECT count(*) FROM documents a FULL JOIN again b USING (id) WHERE a.content IS DISTINCT FROM b.content OR a.metadata IS DISTINCT FROM b.metadata "
                              "OR a.embedding::text IS DISTINCT FROM b.embedding::text")
    assert differing == [(0,)] and database.one("SELECT count(*) FROM again") == ROWS


def test_parquet_of_a_table_is_read_by_duckdb(database, table, work):
    work.ok("copy", database.uri("documents"), f"parquet:{work.folder}/docs.parquet")
    rows = duckdb.sql(f"SELECT id, document, metadata::JSON->>'big', vector FROM '{work.folder}/docs.parquet'").fetchall()
    assert len(rows) == ROWS
    by_id = {row[0]: row for row in rows}
    for i in (0, 7, ROWS - 1):
        assert by_id[f"doc-{i}"][1:3] == (f"Text {i}", str(2**53 + 1 + i))
        assert np.array(by_id[f"doc-{i}"][3], dtype="float32").tobytes() == table[i].tobytes()


def test_a_copy_leaves_nothing_behind(database, work):
    """No connection, no table of its own."""
    source = jsonl(work.folder / "in.jsonl", [record(i) for i in range(3)])
    for n in range(3):
        work.ok("copy", source, database.uri(f"t{n}"), "-q")
    assert database.tables() == {"t0", "t1", "t2"}
    assert database.one("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vecferry%'") == 0
