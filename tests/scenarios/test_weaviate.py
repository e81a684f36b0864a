"""Weaviate: what the vendor's client wrote is read, and reads what is written."""
import json

import pytest

import harness
from weaviate_scenario import class_name, plain, read_lines, weaviate, weaviate_double, weaviate_real, write_lines  # noqa: F401

FIRST, SECOND = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def test_what_the_client_wrote_is_read_and_written_back_as_it_was(weaviate, class_name, work):  # noqa: F811
    weaviate.act("make_every", class_name)
    lines = f"jsonl:{work.folder}/every.jsonl"
    work.ok("copy", weaviate.uri(class_name), lines)
    records = read_lines(work.folder / "every.jsonl")
    first = records[None, FIRST]
    assert first["metadata"]["whole"] == 9007199254740992 and first["metadata"]["number"] == 1.0 and isinstance(first["metadata"]["number"], float)
    assert first["metadata"]["day"] == {"$vf": "datetime", "v": "2024-05-06T07:08:09.123456Z"} and first["metadata"]["bytes"] == {"$vf": "bytes", "v": "AAEC"}
    assert first["metadata"]["place"] == {"$vf": "geo", "v": "1.5,-2.25"} and first["metadata"]["phone"]["input"] == "+49 171 1234567"
    assert first["metadata"]["thing"] == {"inner": "deep", "count": 3, "list": [1.0, 2.5]} and first["metadata"]["text"] == "x\u0000y \u2028 Ü"
    assert first["vectors"] == {"vector:title": [3, 4], "vector:body": [0.1, -0.2, 1e-30], "multi:tokens": [[1, 2], [3, 4], [5, 6]]}
    assert records[None, SECOND] == {"metadata": {"text": "second"}, "vectors": {"vector:body": [1, 2, 3]}}
    # The settings of the class come with it, and the client sees the same objects.
    work.ok("copy", lines, weaviate.uri(class_name + "Copy"))
    before, after = (weaviate.act("look", name) for name in (class_name, class_name + "Copy"))
    assert after["vectors"] == before["vectors"]
    assert {k: v for k, v in after["properties"].items() if not k.startswith("_vecferry")} == before["properties"]
    for identity, (properties, vectors) in before["objects"].items():
        assert {k: v for k, v in after["objects"][identity][0].items() if not k.startswith("_vecferry")} == properties
        assert after["objects"][identity][1] == vectors


def test_records_of_other_stores_become_typed_properties(weaviate, class_name, work):  # noqa: F811
    records = [{"id": "a/b", "document": "one", "metadata": {"n": 1, "x": 1.5, "t": "s", "ok": True, "l": ["a"], "o": {"k": 1}, "source-file": "f.txt", "Upper": 2, "when": {"$vf": "datetime", "v": "2024-05-06T07:08:09Z"}}},
               {"id": FIRST, "document": "two", "metadata": {"n": 2.5, "x": 3, "t": 7, "l": [], "o": {"k": "other"}, "createdAt": "x", "createdat": "y"}}]
    lines = write_lines(work.folder / "in.jsonl", records)
    report = work.json("copy", lines, weaviate.uri(class_name))
    assert report["written"] == 2
    seen = weaviate.act("look", class_name)
    assert {name: seen["properties"][name] for name in ("n", "x", "t", "ok", "l", "o", "vf_source_2dfile", "vf__55pper", "when", "document", "_vecferry_id", "_vecferry")} == {
        "n": "number", "x": "number", "t": "text", "ok": "boolean", "l": "text[]", "o": "object", "vf_source_2dfile": "text", "vf__55pper": "int", "when": "date", "document": "text",
        "_vecferry_id": "text", "_vecferry": "text"}
    assert seen["objects"][FIRST][0]["x"] == {"float": (3.0).hex()} and seen["objects"][FIRST][0]["t"] is None
    mapped = next(each for identity, each in seen["objects"].items() if identity != FIRST)
    assert mapped[0]["_vecferry_id"] == "a/b"
    work.ok("copy", weaviate.uri(class_name), f"jsonl:{work.folder}/out.jsonl")
    back = read_lines(work.folder / "out.jsonl")
    for record in records:
        assert back[None, record["id"]]["metadata"] == record["metadata"]
        assert {key: type(value) for key, value in back[None, record["id"]]["metadata"].items()} == {key: type(value) for key, value in record["metadata"].items()}


