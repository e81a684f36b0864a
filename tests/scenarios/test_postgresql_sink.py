"""Records of every kind into PostgreSQL, judged by psycopg and pgvector's own package: tables, types, indexes, policies, rollback, resume."""
import json
import uuid

import pytest

import harness
import qdrant_scenario
from postgresql_scenario import bits, database, either, jsonl, option, postgres16, postgres18, record, vector, work  # noqa: F401

ROWS = 300


def filled(folder, rows=ROWS, **schema):
    return jsonl(folder / "records.jsonl", [record(i) for i in range(rows)], **schema)


def test_a_fresh_table_on_both_versions(either, work):
    source, target = filled(work.folder), either.uri("items")
    report = work.json("copy", source, target, "-q")
    assert report["exit_code"] == 0 and report["written"] == ROWS, report
    assert either.columns("items") == {"id": "text", "document": "text", "metadata": "jsonb", "embedding": "vector(4)"}
    rows = either.rows("SELECT id, document, metadata, embedding FROM items ORDER BY (metadata->>'n')::int")
    assert len(rows) == ROWS
    for i, (name, document, metadata, embedding) in enumerate(rows):
        assert (name, document, metadata) == (f"rec-{i}", f"Text {i} – ünï", {"n": i, "group": f"g{i % 5}"})
        assert list(embedding.to_numpy() if hasattr(embedding, "to_numpy") else embedding) == pytest.approx(vector(i), abs=0)
    indexes = either.indexes("items")
    assert any("USING hnsw (embedding vector_cosine_ops)" in text for text in indexes.values()), indexes
    assert any("UNIQUE" in text and "(id)" in text for text in indexes.values()), indexes
    nearest = either.one("SELECT id FROM items ORDER BY embedding <=> %s::vector LIMIT 1", str(vector(3)))
    assert nearest in {f"rec-{i}" for i in range(3, ROWS, 17)}
    work.forget()
    work.digest(source, target)


def test_what_pgvector_does_not_take_is_told_apart_before_the_server_is_asked(database, work):
    """Else a batch is halved at the server until the one row is found, and the reason is the server's."""
    odd = {7: "NaN", 200: "-Infinity"}
    records = [record(i, vectors={"vector": [odd[i], 1, 1, 1]}) if i in odd else record(i) for i in range(ROWS)]
    copy = ["copy", jsonl(work.folder / "records.jsonl", records), database.uri("items")]
    harness.refused(work.run(*copy), 8, "", "non-finite-vector", "")
    report = work.json(*copy, "--unsupported", "reject", code=3)
    assert report["rejected"] == 2 and report["verify"]["ok"] and database.one("SELECT count(*) FROM items") == ROWS - 2
    rejects = [json.loads(line) for line in open(report["rejects_file"], encoding="utf-8")]
    assert {(r["id"], r["code"]) for r in rejects if "code" in r} == {("rec-7", "non-finite-vector"), ("rec-200", "non-finite-vector")}


def test_element_types_sparse_and_several_vectors(database, work):
    vectors = [{"name": "a", "kind": "dense", "element": "f32", "dims": 3, "metric": "l2"}, {"name": "half", "kind": "dense", "element": "f16", "dims": 4, "metric": "dot"},
               {"name": "flags", "kind": "dense", "element": "bit", "dims": 10, "metric": "hamming"}, {"name": "words", "kind": "sparse", "element": "f32", "dims": 0, "metric": "dot"}]
    records = []
    for i in range(40):
        given = {"vector:a": [i, 0.5, -1], "vector:half": [i / 4, 1, -2, 65504], "vector:flags": bits(f"{i * 7 % 1024:010b}"),
                 "sparse:words": {"indices": [70000, 3 + i], "values": [1.5, -2]}}
        if i % 4 == 3:
            del given["vector:half"]
        records.append({"id": f"r{i}", "metadata": {}, "vectors": given})
    source, target = jsonl(work.folder / "r.jsonl", records, document=False, vectors=vectors), database.uri("types")
    work.ok("copy", source, target, "-q", *option("sparse-dims=100000"))
    columns = database.columns("types")
    assert {name: columns[name] for name in ("a", "half", "flags", "words")} == {"a": "vector(3)", "half": "halfvec(4)", "flags": "bit(10)", "words": "sparsevec(100000)"}
    for i in (0, 3, 39):
        text = database.rows("SELECT a::text, half::text, flags::text, words::text FROM types WHERE id = %s", f"r{i}")[0]
        half = None if i % 4 == 3 else "[%s,1,-2,65504]" % (str(i / 4).removesuffix(".0"))
        assert text == (f"[{i},0.5,-1]", half, f"{i * 7 % 1024:010b}", "{%d:-2,70001:1.5}/100000" % (4 + i))
    indexes = " ".join(database.indexes("types").values())
    assert "vector_l2_ops" in indexes and "halfvec_ip_ops" in indexes and "bit_hamming_ops" in indexes and "words" not in indexes
    work.forget()
    work.digest(source, target)


