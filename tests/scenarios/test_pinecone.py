"""Pinecone: what the vendor's client wrote is read, and what was written it reads; limits, tenants, policies, waits."""
import json
import subprocess

import pytest

import harness
from pinecone_scenario import KEY, jsonl, lines, made, record, service, start, theirs, vector, work  # noqa: F401


def test_what_the_client_wrote_is_read_and_what_was_written_it_reads(service, work):  # noqa: F811
    service.vendor("create", name="from-vendor", dimension=4, metric="cosine")
    for space, count in (("", 130), ("acme", 40), ("a/b c", 7)):
        service.vendor("upsert", index="from-vendor", records=[made(i, space=space) for i in range(count)], namespace=space)
    out = work.folder / "out.jsonl"
    report = work.copy(service.uri("from-vendor"), f"jsonl:{out}")
    assert report["total"] == report["written"] == 177
    read = lines(out)
    assert sorted({row.get("tenant") for row in read}, key=str) == sorted([None, "acme", "a/b c"], key=str)
    one = next(row for row in read if row["id"] == "rec-3" and row.get("tenant") == "acme")
    assert one["document"] == "Text 3 – ünï" and one["metadata"] == {"n": 3, "half": 3.5, "group": "g3", "tags": ["a", "t0"], "ok": False, "space": "acme"}
    assert one["vectors"]["vector"] == vector(3)

    report = work.copy(f"jsonl:{out}", service.uri("to-vendor"))
    assert report["verify"]["ok"] and service.vendor("describe", name="to-vendor")["ready"]
    for space in ("", "acme", "a/b c"):
        assert theirs(service, "to-vendor", space) == theirs(service, "from-vendor", space)
    assert work.digest(service.uri("from-vendor"), service.uri("to-vendor"))


def test_one_namespace_alone(service, work):  # noqa: F811
    service.vendor("create", name="spaces", dimension=4, metric="euclidean")
    service.vendor("upsert", index="spaces", records=[made(i) for i in range(5)], namespace="a")
    service.vendor("upsert", index="spaces", records=[made(i) for i in range(9)], namespace="b")
    service.vendor("upsert", index="spaces", records=[made(i) for i in range(3)])
    for space, count in (("a", 5), ("b", 9), ("__default__", 3)):
        out = work.folder / f"{space}.jsonl"
        assert work.copy(service.uri("spaces", space), f"jsonl:{out}")["written"] == count
        assert all("tenant" not in row for row in lines(out))
    work.copy(f"jsonl:{work.folder}/b.jsonl", service.uri("spaces", "c"))
    assert service.vendor("stats", index="spaces")["namespaces"] == {"": 3, "a": 5, "b": 9, "c": 9}
    missing = work.run("copy", service.uri("spaces", "bb"), "jsonl:x.jsonl")
    assert missing.returncode == 5 and "did you mean" in missing.stderr
    missing = work.run("copy", service.uri("spacess"), "jsonl:x.jsonl")
    assert missing.returncode == 5 and "spaces" in missing.stderr


def test_records_with_tenants_into_one_namespace_and_into_their_own(service, work):  # noqa: F811
    source = jsonl(work.folder / "t.jsonl", [record(i, tenant=f"team-{i % 3}") for i in range(30)], tenant=True)
    work.copy(source, service.uri("own"))
    assert service.vendor("stats", index="own")["namespaces"] == {"team-0": 10, "team-1": 10, "team-2": 10}
    work.copy(source, service.uri("shared", "all"))
    found = theirs(service, "shared", "all")
    assert len(found) == 30 and found["rec-4"]["metadata"]["tenant"] == "team-1"
    work.digest(source, service.uri("own"))
    work.digest(source, service.uri("shared", "all"))