def test_integers_that_would_be_rounded_are_refused_or_kept_as_text(weaviate_double, class_name, work):  # noqa: F811
    weaviate = weaviate_double  # noqa: F811
    big = 9007199254740993
    lines = write_lines(work.folder / "in.jsonl", [{"id": "a", "metadata": {"n": big}}, {"id": "b", "metadata": {"n": 5}}, {"id": "c", "metadata": {"n": 1, "m": None}}])
    planned = work.ok("plan", lines, weaviate.uri(class_name), code=8).stdout
    assert "not held: int64" in planned and "not held: null" in planned
    work.ok("copy", lines, weaviate.uri(class_name), code=8)
    done = work.json("copy", lines, weaviate.uri(class_name), "--unsupported", "reject", code=3)
    assert done["written"] == 1 and done["rejected"] == 2
    work.ok("copy", lines, weaviate.uri(class_name + "Text", inexact="text"))
    work.ok("copy", weaviate.uri(class_name + "Text"), f"jsonl:{work.folder}/out.jsonl")
    back = read_lines(work.folder / "out.jsonl")
    assert back[None, "a"]["metadata"] == {"n": big} and back[None, "c"]["metadata"] == {"n": 1, "m": None}
    held = weaviate.act("look", class_name + "Text")["objects"]
    assert sorted(each[0]["n"] is None for each in held.values()) == [False, False, True]


def test_tenants_that_sleep_are_woken_and_put_back(weaviate, class_name, work):  # noqa: F811
    weaviate.act("make_many", class_name, 40, 3, "dot", ["one", "two", "three"], ["two", "three"])
    before = weaviate.act("tenants", class_name)
    planned = work.ok("plan", weaviate.uri(class_name), f"jsonl:{work.folder}/out.jsonl")
    assert weaviate.act("tenants", class_name) == before, planned.stdout
    work.ok("copy", weaviate.uri(class_name), f"jsonl:{work.folder}/out.jsonl")
    assert weaviate.act("tenants", class_name) == before
    found = read_lines(work.folder / "out.jsonl")
    assert {tenant: sum(key[0] == tenant for key in found) for tenant in ("one", "two", "three")} == {"one": 40, "two": 40, "three": 40}
    # The way back: a class that keeps tenants apart again, also those whose names it does not take.
    work.ok("copy", f"jsonl:{work.folder}/out.jsonl", weaviate.uri(class_name + "Copy"))
    again = weaviate.act("look", class_name + "Copy")
    assert set(again["objects"]) == {"one", "two", "three"} and len(again["objects"]["two"]) == 40
    work.ok("verify", weaviate.uri(class_name), weaviate.uri(class_name + "Copy"))
    assert weaviate.act("tenants", class_name) == before


def test_tenants_that_a_killed_run_left_awake_are_put_back_by_the_next(weaviate, class_name, work):  # noqa: F811
    weaviate.act("make_many", class_name, 40, 3, "dot", ["one", "two"], ["two"])
    target = f"jsonl:{work.folder}/out.jsonl"
    killed = work.run("copy", weaviate.uri(class_name), target, env={"VECFERRY_FAILPOINT": "weaviate.wake.after:2"})
    if killed.returncode != harness.KILLED:  # woken once alone: to be read
        work.forget("out.jsonl")
        killed = work.run("copy", weaviate.uri(class_name), target, "--restart", env={"VECFERRY_FAILPOINT": "weaviate.wake.after:1"})
    assert killed.returncode == harness.KILLED
    assert weaviate.act("tenants", class_name) == {"one": "ACTIVE", "two": "ACTIVE"}
    told = work.run("doctor", weaviate.uri(class_name))
    assert "left tenants" in told.stdout + told.stderr
    work.ok("copy", weaviate.uri(class_name), target)
    assert weaviate.act("tenants", class_name) == {"one": "ACTIVE", "two": "INACTIVE"}
    assert len(read_lines(work.folder / "out.jsonl")) == 80


def test_a_sleeping_tenant_is_written_to_and_put_back(weaviate, class_name, work):  # noqa: F811
    weaviate.act("make_many", class_name, 10, 3, "cosine", ["one", "two"], ["two"])
    lines = write_lines(work.folder / "in.jsonl", [{"id": f"x{i}", "tenant": tenant, "document": "d", "metadata": {"n": i}} for i in range(20) for tenant in ("two", "ü/neu")], tenant=True)
    work.ok("copy", lines, weaviate.uri(class_name), "--on-exists", "append")
    assert weaviate.act("tenants", class_name) == {"one": "ACTIVE", "two": "INACTIVE", "vf--c3-bc-2fneu": "ACTIVE"}