def test_metadata_comes_back_value_for_value(database, work):
    odd = {"one": 1, "one point": 1.0, "big": 9007199254740993, "least": -2**63, "most": 2**64 - 1, "far": 1e300, "tiny": 5e-324, "negative zero": -0.0, "null": None, "": "",
           "dots.and \"quotes\" $": [1, "x", None, {"a": []}], "nested": {"b": {"c": [[1], [2.5]]}}, "bigint": {"$vf": "bigint", "v": "18446744073709551616"},
           "nan": {"$vf": "f64", "v": "NaN"}, "when": {"$vf": "datetime", "v": "2024-05-06T07:08:09Z"}, "metadata": 7, "embedding": "x", "id": "y", "true": True}
    source, target = jsonl(work.folder / "r.jsonl", [record(0, metadata=odd), record(1, metadata={})]), database.uri("odd")
    work.ok("copy", source, target, "-q")
    got = database.one("SELECT metadata FROM odd WHERE id = 'rec-0'")
    assert got["big"] == 9007199254740993 and got["least"] == -2**63 and got["most"] == 2**64 - 1 and got["nested"] == odd["nested"]
    assert got["far"] == 1e300 and isinstance(got["far"], float) and got["tiny"] == 5e-324 and isinstance(got["one point"], float) and isinstance(got["one"], int)
    back = f"jsonl:{work.folder}/back.jsonl"
    work.ok("copy", target, back, "-q")
    lines = [json.loads(line) for line in (work.folder / "back.jsonl").read_text().splitlines()[1:]]
    assert next(line for line in lines if line["id"] == "rec-0")["metadata"] == odd
    assert json.dumps(next(line for line in lines if line["id"] == "rec-0")["metadata"]["negative zero"]) == "-0.0"


@pytest.mark.parametrize("kind, type_, ids", [("u64", "numeric(20,0)", ["0", "9223372036854775808", "18446744073709551615"]), ("i64", "bigint", ["-5", "0", "9223372036854775807"]),
                                              ("uuid", "uuid", [str(uuid.UUID(int=i * 7919)) for i in range(3)]), ("mixed", "text", ["7", "c5f5b2a8-1111-4222-8333-444455556666"])])
def test_ids(database, work, kind, type_, ids):
    source, target = jsonl(work.folder / "r.jsonl", [record(i, id=name) for i, name in enumerate(ids)], id_kind=kind), database.uri("ids")
    work.ok("copy", source, target, "-q")
    assert database.columns("ids")["id"] == type_
    assert {row[0] for row in database.rows("SELECT id::text FROM ids")} == set(ids)
    work.forget()
    work.digest(source, target)


def test_tenants_share_ids(database, work):
    records = [record(i % 10, tenant=f"t{i // 10}") for i in range(30)] + [record(99)]
    source, target = jsonl(work.folder / "r.jsonl", records, tenant=True), database.uri("shared")
    work.ok("copy", source, target, "-q")
    assert database.one("SELECT count(*) FROM shared WHERE tenant = 't1' AND id = 'rec-3'") == 1
    assert any("(tenant, id)" in text for text in database.indexes("shared").values())
    work.forget()
    work.digest(source, target)