def test_hybrid_and_sparse_indexes_both_ways(service, work):  # noqa: F811
    service.vendor("create", name="hyb", dimension=4, metric="dotproduct")
    sparse = [{"indices": [i, 4294967295 - i], "values": [0.5, -float(i + 1)]} for i in range(20)]
    records = [{**made(i), **({"sparse_values": sparse[i]} if i % 3 else {})} for i in range(20)]
    service.vendor("upsert", index="hyb", records=records)
    work.copy(service.uri("hyb"), service.uri("hyb2"))
    assert theirs(service, "hyb2") == theirs(service, "hyb")
    service.vendor("create", name="spa", vector_type="sparse")
    service.vendor("upsert", index="spa", records=[{"id": f"s{i}", "sparse_values": sparse[i], "metadata": {"n": i}} for i in range(20)])
    work.copy(service.uri("spa"), service.uri("spa2"))
    assert theirs(service, "spa2") == theirs(service, "spa")
    told = work.json("inspect", service.uri("spa", "__default__"))
    assert "sparse" in json.dumps(told)


def test_odd_ids_and_names_come_home(service, work):  # noqa: F811
    ids = ["a b", "x/y#z?", "%25", "ünï", "日本", "k" * 600, "tab\there", "c5f5b2a8-1111-5222-8333-444455556666"]
    source = jsonl(work.folder / "ids.jsonl", [record(i, id=id, tenant=f"té/{i % 2}") for i, id in enumerate(ids)], tenant=True)
    work.copy(source, service.uri("odd-ids"))
    assert set(service.vendor("stats", index="odd-ids")["namespaces"]) == {"t%C3%A9/0", "t%C3%A9/1"}
    mapped = [id for space in ("t%C3%A9/0", "t%C3%A9/1") for id, found in theirs(service, "odd-ids", space).items() if "_id" in found["metadata"]]
    assert len(mapped) == 3
    out = work.folder / "home.jsonl"
    work.copy(service.uri("odd-ids"), f"jsonl:{out}")
    assert {(row["id"], row["tenant"]) for row in lines(out)} == {(id, f"té/{i % 2}") for i, id in enumerate(ids)}


def test_a_plan_finds_what_would_be_refused(service, work):  # noqa: F811
    bad = [{"n": None}, {"o": {"a": 1}}, {"l": [1, 2]}, {"i": 2**53 + 1}, {"$x": 1}, {"long": "x" * 41_000}, {"fine": 1}]
    source = jsonl(work.folder / "bad.jsonl", [record(i, metadata=metadata) for i, metadata in enumerate(bad)])
    plan = work.run("plan", source, service.uri("refused"), "--json")
    codes = {issue["code"] for issue in json.loads(plan.stdout)["issues"]}
    assert {"metadata-null", "metadata-nested_object", "metadata-list", "metadata-int64", "metadata-key", "metadata-too-large"} <= codes, codes
    assert work.run("copy", source, service.uri("refused")).returncode == 8
    assert "refused" not in service.vendor("indexes")
    report = work.copy(source, service.uri("refused"), "--unsupported", "reject", code=3)
    assert (report["written"], report["rejected"]) == (1, 6)
    assert list(theirs(service, "refused")) == ["rec-6"]


def test_json_text_keeps_what_the_service_does_not_hold(service, work):  # noqa: F811
    odd = [{"n": None, "o": {"a": [1, {"b": 2.0}]}, "l": [1, "x"], "i": 2**63, "x": 1.0, "plain": "y", "_reals": ["z"]}, {"x": 1}]
    source = jsonl(work.folder / "odd.jsonl", [record(i, metadata=metadata) for i, metadata in enumerate(odd)])
    target = service.uri("encoded", options="&metadata=json")
    assert work.copy(source, target)["verify"]["ok"]
    found = theirs(service, "encoded")["rec-0"]["metadata"]
    assert found["plain"] == "y" and json.loads(found["o"]) == {"a": [1, {"b": 2.0}]} and set(found["_json"]) >= {"n", "o", "l", "i"} and found["_reals"] == ["x"]
    out = work.folder / "home.jsonl"
    work.copy(service.uri("encoded"), f"jsonl:{out}")
    assert json.dumps(lines(out)[0]["metadata"], sort_keys=True) == json.dumps(odd[0], sort_keys=True)


