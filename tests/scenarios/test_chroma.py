"""chroma: against the vendor's own server, judged by the vendor's own client."""
import json
import pathlib
import random
import sys
import urllib.parse

import pytest

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
from chroma_fixtures import chroma, chroma_server  # noqa: E402,F401

ROWS = 40


def vector(i):
    """Exact in single precision, never zero, the same for the same i."""
    return [((i * 7 + k * 3) % 17 - 8.5) / 4 for k in range(4)]


def records(rows=ROWS, first=0):
    """As the vendor's client takes them: every kind of value, records without document or metadata."""
    def metadata(i):
        if i % 5 == 4:
            return None
        return {"n": i, "big": 2**53 + 1, "low": -2**63, "one": 1.0, "part": 0.1, "yes": i % 2 == 0, "text": f"ü \"{i}\"\n日本 \x01", "tags": ["x", "y", "x"], "whole": [1, 2**53 + 1],
                "parts": [0.5, 1.0], "flags": [True, False], "a.b": 1, "it's": 2, " ": 3}
    ids = range(first, first + rows)
    return [{"ids": [f"id/{i} ü#?%" for i in ids], "embeddings": [vector(i) for i in ids], "metadatas": [metadata(i) for i in ids],
             "documents": [None if i % 3 == 2 else "" if i == 1 else f"text {i}\t\u2028" for i in ids], "uris": [f"s3://b/{i}" if i % 4 == 0 else None for i in ids]}]


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def write(path, rows, metric="l2"):
    """A file of ours; rows are (id, vector, document, metadata)."""
    schema = {"id_kind": "string", "tenant": False, "document": True, "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": len(rows[0][1]), "metric": metric}]}
    with open(path, "w") as out:
        out.write(json.dumps({"vecferry": 1, "schema": schema}, separators=(",", ":")) + "\n")
        for id, values, document, metadata in rows:
            out.write(json.dumps({"id": id, "vectors": {"vector": values}, **({"document": document} if document is not None else {}), "metadata": metadata}) + "\n")
    return path


def test_what_the_vendor_wrote_comes_to_another_server_as_it_was(chroma, work):
    configuration = {"hnsw": {"space": "ip", "ef_construction": 55, "ef_search": 44, "max_neighbors": 20, "sync_threshold": 500}}
    chroma.act("make", name="docs", records=records(), configuration=configuration, metadata={"owner": "me", "n": 1, "x": 1.5, "yes": True})
    report = work.json("copy", chroma.uri("docs"), chroma.uri("again"))
    assert report["exit_code"] == 0 and report["written"] == ROWS
    before, after = chroma.told("docs"), chroma.told("again")
    assert after == before
    assert after["configuration"]["hnsw"]["ef_construction"] == 55 and after["metadata"]["x"] == 1.5


def test_through_a_file_and_back_nothing_is_lost(chroma, work):
    chroma.act("make", name="docs", records=records())
    file = f"jsonl:{work.folder}/docs.jsonl"
    work.ok("copy", chroma.uri("docs"), file)
    work.ok("copy", file, chroma.uri("back"))
    assert chroma.told("back")["records"] == chroma.told("docs")["records"]
    assert work.digest(file, chroma.uri("back")) == work.digest(chroma.uri("docs"), file)


@pytest.mark.parametrize("how, metric", [({}, "l2"), ({"metadata": {"hnsw:space": "cosine", "hnsw:M": 24}}, "cosine"), ({"configuration": {"hnsw": {"space": "cosine"}}}, "cosine"),
                                         ({"configuration": {"hnsw": {"space": "ip"}}, "metadata": {"hnsw:space": "cosine"}}, "dot")])
def test_the_metric_is_read_from_wherever_it_stands_and_carried(chroma, work, how, metric):
    chroma.act("make", name="docs", records=[{"ids": ["a", "b"], "embeddings": [[3, 4], [1, 0]]}], **how)
    plan = work.json("plan", chroma.uri("docs"), chroma.uri("again"))
    assert json.dumps(plan).count(f'"metric": "{metric}"') + json.dumps(plan).count(f'"metric":"{metric}"') > 0, plan
    work.ok("copy", chroma.uri("docs"), chroma.uri("again"))
    before, after = chroma.told("docs"), chroma.told("again")
    assert after["configuration"] == before["configuration"]
    assert (after["metadata"] or {}).get("hnsw:M") == (before["metadata"] or {}).get("hnsw:M")
    assert chroma.act("query", name="again", vectors=[[1, 0.1]]) == chroma.act("query", name="docs", vectors=[[1, 0.1]])
    work.ok("verify", chroma.uri("docs"), chroma.uri("again"))