def test_typed_columns(database, work):
    database.run("CREATE TABLE typed (id text PRIMARY KEY, document text, year int NOT NULL, score double precision, seen timestamptz, tags text[], n int DEFAULT 7, "
                 "level interval, state varchar(3), doubled int GENERATED ALWAYS AS (year * 2) STORED, metadata jsonb, embedding vector(4))")
    def meta(i):
        return {"year": 1990 + i, "score": i + 0.5, "seen": {"$vf": "datetime", "v": "2024-05-06T07:08:09Z"}, "tags": ["a", f"b{i}"], "n": i, "rest": {"x": i}, "state": "abc"}
    records = [record(i, metadata=meta(i)) for i in range(20)]
    records[3]["metadata"]["state"] = "too long"
    records[4]["metadata"]["year"] = "no number"
    del records[5]["metadata"]["year"]
    source, target = jsonl(work.folder / "r.jsonl", records), database.uri("typed")
    issues = {issue["code"]: issue["count"] for issue in work.json("plan", source, target, code=8)["issues"] if issue["blocking"]}
    assert issues == {"value-out-of-range": 1, "value-type": 1, "missing-value": 1}, issues
    harness.refused(work.run("copy", source, target, "-q"), 8, "target", "typed", "--unsupported reject")
    assert database.one("SELECT count(*) FROM typed") == 0
    done = work.json("copy", source, target, "-q", "--unsupported", "reject", code=3)
    assert done["rejected"] == 3, done
    assert database.rows("SELECT year, score, seen::text, tags, n, doubled, metadata FROM typed WHERE id = 'rec-7'") == [
        (1997, 7.5, "2024-05-06 07:08:09+00", ["a", "b7"], 7, 3994, {"rest": {"x": 7}})]
    assert database.one("SELECT count(*) FROM typed") == 17


def test_texts_of_a_length(database, work):
    database.run("CREATE TABLE lengths (id varchar(6) PRIMARY KEY, document varchar(10), code char(3), codes char(2)[], metadata jsonb, embedding vector(4))")
    records = [record(i, metadata={"code": f"c{i:02}", "codes": ["ab", "c "]}, document="d") for i in range(20)]
    records[3]["metadata"]["code"] = "c"
    records[4]["metadata"]["codes"] = ["ab", "c"]
    records[5]["id"] = "rec-500"
    records[6]["document"] = "d" * 11
    source, target = jsonl(work.folder / "r.jsonl", records), database.uri("lengths")
    plan = work.json("plan", source, target, code=8)["issues"]
    assert {issue["code"]: issue["count"] for issue in plan if issue["blocking"]} == {"value-out-of-range": 4}, plan
    assert work.json("copy", source, target, "-q", "--unsupported", "reject", code=3)["rejected"] == 4
    assert database.rows("SELECT code, codes FROM lengths WHERE id = 'rec-7'") == [("c07", ["ab", "c "])]
    good = jsonl(work.folder / "good.jsonl", [each for i, each in enumerate(records) if i not in (3, 4, 5, 6)])
    work.digest(good, target)


def test_fields_of_a_new_table_get_columns(database, work):
    records = [record(i, metadata={"n": i, "group": "g", "more": True}) for i in range(10)]
    source, target = jsonl(work.folder / "r.jsonl", records), database.uri("fields")
    work.ok("copy", source, target, "-q", *option("fields=n:integer;group:varchar(20)"))
    assert database.columns("fields")["n"] == "integer" and database.columns("fields")["group"] == "character varying(20)"
    assert database.rows("SELECT n, \"group\", metadata FROM fields WHERE id = 'rec-3'") == [(3, "g", {"more": True})]
    work.forget()
    work.digest(source, target)


@pytest.mark.parametrize("options, wanted", [(["m=8", "ef-construction=40"], "WITH (m='8', ef_construction='40')"), (["index=ivfflat", "lists=5"], "USING ivfflat (embedding vector_cosine_ops) WITH (lists='5')"),
                                             (["index=none"], None), (["metadata-index=true"], "USING gin (metadata jsonb_path_ops)")])
def test_indexes(database, work, options, wanted):
    work.ok("copy", filled(work.folder), database.uri("indexed"), "-q", *option(*options))
    texts = list(database.indexes("indexed").values())
    assert any(wanted in text for text in texts) if wanted else len(texts) == 1, texts