@pytest.mark.parametrize("how", [(), ("--whole-numbers",)])
def test_numbers_come_back_as_they_were(start, work, how):  # noqa: F811
    double = start(*how)
    values = [{"int": 7, "real": 7.0, "half": 0.5, "big": 2**53, "huge": 1e300, "zero": 0.0}]
    source = jsonl(work.folder / "numbers.jsonl", [record(i, metadata=metadata) for i, metadata in enumerate(values)])
    assert work.copy(source, double.uri("numbers"))["verify"]["ok"]
    out = work.folder / "floats.jsonl"
    work.copy(double.uri("numbers", options="&numbers=floats"), f"jsonl:{out}")
    assert json.dumps(lines(out)[0]["metadata"]["int"]) == "7.0"
    refused = work.run("copy", source, double.uri("others", options="&reals=refuse"))
    assert refused.returncode == 8 and "metadata-real" in refused.stderr + refused.stdout


def test_on_exists(service, work):  # noqa: F811
    old, new = jsonl(work.folder / "old.jsonl", [record(i) for i in range(10)]), jsonl(work.folder / "new.jsonl", [record(i, document="new") for i in range(5, 15)])
    target = service.uri("exists", "n")
    work.copy(old, target)
    assert work.run("copy", new, target).returncode == 8
    work.copy(new, target, "--on-exists", "append", code=3)
    assert theirs(service, "exists", "n")["rec-7"]["metadata"]["document"].startswith("Text") and len(theirs(service, "exists", "n")) == 15
    work.forget()
    work.copy(new, target, "--on-exists", "upsert")
    assert theirs(service, "exists", "n")["rec-7"]["metadata"]["document"] == "new"
    service.vendor("upsert", index="exists", records=[made(1)], namespace="other")
    work.forget()
    work.copy(new, target, "--on-exists", "replace", "--yes")
    assert set(theirs(service, "exists", "n")) == {f"rec-{i}" for i in range(5, 15)}
    assert service.vendor("stats", index="exists")["namespaces"] == {"n": 10, "other": 1}


def test_rollback_gives_back_what_was_overwritten_and_drops_what_was_made(service, work):  # noqa: F811
    source = jsonl(work.folder / "s.jsonl", [record(i) for i in range(8)])
    service.vendor("create", name="undo", dimension=4, metric="cosine")
    service.vendor("upsert", index="undo", records=[made(i, mine=True) for i in range(3)])
    before = theirs(service, "undo")
    report = work.copy(source, service.uri("undo"), "--on-exists", "upsert")
    assert len(theirs(service, "undo")) == 8
    work.ok("rollback", report["run"], "--yes")
    assert theirs(service, "undo") == before
    report = work.copy(source, service.uri("made-by-us"))
    work.ok("rollback", report["run"], "--yes")
    assert "made-by-us" not in service.vendor("indexes")


def test_written_records_are_waited_for_by_their_numbers(start, work):  # noqa: F811
    double = start("--lag", "1.5", "--ready-after", "1")
    source = jsonl(work.folder / "s.jsonl", [record(i, tenant=f"t{i % 2}") for i in range(60)], tenant=True)
    report = work.copy(source, double.uri("lagging"), "--validate", "off")
    assert report["verify"]["ok"] and report["mismatches"] == 0
    report = work.copy(source, double.uri("lagging2"))
    assert report["verify"]["ok"] and report["mismatches"] == 0
    assert len(theirs(double, "lagging", "t0")) == 30