def test_a_record_that_is_overwritten_is_exactly_what_comes(chroma, work):
    chroma.act("make", name="docs", records=[{"ids": ["a", "b", "c", "kept"], "embeddings": [vector(i) for i in range(4)], "documents": ["old a", "old b", None, "kept"],
                                              "metadatas": [{"gone": 1, "stays": "old", "type": 1}, {"gone": [1, 2]}, {"x": 1}, {"k": 1}], "uris": [None, None, "s3://gone", None]}])
    before = chroma.told("docs")["records"]
    file = write(work.folder / "new.jsonl", [("a", vector(11), "new a", {"stays": "new", "type": "text"}), ("b", vector(12), None, {}), ("c", vector(13), "now with", {"x": 2})])
    run = work.json("copy", f"jsonl:{file}", chroma.uri("docs"), "--on-exists", "upsert")
    told = chroma.told("docs")["records"]
    assert told == {"a": [vector(11), "new a", {"stays": "new", "type": "text"}, None], "b": [vector(12), None, None, None],
                    "c": [vector(13), "now with", {"x": 2}, None], "kept": before["kept"]}
    work.ok("rollback", run["run"], "--yes")
    assert chroma.told("docs")["records"] == before


def test_what_chroma_would_change_without_a_word_is_found_before_or_rejected(chroma, work):
    nested = write(work.folder / "nested.jsonl", [("a", vector(1), "x", {"o": {"p": 1}}), ("b", vector(2), "x", {"n": None}), ("c", vector(3), "x", {"n": 1})])
    assert work.run("copy", f"jsonl:{nested}", chroma.uri("docs")).returncode == 8
    plan = work.run("plan", f"jsonl:{nested}", chroma.uri("docs")).stdout
    assert "not held: nested_object (1 record)" in plan and "not held: null (1 record)" in plan, plan
    assert chroma.act("names") == []
    odd = write(work.folder / "odd.jsonl", [("empty", vector(1), "x", {"l": []}), ("mixed", vector(2), "x", {"l": [1, 2.5]}), ("zero", vector(3), "x", {"z": -0.0}), ("good", vector(4), "x", {"l": [1]})])
    assert work.run("copy", f"jsonl:{odd}", chroma.uri("docs")).returncode == 8 and chroma.act("names") == []
    report = work.json("copy", f"jsonl:{odd}", chroma.uri("docs"), "--unsupported", "reject", code=3)
    assert report["rejected"] == 3
    assert set(chroma.told("docs")["records"]) == {"good"}


def test_json_text_keeps_what_chroma_does_not_hold(chroma, work):
    odd = {"n": None, "o": {"a": [1, {"b": 2.0}]}, "l": [1, "x"], "e": [], "i": 2**63, "d": 933.1286246343909, "plain": "y", "_json": "mine"}
    file = write(work.folder / "odd.jsonl", [("a", vector(1), "text", odd), ("b", vector(2), None, {"x": 1})])
    uri = chroma.uri("docs").replace("#", "?metadata=json#")
    assert work.json("copy", f"jsonl:{file}", uri)["verify"]["ok"]
    found = chroma.told("docs")["records"]["a"][2]
    assert found["plain"] == "y" and json.loads(found["o"]) == odd["o"] and json.loads(found["_json"]) == ["n", "o", "l", "e", "i", "d"] and found["\\_json"] == "mine"
    # It needs no option to be read, here and out of the folder.
    work.ok("copy", chroma.uri("docs"), f"jsonl:{work.folder}/back.jsonl")
    work.ok("verify", f"jsonl:{file}", f"jsonl:{work.folder}/back.jsonl")
    changed = write(work.folder / "less.jsonl", [("a", vector(1), "text", {"plain": "z"})])
    work.ok("copy", f"jsonl:{changed}", uri, "--on-exists", "upsert")
    assert chroma.told("docs")["records"]["a"][2] == {"plain": "z"}, "the marks of what was overwritten are gone"


def test_keys_that_would_end_the_server_or_be_dropped_come_back(chroma, work):
    odd = {"chroma:document": 5, "chroma:x": "y", "#a": 1, "$b": 2, "": 3, "\\": 4, "\\$b": 5, "chroma:uri": "s3://u"}
    file = write(work.folder / "odd.jsonl", [("a", vector(1), "text", odd), ("b", vector(2), None, {"chroma:document": "mine"})])
    work.ok("copy", f"jsonl:{file}", chroma.uri("docs"))
    work.ok("copy", chroma.uri("docs"), f"jsonl:{work.folder}/back.jsonl")
    work.ok("verify", f"jsonl:{file}", f"jsonl:{work.folder}/back.jsonl")
    told = chroma.told("docs")["records"]["a"]
    assert told[1] == "text" and told[3] == "s3://u" and told[2]["\\chroma:document"] == 5