def test_no_index_when_none_is_wanted_and_none_for_too_many_dimensions(database, work):
    work.ok("copy", filled(work.folder), database.uri("plain"), "-q", "--index", "none")
    assert len(database.indexes("plain")) == 1
    many = [{"name": "", "kind": "dense", "element": "f32", "dims": 2100, "metric": "cosine"}]
    source = jsonl(work.folder / "many.jsonl", [record(i, vectors={"vector": vector(i, 2100)}) for i in range(3)], vectors=many)
    work.ok("copy", source, database.uri("many"), "-q")
    assert len(database.indexes("many")) == 1
    work.ok("copy", source, database.uri("half"), "-q", *option("halfvec-index=true"))
    assert any("halfvec(2100)" in text and "halfvec_cosine_ops" in text for text in database.indexes("half").values()), database.indexes("half")


def notes(work, source, target, *more):
    """Those of the plan that tell of an index that there will not be."""
    plan = work.json("plan", source, target, *more)
    told = [issue for issue in plan["issues"] if issue["code"] == "no-index"]
    assert not any(issue["blocking"] for issue in told)
    return " ".join(issue["message"] for issue in told)


def test_the_plan_tells_of_an_index_that_there_will_not_be(database, work):
    vectors = [{"name": "many", "kind": "dense", "element": "f32", "dims": 2100, "metric": "cosine"}, {"name": "few", "kind": "dense", "element": "f32", "dims": 4, "metric": "l2"},
               {"name": "words", "kind": "sparse", "element": "f32", "dims": 0, "metric": "dot"}]
    given = {"vector:many": vector(1, 2100), "vector:few": vector(1), "sparse:words": {"indices": [3], "values": [1.5]}}
    source, target = jsonl(work.folder / "r.jsonl", [record(0, vectors=given)], vectors=vectors), database.uri("items")
    told = notes(work, source, target)
    assert "'many' gets no index: 2100 dimensions" in told and "halfvec-index=true" in told and "'words' gets no index" in told and "'few'" not in told, told
    assert "items" not in database.tables()
    assert not notes(work, source, target, *option("halfvec-index=true", "sparse-index=true"))
    assert not notes(work, source, target, "--index", "none") and not notes(work, source, target, *option("index=none"))
    assert "l1" in notes(work, jsonl(work.folder / "l1.jsonl", [record(0)], vectors=[{**vectors[1], "name": "", "metric": "l1"}]), target, *option("index=ivfflat"))
    unknown = jsonl(work.folder / "u.jsonl", [record(0)], vectors=[{**vectors[1], "name": "", "metric": "unknown"}])
    assert "the metric is not known" in notes(work, unknown, target) and not notes(work, unknown, target, "--metric", "l2")
    assert "no index" in work.ok("plan", unknown, target).stdout
    # A table that is there keeps the indexes that it has.
    work.ok("copy", source, target, "-q")
    assert not notes(work, source, target, "--on-exists", "upsert") and not any("many" in text or "words" in text for text in database.indexes("items").values())


def test_policies(database, work):
    target = database.uri("items")
    work.ok("copy", filled(work.folder, 50), target, "-q")
    other = jsonl(work.folder / "other.jsonl", [record(i, document="new") for i in range(40, 60)])
    done = work.run("copy", other, target, "-q")
    assert done.returncode == 8 and "holds 50 records" in done.stderr, done.stderr
    report = work.json("copy", other, target, "-q", "--on-exists", "append", code=3)
    assert (report["written"], report["rejected"]) == (10, 10), report
    assert database.one("SELECT count(*) FROM items") == 60 and database.one("SELECT document FROM items WHERE id = 'rec-45'") != "new"
    work.ok("copy", other, target, "-q", "--on-exists", "upsert", "--restart")
    assert database.one("SELECT count(*) FROM items WHERE document = 'new'") == 20
    work.ok("rollback", "last", "--yes")
    assert database.one("SELECT document FROM items WHERE id = 'rec-45'") == "Text 45 – ünï"


