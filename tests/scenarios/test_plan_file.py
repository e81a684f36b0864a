"""A plan that was written down is carried out as long as it holds, and refused, naming what changed, when it does not."""
import json

import pytest

import harness
from postgresql_scenario import jsonl, record


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def planned(work):
    source, target = jsonl(work.folder / "in.jsonl", [record(i) for i in range(20)]), f"qdrant-local:{work.folder}/q#docs"
    work.ok("plan", source, target, "--out", work.folder / "plan.json", "--filter", "n < 10")
    return source, target, ["--plan", str(work.folder / "plan.json"), "--filter", "n < 10"]


def test_a_plan_that_holds_is_carried_out(work, planned):
    source, target, flags = planned
    report = work.json("copy", source, target, *flags)
    assert report["written"] == 10 and report["verify"]["ok"]
    assert work.json("copy", source, target, *flags)["state"] == "already-finished"


@pytest.mark.parametrize("change", ["records", "schema", "target", "filter", "on-exists"])
def test_a_plan_that_no_longer_holds_is_refused(work, planned, change):
    source, target, flags = planned
    told = {"records": "records", "schema": "schema", "target": "target_exists", "filter": "transforms", "on-exists": "on_exists"}[change]
    if change == "records":
        jsonl(work.folder / "in.jsonl", [record(i) for i in range(21)])
    if change == "schema":
        jsonl(work.folder / "in.jsonl", [record(i) for i in range(20)], vectors=[{"name": "", "kind": "dense", "element": "f32", "dims": 4, "metric": "l2"}])
    if change == "target":
        work.ok("copy", source, target, "--limit", "1", "-q")
        work.forget()
    if change == "filter":
        flags = flags[:2] + ["--filter", "n < 11"]
    more = ["--on-exists", "upsert"] if change in ("target", "on-exists") else []
    refused = work.run("copy", source, target, *flags, *more)
    assert refused.returncode == 8 and "no longer holds" in refused.stderr and told in refused.stderr, refused.stderr
    assert change == "target" or not (work.folder / "q").exists() or not list((work.folder / "q" / "collection").iterdir())


def test_what_is_no_plan_is_told(work, planned):
    source, target, _ = planned
    (work.folder / "none.json").write_text(json.dumps({"a": 1}))
    assert work.run("copy", source, target, "--plan", work.folder / "none.json").returncode == 2
    assert work.run("copy", source, target, "--plan", work.folder / "missing.json").returncode == 5
