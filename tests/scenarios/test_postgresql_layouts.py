"""Tables of applications: what LangChain's and LlamaIndex's packages wrote is read, and they open, count and search what is written."""
import functools
import json
import math
import subprocess
import uuid

import pytest

import harness
from postgresql_scenario import database, jsonl, option, postgres18, work  # noqa: F401


class Package:
    """A vendor's package in a process and an environment of its own."""

    running = []

    def __init__(self, environment):
        made = subprocess.run([str(harness.ROOT / "tools/vendor-env"), environment], stdout=subprocess.PIPE, check=True, text=True)
        self.process = subprocess.Popen([made.stdout.split()[-1], str(harness.ROOT / f"tests/vendor/{environment}.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.running.append(self.process)

    def ask(self, to, acts):
        """What each act gave."""
        self.process.stdin.write(json.dumps({"to": [str(word) for word in to], "acts": acts}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert isinstance(answer, list), answer["failed"]
        return answer


@functools.cache
def package(environment):
    return Package(environment)


@pytest.fixture(scope="module", autouse=True)
def ended():
    yield
    for process in Package.running:
        process.stdin.close()
        process.wait(timeout=30)
    Package.running.clear()
    package.cache_clear()


def langchain(database, *acts):
    return package("langchain_pg").ask([database.dsn], acts)


def llama_index(database, *acts):
    return package("llama_index_pg").ask(["127.0.0.1", database.server.port, database.name], acts)


def near(i):
    """Vectors of a direction each, so that a search has one right answer."""
    return [math.cos(i / 20), math.sin(i / 20), i / 64, 1.0]


def metadata(i):
    return {"n": i, "nested": {"list": [1, 2.5, None, True]}, "größe": f"g{i % 3}"}


def records(numbers, name="doc-{}"):
    return [{"id": name.format(i), "document": f"Text {i} – ünï", "metadata": metadata(i), "vectors": {"vector": near(i)}} for i in numbers]


def added(numbers, name="doc-{}"):
    """The same as an application adds them."""
    return [[name.format(i), f"Text {i} – ünï", metadata(i), near(i)] for i in numbers]


def source_of(work, numbers, file="in.jsonl", name="doc-{}", **schema):
    return jsonl(work.folder / file, records(numbers, name), **schema)


def read(work, source, *more):
    """id -> (document, metadata, vector), of a copy to a file."""
    out = work.folder / "out.jsonl"
    out.unlink(missing_ok=True)
    work.forget()
    work.ok("copy", source, f"jsonl:{out}", "-q", *more)
    lines = [json.loads(line) for line in out.read_text().splitlines()[1:]]
    assert len({(line.get("tenant"), line["id"]) for line in lines}) == len(lines)
    return {line["id"]: (line.get("document"), line["metadata"], line["vectors"]["vector"]) for line in lines}


def as_given(entries):
    return {name: (text, meta, pytest.approx(values, abs=1e-6)) for name, text, meta, values in entries}


def judged(found, numbers, name="doc-{}", of=lambda meta: meta):
    """What a search near each of `numbers` gave: the right one first, with its text and metadata."""
    for i, answers in zip(numbers, found, strict=True):
        first = answers[0]
        assert (first[0], first[1], of(first[2])) == (name.format(i), f"Text {i} – ünï", metadata(i)), answers[:2]


# ---- langchain-postgres, PGVector: collections in one table

TABLE = "langchain_pg_embedding"


def names_in(database, collection):
    return {row[0] for row in database.rows(f"SELECT e.id FROM {TABLE} e JOIN langchain_pg_collection c ON c.uuid = e.collection_id WHERE c.name = %s", collection)}


def collection(name):
    return option("layout=langchain-postgres", f"collection={name}")


@pytest.mark.parametrize("dims", [None, 4])
def test_a_collection_of_langchain_is_read_and_no_other(database, work, dims):
    langchain(database, {"store": "collection", "name": "c1", "dims": dims, "add": added(range(20))}, {"store": "collection", "name": "c2", "add": added(range(100, 107), "other-{}")})
    assert read(work, database.uri(TABLE), "--source-opt", "collection=c1") == as_given(added(range(20)))
    assert read(work, database.uri(TABLE), "--source-opt", "collection=c2") == as_given(added(range(100, 107), "other-{}"))
    # Without the option every collection is a tenant.
    work.ok("copy", database.uri(TABLE), f"jsonl:{work.folder}/all.jsonl", "-q")
    lines = [json.loads(line) for line in (work.folder / "all.jsonl").read_text().splitlines()[1:]]
    assert sorted((line["tenant"], line["id"]) for line in lines) == sorted([("c1", f"doc-{i}") for i in range(20)] + [("c2", f"other-{i}") for i in range(100, 107)])


def test_langchain_opens_a_collection_in_a_fresh_database(database, work):
    source = source_of(work, range(50))
    work.ok("copy", source, database.uri(TABLE), "-q", *collection("docs"))
    found, filtered = langchain(database, {"store": "collection", "name": "docs", "search": [near(i) for i in (3, 31)], "add": added([60])},
                                {"store": "collection", "name": "docs", "search": [near(7)], "filter": {"n": {"$lt": 3}}})
    judged(found, (3, 31))
    assert all(len(answers) == 51 for answers in found) and found[0][0][3] == pytest.approx(0, abs=1e-6)
    assert {one[0] for one in filtered[0]} == {"doc-0", "doc-1", "doc-2"}
    database.run(f"DELETE FROM {TABLE} WHERE id = 'doc-60'")
    work.forget()
    assert work.json("verify", source, database.uri(TABLE), *collection("docs"))["ok"]


def test_rows_go_into_a_collection_that_langchain_made_and_only_they_come_out(database, work):
    langchain(database, {"store": "collection", "name": "c1", "add": added(range(10))}, {"store": "collection", "name": "c2", "add": added(range(200, 205), "other-{}")})
    before = database.rows(f"SELECT * FROM {TABLE} ORDER BY id")
    target = database.uri(TABLE)
    source = source_of(work, range(5, 30))
    appended = work.json("copy", source, target, "-q", "--on-exists", "append", *collection("c1"))
    assert (appended["written"], appended["skipped"]) == (20, 5), appended
    assert work.json("verify", source, target, *collection("c1"))["ok"]
    found, other = langchain(database, {"store": "collection", "name": "c1", "search": [near(i) for i in (2, 25)]}, {"store": "collection", "name": "c2", "search": [near(202)]})
    judged(found, (2, 25))
    judged(other, (202,), "other-{}")
    assert len(found[0]) == 30 and len(other[0]) == 5
    work.ok("rollback", "last", "--yes")
    assert database.rows(f"SELECT * FROM {TABLE} ORDER BY id") == before

    changed = jsonl(work.folder / "changed.jsonl", [{**one, "document": "changed"} for one in records(range(5, 30))])
    work.ok("copy", changed, target, "-q", "--on-exists", "upsert", *collection("c1"))
    assert work.json("verify", changed, target, *collection("c1"))["ok"]
    assert len(names_in(database, "c1")) == 30 and database.one(f"SELECT count(*) FROM {TABLE} WHERE document = 'changed'") == 25
    work.ok("rollback", "last", "--yes")
    assert database.rows(f"SELECT * FROM {TABLE} ORDER BY id") == before


def test_a_new_collection_beside_others_is_removed_with_its_rows(database, work):
    langchain(database, {"store": "collection", "name": "c1", "add": added(range(10))})
    before = database.rows(f"SELECT * FROM {TABLE} ORDER BY id")
    source = source_of(work, range(20), name="new-{}")
    work.ok("copy", source, database.uri(TABLE), "-q", *collection("c2"))
    [found] = langchain(database, {"store": "collection", "name": "c2", "search": [near(4)]})
    judged(found, (4,), "new-{}")
    assert len(found[0]) == 20 and len(names_in(database, "c1")) == 10
    assert work.json("verify", source, database.uri(TABLE), *collection("c2"))["ok"]
    work.ok("rollback", "last", "--yes")
    assert database.rows(f"SELECT * FROM {TABLE} ORDER BY id") == before
    assert database.rows("SELECT name FROM langchain_pg_collection") == [("c1",)]


def test_an_id_of_another_collection_is_a_reject_and_stays_where_it_is(database, work):
    langchain(database, {"store": "collection", "name": "c1", "add": added(range(10))}, {"store": "collection", "name": "c2"})
    report = work.json("copy", source_of(work, range(8, 14)), database.uri(TABLE), "-q", "--on-exists", "upsert", *collection("c2"), code=3)
    assert (report["written"], report["rejected"]) == (4, 2), report
    assert names_in(database, "c1") == {f"doc-{i}" for i in range(10)} and names_in(database, "c2") == {f"doc-{i}" for i in range(10, 14)}


# ---- langchain-postgres, PGVectorStore: a table for each store

def uuids(numbers):
    return {i: str(uuid.UUID(int=i + 7919)) for i in numbers}


def with_uuids(entries, numbers):
    return [[uuids(numbers)[i], *one[1:]] for i, one in zip(numbers, entries)]


def uuid_source(work, numbers, file="in.jsonl"):
    return jsonl(work.folder / file, [{**one, "id": uuids(numbers)[i]} for i, one in zip(numbers, records(numbers))], id_kind="uuid")


def test_a_table_of_langchain_is_read(database, work):
    entries = with_uuids(added(range(20)), range(20))
    langchain(database, {"store": "table", "name": "plain", "dims": 4, "add": entries}, {"store": "table", "name": "columns", "dims": 4, "columns": {"n": "INTEGER"}, "add": entries})
    assert read(work, database.uri("plain")) == as_given(entries)
    assert read(work, database.uri("columns")) == as_given(entries)


def test_langchain_opens_a_fresh_table(database, work):
    source = uuid_source(work, range(30))
    work.ok("copy", source, database.uri("fresh"), "-q", *option("layout=langchain-store"))
    [found] = langchain(database, {"store": "table", "name": "fresh", "search": [near(i) for i in (3, 21)]})
    assert [[one[0][1], one[0][2]] for one in found] == [[f"Text {i} – ünï", metadata(i)] for i in (3, 21)] and len(found[0]) == 30
    assert found[0][0][0] == uuids([3])[3]
    work.forget()
    work.digest(source, database.uri("fresh"))


@pytest.mark.parametrize("policy", ["append", "upsert"])
def test_rows_go_into_a_table_that_langchain_made(database, work, policy):
    act = {"store": "table", "name": "there", "columns": {"n": "INTEGER"}}
    langchain(database, {**act, "dims": 4, "add": with_uuids(added(range(10)), range(10))})
    before = database.rows("SELECT langchain_id, content, n, langchain_metadata::text, embedding::text FROM there ORDER BY n")
    source = uuid_source(work, range(8, 30))
    report = work.json("copy", source, database.uri("there"), "-q", "--on-exists", policy)
    assert (report["written"], report["skipped"]) == ((20, 2) if policy == "append" else (22, 0)), report
    assert work.json("verify", source, database.uri("there"))["ok"]
    [found] = langchain(database, {**act, "search": [near(i) for i in (2, 25)]})
    assert [[one[0][0], one[0][1], one[0][2]] for one in found] == [[uuids([i])[i], f"Text {i} – ünï", metadata(i)] for i in (2, 25)] and len(found[0]) == 30
    work.ok("rollback", "last", "--yes")
    assert database.rows("SELECT langchain_id, content, n, langchain_metadata::text, embedding::text FROM there ORDER BY n") == before


# ---- LlamaIndex

THEIRS = ("_node_content", "_node_type", "document_id", "doc_id", "ref_doc_id")


def of_user(meta):
    return {key: value for key, value in meta.items() if key not in THEIRS}


def nodes(numbers, name="doc-{}"):
    return [[*one, f"source-{one[2]['n'] % 4}"] for one in added(numbers, name)]


@pytest.mark.parametrize("more", [{}, {"hybrid_search": True, "use_jsonb": True, "hnsw_kwargs": {"hnsw_m": 8, "hnsw_ef_construction": 32, "hnsw_ef_search": 40, "hnsw_dist_method": "vector_cosine_ops"}}])
def test_a_table_of_llama_index_is_read_and_copied_to_another(database, work, more):
    llama_index(database, {"name": "lot", "dims": 4, "more": more, "add": nodes(range(20))}, {"name": "rest", "dims": 4, "add": nodes(range(100, 103))})
    got = read(work, database.uri("data_lot"))
    assert {name: (text, of_user(meta), values) for name, (text, meta, values) in got.items()} == as_given(added(range(20)))
    assert all(meta["_node_type"] == "TextNode" and meta["ref_doc_id"] == f"source-{meta['n'] % 4}" and json.loads(meta["_node_content"])["id_"] == name for name, (_, meta, _) in got.items())
    # What they were made from comes along.
    work.ok("copy", f"jsonl:{work.folder}/out.jsonl", database.uri("data_new"), "-q", "--metric", "cosine", *option("layout=llama-index"))
    [found] = llama_index(database, {"name": "new", "dims": 4, "search": [near(i) for i in (3, 17)], "add": nodes([40])})
    judged(found, (3, 17))
    assert [one[0][4] for one in found] == ["source-3", "source-1"] and len(found[0]) == 21


def test_llama_index_opens_a_fresh_table_of_plain_records(database, work):
    source = source_of(work, range(30))
    work.ok("copy", source, database.uri("data_fresh"), "-q", *option("layout=llama-index"))
    work.forget()
    work.digest(source, database.uri("data_fresh"))
    [found, some] = llama_index(database, {"name": "fresh", "dims": 4, "search": [near(i) for i in (3, 21)]}, {"name": "fresh", "dims": 4, "search": [near(3)], "where": {"größe": "g1"}})
    judged(found, (3, 21))
    assert len(found[0]) == 30 and found[0][0][3] == pytest.approx(1, abs=1e-6)
    assert {one[0] for one in some[0]} == {f"doc-{i}" for i in range(1, 30, 3)}
    # Nothing of the run is left that would keep the application from adding a node again.
    assert not any("vecferry" in name for name in database.indexes("data_fresh"))


def test_rows_go_into_a_table_that_llama_index_made(database, work):
    act = {"name": "there", "dims": 4}
    llama_index(database, {**act, "add": nodes(range(10))})
    before = database.rows("SELECT id, text, metadata_::text, node_id, embedding::text FROM data_there ORDER BY id")
    source, target = source_of(work, range(8, 30)), database.uri("data_there")
    refused = work.run("copy", source, target, "-q", "--on-exists", "append")
    assert refused.returncode == 8 and "CREATE UNIQUE INDEX" in refused.stderr, refused.stderr
    assert database.rows("SELECT id, text, metadata_::text, node_id, embedding::text FROM data_there ORDER BY id") == before
    database.run("CREATE UNIQUE INDEX ON data_there (node_id)")
    report = work.json("copy", source, target, "-q", "--on-exists", "append", "--restart", code=3)
    assert (report["written"], report["rejected"]) == (20, 2), report
    [found] = llama_index(database, {**act, "search": [near(i) for i in (2, 25)]})
    judged(found, (2, 25))
    assert [one[0][4] for one in found] == ["source-2", None] and len(found[0]) == 30
    work.ok("rollback", "last", "--yes")
    assert database.rows("SELECT id, text, metadata_::text, node_id, embedding::text FROM data_there ORDER BY id") == before
    work.ok("copy", source, target, "-q", "--on-exists", "upsert", "--restart")
    assert work.json("verify", source, target)["ok"]
    assert database.one("SELECT count(*) FROM data_there") == 30
    work.ok("rollback", "last", "--yes")
    assert database.rows("SELECT id, text, metadata_::text, node_id, embedding::text FROM data_there ORDER BY id") == before


# ---- documents(id, content, metadata, embedding), as scripts insert into it

def insert(database, entries):
    from pgvector import Vector
    from psycopg.types.json import Jsonb
    with database.connect() as connection, connection.cursor() as cursor:
        for name, text, meta, values in entries:
            cursor.execute("INSERT INTO documents (id, content, metadata, embedding) VALUES (%s, %s, %s, %s)", (name, text, Jsonb(meta), Vector(values)))


def search(database, values):
    return database.rows("SELECT id, content, metadata FROM documents ORDER BY embedding <=> %s::vector", str(values))


@pytest.mark.parametrize("made", ["theirs", "fresh"])
def test_documents(database, work, made):
    target, there = database.uri("documents"), made == "theirs"
    source = source_of(work, range(5, 30))
    if there:
        database.run("CREATE TABLE documents (id text PRIMARY KEY, content text, metadata jsonb, embedding vector(4))")
        insert(database, added(range(5)))
        assert read(work, target) == as_given(added(range(5)))
        work.ok("copy", source, target, "-q", "--on-exists", "append")
    else:
        work.ok("copy", source, target, "-q", *option("layout=documents"))
        work.forget()
        work.digest(source, target)
        insert(database, added(range(5)))
    for i in (2, 17):
        found = search(database, near(i))
        assert found[0] == (f"doc-{i}", f"Text {i} – ünï", metadata(i)) and len(found) == 30
    if there:
        work.ok("rollback", "last", "--yes")
        assert sorted(row[0] for row in search(database, near(0))) == [f"doc-{i}" for i in range(5)]