def test_replace_is_atomic_and_keeps_what_belongs_to_the_table(database, work):
    database.run("CREATE ROLE reader_of_items", "CREATE TABLE items (id bigserial PRIMARY KEY, document text NOT NULL, metadata jsonb DEFAULT '{}', embedding vector(4))",
                 "CREATE INDEX items_words ON items USING gin (to_tsvector('english', document))", "CREATE INDEX items_near ON items USING hnsw (embedding vector_cosine_ops) WITH (m = 6)",
                 "COMMENT ON TABLE items IS 'ours'", "GRANT SELECT ON items TO reader_of_items", "INSERT INTO items (document, embedding) VALUES ('old', '[1,2,3,4]')")
    try:
        records = [record(i, id=str(i + 100)) for i in range(50)]
        source = jsonl(work.folder / "r.jsonl", records, id_kind="i64")
        work.ok("copy", source, database.uri("items"), "-q", "--on-exists", "replace")
        assert database.one("SELECT count(*) FROM items") == 50
        indexes = database.indexes("items")
        assert set(indexes) == {"items_pkey", "items_words", "items_near"} and "m='6'" in indexes["items_near"], indexes
        assert database.one("SELECT obj_description('items'::regclass)") == "ours"
        assert database.one("SELECT has_table_privilege('reader_of_items', 'items', 'SELECT')")
        assert database.one("INSERT INTO items (document) VALUES ('next') RETURNING id") == 150
        assert database.tables() == {"items"}
    finally:
        database.run("DROP OWNED BY reader_of_items", "DROP ROLE reader_of_items")


def test_replace_that_cannot_be_is_refused_before_the_load(database, work):
    work.ok("copy", filled(work.folder, 20), database.uri("items"), "-q")
    database.run("CREATE VIEW seen AS SELECT id FROM items")
    done = work.run("copy", filled(work.folder, 30), database.uri("items"), "-q", "--on-exists", "replace", "--restart")
    assert done.returncode == 8 and "view seen" in done.stderr, done.stderr
    assert database.one("SELECT count(*) FROM items") == 20


def test_rollback_drops_what_the_run_made_and_nothing_else(database, work):
    work.ok("copy", filled(work.folder), database.uri("made"), "-q")
    work.ok("rollback", "last", "--yes")
    assert "made" not in database.tables()
    database.run("CREATE TABLE there (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(4))")
    work.ok("copy", filled(work.folder), database.uri("there"), "-q")
    assert database.one("SELECT count(*) FROM there") == ROWS
    work.ok("rollback", "last", "--yes")
    assert database.one("SELECT count(*) FROM there") == 0


def test_no_usable_key_is_refused_with_advice(database, work):
    database.run("CREATE TABLE loose (id text, document text, metadata jsonb, embedding vector(4))")
    done = work.run("copy", filled(work.folder, 5), database.uri("loose"), "-q")
    assert done.returncode == 8 and "CREATE UNIQUE INDEX" in done.stderr, done.stderr


def test_quoted_names_and_other_schemas(database, work):
    database.run('CREATE SCHEMA "Odd Schema"')
    target = database.uri('"Odd Schema"."T.able ""x"""')
    source = filled(work.folder, 5)
    work.ok("copy", source, target, "-q")
    assert database.one('SELECT count(*) FROM "Odd Schema"."T.able ""x"""') == 5
    work.forget()
    work.digest(source, target)


@pytest.fixture
def qdrant(tmp_path):
    double = qdrant_scenario.Double(tmp_path / "qdrant").start()
    yield double
    double.stop()


def test_from_qdrant_into_context_items(database, qdrant, work):
    from qdrant_client import models
    client = qdrant.client()
    client.create_collection("game_collection", vectors_config=models.VectorParams(size=8, distance=models.Distance.COSINE, hnsw_config=models.HnswConfigDiff(m=24, ef_construct=200)))
    points = [models.PointStruct(id=str(uuid.UUID(int=i * 7919 + 1)), vector=qdrant_scenario.vector(i + 1, 8),
                                 payload={"game_id": f"g{i % 3}", "user_id": f"u{i % 7}", "content": f"said {i}", "created_at": f"2024-05-06T07:08:{i % 60:02d}Z", "mood": {"n": i}}) for i in range(200)]
    client.upsert("game_collection", points, wait=True)
    source, target = f"qdrant://127.0.0.1:{qdrant.port}?layout=context-items#game_collection", database.uri("context_items")
    report = work.json("copy", source, target, "-q", *option("layout=context-items"))
    assert report["exit_code"] == 0 and report["written"] == 200, report
    columns = database.columns("context_items")
    assert list(columns) == ["id", "game_id", "user_id", "content", "embedding", "metadata", "created_at"] and columns["created_at"] == "timestamp with time zone"
    game, user, content, metadata, created = database.rows("SELECT game_id, user_id, content, metadata, created_at::text FROM context_items WHERE content = 'said 5'")[0]
    assert (game, user, content, metadata, created) == ("g2", "u5", "said 5", {"mood": {"n": 5}}, "2024-05-06 07:08:05+00")
    assert any("m='24'" in text and "ef_construction='200'" in text for text in database.indexes("context_items").values())