def test_replace_takes_the_place_at_the_end(chroma, work):
    chroma.act("make", name="docs", records=records(5, 100))
    file = write(work.folder / "new.jsonl", [(f"n{i}", vector(i), None, {"i": i}) for i in range(3)])
    assert work.run("copy", f"jsonl:{file}", chroma.uri("docs"), "--on-exists", "replace").returncode == 8  # needs --yes
    work.ok("copy", f"jsonl:{file}", chroma.uri("docs"), "--on-exists", "replace", "--yes")
    assert chroma.act("names") == ["docs"]
    assert set(chroma.told("docs")["records"]) == {"n0", "n1", "n2"}


def test_an_empty_collection_takes_the_dimension_of_what_comes(chroma, work):
    chroma.act("make", name="cos", configuration={"hnsw": {"space": "cosine"}})
    file = write(work.folder / "new.jsonl", [("a", [3, 4], None, {})])
    assert work.run("copy", f"jsonl:{file}", chroma.uri("cos")).returncode == 8
    work.ok("copy", f"jsonl:{write(file, [('a', [3, 4], None, {})], 'cosine')}", chroma.uri("cos"))
    assert chroma.told("cos")["count"] == 1


def test_names_of_every_kind(chroma, work):
    for name in ("ab", "a b c", "_abc", "a..b", "127.0.0.1", "ü-docs", "a/b/c"):
        done = work.run("copy", f"jsonl:{write(work.folder / 'x.jsonl', [('a', vector(1), None, {})])}", chroma.uri(urllib.parse.quote(name, safe="")))
        harness.refused(done, 2, "target", "name", "name another")
    chroma.act("make", name="documents", records=records(3))
    harness.refused(work.run("copy", chroma.uri("document"), f"jsonl:{work.folder}/x"), 5, "source", "did you mean documents", "inspect")
    assert chroma.act("names") == ["documents"]


def test_a_database_of_ones_own(chroma, work):
    chroma.act("database", name="other_base")
    chroma.act("make", name="docs", records=records(5), database="other_base")
    chroma.act("make", name="more", records=records(2), database="other_base")
    other = f"chroma://127.0.0.1:{chroma.port}/default_tenant/other_base"
    assert [d["name"] for d in work.json("inspect", other)["datasets"]] == ["docs", "more"]
    work.ok("copy", other + "#docs", chroma.uri("here"))
    assert chroma.told("here")["records"] == chroma.told("docs", database="other_base")["records"]
    work.ok("copy", chroma.uri("here"), f"chroma://127.0.0.1:{chroma.port}?database=other_base#back")
    assert chroma.act("names", database="other_base") == ["back", "docs", "more"]
    harness.refused(work.run("inspect", f"chroma://127.0.0.1:{chroma.port}/default_tenant/othr_base#docs"), 5, "source", "no database 'othr_base'", "TENANT/DATABASE")
    assert work.run("inspect", f"chroma://127.0.0.1:{chroma.port}/default_tenant#docs").returncode == 2


def test_the_servers_neighbours_are_those_of_the_source(chroma, work):
    draw = random.Random(7)
    vectors = [[draw.gauss(0, 1) for _ in range(8)] for _ in range(220)]
    chroma.act("make", name="docs", records=[{"ids": [f"id{i}" for i in range(200)], "embeddings": vectors[:200]}], configuration={"hnsw": {"space": "cosine"}})
    work.ok("copy", chroma.uri("docs"), chroma.uri("again"))
    assert chroma.act("query", name="again", vectors=vectors[200:]) == chroma.act("query", name="docs", vectors=vectors[200:])
    report = work.json("verify", chroma.uri("docs"), chroma.uri("again"), "--level", "search")
    assert report["ok"], report


def test_what_a_deleted_collection_leaves_behind_is_nobody_elses(chroma, work):
    """The server keeps the arrays of records whose collection is deleted, and gives them to the next."""
    chroma.act("make", name="old", records=records(20))
    chroma.act("drop", name="old")
    chroma.act("make", name="vendors", records=[{"ids": ["a", "b"], "embeddings": [vector(1), vector(2)], "metadatas": [{"n": 1}, None]}])
    assert chroma.told("vendors")["records"]["a"][2] != {"n": 1}, "the server is cured: RemoveStrays is not needed any more"
    chroma.act("drop", name="vendors")
    chroma.act("make", name="old", records=records(20))
    chroma.act("drop", name="old")
    file = write(work.folder / "new.jsonl", [(f"n{i}", vector(i), None, {"n": i} if i % 2 else {}) for i in range(20)])
    work.ok("copy", f"jsonl:{file}", chroma.uri("docs"))
    assert {id: r[2] for id, r in chroma.told("docs")["records"].items()} == {f"n{i}": {"n": i} if i % 2 else None for i in range(20)}


def test_doctor_says_what_is_there_and_what_is_in_the_way(chroma, work):
    told = work.run("doctor", chroma.uri()).stdout
    assert "API v2" in told and "records in one write" in told
    assert "no database" in work.run("doctor", f"{chroma.uri()}/default_tenant/nope").stdout