def test_pods_are_read_by_a_file_of_ids(service, work):  # noqa: F811
    service.vendor("create", name="podded", dimension=4, metric="cosine", pod=True)
    service.vendor("upsert", index="podded", records=[made(i) for i in range(30)])
    service.vendor("upsert", index="podded", records=[made(i) for i in range(5)], namespace="n")
    refused = work.run("copy", service.uri("podded"), "jsonl:out.jsonl")
    assert refused.returncode != 0 and "ids=FILE" in refused.stderr
    ids = work.folder / "ids.txt"
    ids.write_text("".join(f"rec-{i}\n" for i in range(30)) + '\n{"id":"rec-3","namespace":"n"}\n{"id":"gone","namespace":"n"}\n')
    out = work.folder / "pod.jsonl"
    report = work.copy(service.uri("podded", options=f"&ids={ids}"), f"jsonl:{out}", code=3)
    assert (report["written"], report["rejected"]) == (31, 1)
    assert "no-such-record" in (work.folder / "pod.jsonl").parent.joinpath(report["rejects_file"]).read_text()
    work.copy(f"jsonl:{out}", service.uri("served"))
    assert len(theirs(service, "served")) == 30 and list(theirs(service, "served", "n")) == ["rec-3"]


def test_inspect_tells_of_indexes_and_namespaces(service, work):  # noqa: F811
    service.vendor("create", name="told", dimension=4, metric="dotproduct")
    service.vendor("upsert", index="told", records=[made(i) for i in range(12)], namespace="a")
    service.vendor("upsert", index="told", records=[made(i) for i in range(3)])
    listed = {each["name"]: each for each in work.json("inspect", f"pinecone:?control=http%3A%2F%2F127.0.0.1%3A{service.port}")["datasets"]}
    assert "4 x f32, dot" in listed["told"]["description"]
    assert {each["name"]: each["count"] for each in work.json("inspect", service.uri("told"))["datasets"]} == {"__default__": 3, "a": 12}
    told = json.dumps(work.json("inspect", service.uri("told", "a")))
    assert "serverless, aws us-east-1" in told
    host = f"pinecone://127.0.0.1:{service.index_port('told')}#a"
    assert work.ok("inspect", host).stdout


def test_a_key_from_a_file_and_none_in_what_is_kept(service, work):  # noqa: F811
    key = work.folder / "key"
    key.write_text(KEY + "\n")
    source = jsonl(work.folder / "s.jsonl", [record(i) for i in range(3)])
    work.ok("copy", source, service.uri("keyed", options=f"&api-key-file={key}"), "--log", str(work.folder / "run.log"), env={"PINECONE_API_KEY": ""})
    kept = subprocess.run(["grep", "-rl", KEY, str(work.folder)], stdout=subprocess.PIPE, text=True).stdout.split()
    assert kept == [str(key)]
    wrong = work.run("copy", source, service.uri("keyed2"), env={"PINECONE_API_KEY": "wrong-key"})
    assert wrong.returncode == 6 and "PINECONE_API_KEY" in wrong.stderr and "wrong-key" not in wrong.stderr + wrong.stdout
    clear = work.run("inspect", "pinecone:docs?control=http%3A%2F%2Fpinecone.example.com")
    assert clear.returncode == 2 and "in clear" in clear.stderr


def test_the_services_own_search_is_compared(service, work):  # noqa: F811
    import random
    draw = random.Random(7)
    rows = [record(i, vectors={"vector": [draw.uniform(-1, 1) for _ in range(4)]}, **({"id": f"é{i}"} if i % 10 == 0 else {})) for i in range(300)]
    source = jsonl(work.folder / "s.jsonl", rows)
    work.copy(source, service.uri("searched"))
    report = work.json("verify", source, service.uri("searched"), "--level", "search")
    assert report["ok"] and "search" in json.dumps(report)
    service.vendor("upsert", index="searched", records=[{"id": f"rec-{i}", "values": [1.0, 0.0, 0.0, 0.001 * i]} for i in range(1, 300) if i % 10])
    assert work.run("verify", source, service.uri("searched"), "--level", "search").returncode == 4