def spread(hits):
    return sorted({1, hits})


def test_killed_at_every_failpoint(database, work):
    source, target = filled(work.folder, 400), database.uri("kills")
    args = ["copy", source, target, "--batch-size", "100", "-q"]
    hits = harness.failpoints_of(work, *args)
    expected = work.digest(source, target)
    wanted = {"postgresql.create.before", "postgresql.create.after", "postgresql.copy.before", "postgresql.copy.after", "postgresql.defer.before", "postgresql.defer.after",
              "postgresql.index.before", "postgresql.index.after", "journal.ack.before"}
    assert wanted <= set(hits), set(hits)
    for point in [name for name in hits if name.startswith(("postgresql.", "deferral.", "journal.ack", "journal.intent"))]:
        for n in spread(hits[point]):
            work.forget()
            database.run("DROP TABLE IF EXISTS kills")
            killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{point}:{n}"})
            # How many there are depends on how fast the server answers.
            if killed.returncode == 0 and n > 1:
                continue
            assert killed.returncode == harness.KILLED, f"{point}:{n} was not reached: {killed.stderr}"
            again = work.run(*args)
            assert again.returncode == 0, f"after {point}:{n}: exit {again.returncode}\n{again.stderr}"
            assert work.digest(source, target) == expected, f"after {point}:{n}"
            assert any("USING hnsw" in text for text in database.indexes("kills").values()), f"after {point}:{n}"
            assert database.tables() == {"kills"}


@pytest.mark.parametrize("point", ["postgresql.create.after", "postgresql.copy.after", "postgresql.swap.before", "postgresql.swap.after", "postgresql.index.after"])
def test_a_replace_that_was_killed_goes_on(database, work, point):
    target = database.uri("items")
    work.ok("copy", filled(work.folder, 20), target, "-q")
    source = jsonl(work.folder / "new.jsonl", [record(i, document="new") for i in range(100, 160)])
    args = ["copy", source, target, "--on-exists", "replace", "-q"]
    killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{point}:1"})
    assert killed.returncode == harness.KILLED, killed.stderr
    if point != "postgresql.swap.after":
        assert database.one("SELECT count(*) FROM items") == 20
    work.ok(*args)
    assert database.one("SELECT count(*) FROM items WHERE document = 'new'") == 60 and database.tables() == {"items"}


@pytest.mark.parametrize("point", ["postgresql.merge.before", "postgresql.merge.after"])
def test_an_upsert_that_was_killed_goes_on_and_can_be_taken_back(database, work, point):
    target = database.uri("items")
    work.ok("copy", filled(work.folder, 50), target, "-q")
    source = jsonl(work.folder / "new.jsonl", [record(i, document="new") for i in range(30, 80)])
    args = ["copy", source, target, "--on-exists", "upsert", "--batch-size", "20", "-q"]
    assert work.run(*args, env={"VECFERRY_FAILPOINT": f"{point}:2"}).returncode == harness.KILLED
    work.ok(*args)
    assert database.one("SELECT count(*) FROM items") == 80 and database.one("SELECT count(*) FROM items WHERE document = 'new'") == 50
    work.ok("rollback", "last", "--yes")
    assert database.one("SELECT count(*) FROM items") == 50 and database.one("SELECT count(*) FROM items WHERE document = 'new'") == 0


def test_a_rollback_that_was_killed_is_finished_by_the_next(database, work):
    args = ["copy", filled(work.folder, 50), database.uri("items"), "-q"]
    work.ok(*args)
    for point in ("postgresql.drop.before", "postgresql.drop.after"):
        work.forget()
        database.run("DROP TABLE IF EXISTS items")
        work.ok(*args)
        assert work.run("rollback", "last", "--yes", env={"VECFERRY_FAILPOINT": f"{point}:1"}).returncode == harness.KILLED
        work.ok("rollback", "last", "--yes")
        assert "items" not in database.tables()