def test_objects_at_fault_inside_an_answer_that_is_ok_are_rejects(weaviate, class_name, work):  # noqa: F811
    weaviate.act("make_every", class_name)
    vectors = [{"name": "body", "kind": "dense", "element": "f32", "dims": 3, "metric": "l2"}]
    records = [{"id": f"p{i}", "metadata": {"phone": {"input": "no number" if i % 5 == 0 else "+49 171 1234567"}}, "vectors": {"vector:body": [1, 2, i]}} for i in range(20)]
    lines = write_lines(work.folder / "in.jsonl", records, vectors=vectors)
    report = work.json("copy", lines, weaviate.uri(class_name), "--on-exists", "append", code=3)
    assert (report["written"], report["rejected"]) == (16, 4)
    assert len(weaviate.act("look", class_name)["objects"]) == 18


def test_references_are_carried_as_metadata(weaviate, class_name, work):  # noqa: F811
    weaviate.act("make_references", class_name)
    work.ok("copy", weaviate.uri(class_name), f"jsonl:{work.folder}/out.jsonl")
    found = read_lines(work.folder / "out.jsonl")
    assert found[None, FIRST]["metadata"]["seeAlso"] == [f"weaviate://localhost/{class_name}Target/00000000-0000-4000-8000-000000000077"]
    assert "seeAlso" not in found[None, SECOND]["metadata"]


def test_a_name_gets_its_capital_and_the_plan_says_so(weaviate_double, class_name, work):  # noqa: F811
    lower = class_name[0].lower() + class_name[1:]
    lines = write_lines(work.folder / "in.jsonl", plain(3))
    assert f"the class is named '{class_name}'" in work.ok("plan", lines, weaviate_double.uri(lower)).stdout
    work.ok("copy", lines, weaviate_double.uri(lower))
    assert class_name in weaviate_double.act("names")
    near = work.ok("inspect", weaviate_double.uri(class_name + "x"), code=5)
    assert class_name in near.stderr
    assert "no class's name" in work.ok("inspect", weaviate_double.uri("not%20a%20name"), code=2).stderr


def test_rollback_drops_what_was_made_and_restores_what_was_there(weaviate, class_name, work):  # noqa: F811
    lines = write_lines(work.folder / "in.jsonl", plain(30))
    made = work.json("copy", lines, weaviate.uri(class_name))
    before = weaviate.act("look", class_name)["objects"]
    changed = write_lines(work.folder / "more.jsonl", plain(40, changed=True))
    upserted = work.json("copy", changed, weaviate.uri(class_name), "--on-exists", "upsert")
    assert weaviate.act("look", class_name)["objects"] != before
    work.ok("rollback", upserted["run"], "--yes")
    after = weaviate.act("look", class_name)["objects"]
    assert {k: [{n: v for n, v in p.items() if n != "changed"}, x] for k, (p, x) in after.items()} == before
    work.ok("rollback", made["run"], "--yes")
    assert class_name not in weaviate.act("names")


def test_a_class_is_replaced_by_way_of_an_alias(weaviate, class_name, work):  # noqa: F811
    work.ok("copy", write_lines(work.folder / "a.jsonl", plain(10)), weaviate.uri(class_name))
    work.ok("copy", write_lines(work.folder / "b.jsonl", plain(7, second=1)), weaviate.uri(class_name), "--on-exists", "replace", "--yes")
    work.ok("copy", weaviate.uri(class_name), f"jsonl:{work.folder}/out.jsonl")
    assert len(read_lines(work.folder / "out.jsonl")) == 7
    work.ok("copy", write_lines(work.folder / "c.jsonl", plain(5, third=1)), weaviate.uri(class_name), "--on-exists", "replace", "--yes")
    work.ok("verify", f"jsonl:{work.folder}/c.jsonl", weaviate.uri(class_name))
    assert sum(name.startswith(class_name) for name in weaviate.act("names")) == 1


def test_killed_anywhere_a_copy_goes_on_to_the_same_end(weaviate_double, class_name, work):  # noqa: F811
    lines = write_lines(work.folder / "in.jsonl", plain(300))
    for failpoint in ("weaviate.create.before:1", "weaviate.create.after:1", "weaviate.property.after:3", "weaviate.batch.before:2", "weaviate.batch.after:2"):
        name = class_name + failpoint.split(":")[0].replace(".", "_")
        killed = work.run("copy", lines, weaviate_double.uri(name), "--batch-size", "50", env={"VECFERRY_FAILPOINT": failpoint})
        assert killed.returncode == harness.KILLED, (failpoint, killed.stderr)
        assert work.json("copy", lines, weaviate_double.uri(name), "--batch-size", "50")["verify"]["ok"], failpoint


def test_json_of_inspect_tells_of_vectors_and_tenants(weaviate_double, class_name, work):  # noqa: F811
    weaviate_double.act("make_many", class_name, 5, 3, "dot", ["one", "two"], ["two"])
    seen = json.dumps(work.json("inspect", weaviate_double.uri(class_name)))
    assert "2, 1 inactive" in seen and "hnsw, dot" in seen
