"""Proof by search and its measurement on servers: Qdrant's double, which searches by the vendor's own distance functions, and PostgreSQL with pgvector."""
import json
import signal
import subprocess
import time

import numpy
import pytest

import harness
import search_data as data
import qdrant_scenario as scenario
from postgresql_scenario import database, postgres18  # noqa: F401

ROWS = 600


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory):
    double = scenario.Double(tmp_path_factory.mktemp("qdrant"), "--distributed", "--search-misses", "6").start()
    yield double
    double.stop()


@pytest.fixture
def client(qdrant):
    client = qdrant.client()
    scenario.drop(client)
    return client


def search(work, source, target, *flags, code=0):
    return work.json("verify", source, target, "--level", "search", *flags, code=code)["search"]


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2", "l1"])
def test_a_copy_into_qdrant_is_found(work, qdrant, client, metric):
    source = data.jsonl(work.folder / "a.jsonl", data.vectors(ROWS), metric)
    report = work.json("copy", source, scenario.uri(qdrant), "--verify", "content,search")
    column, = report["verify"]["search"]["columns"]
    assert column["target"]["how"] == "store, exact" and column["top_overlap"] == 1 and column["target"]["recall"] == 1
    assert column["target"]["higher_is_nearer"] == (metric in ("cosine", "dot"))
    # The double's graph misses every sixth point: that is told, and by itself no fault of the copy.
    assert 0.6 < column["target"]["index_recall"] < 0.95
    assert column["target"]["latency"]["count"] == 100
    failed = search(work, source, scenario.uri(qdrant), "--min-recall", "0.99", code=4)["columns"][0]
    assert [f["code"] for f in failed["findings"] if f["failure"]] == ["index-misses"]


def test_both_servers_are_asked(work, qdrant, client):
    scenario.fill(client, 200, "docs")
    report = search(work, scenario.uri(qdrant), scenario.uri(qdrant))
    assert [c["column"] for c in report["columns"]] == ["vector:text", "vector:image"] or {c["column"] for c in report["columns"]} == {"vector:text", "vector:image"}
    assert all(c["source"]["how"] == c["target"]["how"] == "store, exact" for c in report["columns"])
    assert report["ok"] and report["not_searched"] == ["sparse:words: sparse vectors are not searched"]


def test_records_that_are_gone_or_were_changed(work, qdrant, client):
    from qdrant_client import models
    x = data.vectors(ROWS)
    source = data.jsonl(work.folder / "a.jsonl", x, ids=range(ROWS), kind="u64")
    work.ok("copy", source, scenario.uri(qdrant), "-q")
    client.delete("docs", models.PointIdsList(points=list(range(0, ROWS, 5))), wait=True)
    column, = search(work, source, scenario.uri(qdrant), code=4)["columns"]
    assert {f["code"] for f in column["findings"] if f["failure"]} == {"missing-records"}
    client.upsert("docs", [models.PointStruct(id=i, vector=x[(i + 1) % ROWS].tolist(), payload={"n": i}) for i in range(ROWS)], wait=True)
    column, = search(work, source, scenario.uri(qdrant), code=4)["columns"]
    assert {f["code"] for f in column["findings"] if f["failure"]} == {"vectors-differ"}


def test_tenants_in_payloads_and_in_shards(work, qdrant, client):
    x = data.vectors(200)
    source = data.jsonl(work.folder / "a.jsonl", x, tenants=[f"t{i % 3}" for i in range(200)])
    report = work.json("copy", source, scenario.uri(qdrant), "--verify", "search")
    column, = report["verify"]["search"]["columns"]
    assert column["target"]["how"] == "store, exact" and column["top_overlap"] == 1


def test_a_server_before_queries_is_asked_by_search(work, tmp_path):
    double = scenario.Double(tmp_path / "old", "--version", "1.9.7").start()
    try:
        source = data.jsonl(work.folder / "a.jsonl", data.vectors(100))
        report = work.json("copy", source, scenario.uri(double), "--verify", "search")
        assert report["verify"]["search"]["columns"][0]["target"]["how"] == "store, exact"
        assert report["verify"]["search"]["columns"][0]["top_overlap"] == 1
    finally:
        double.stop()


# ---- PostgreSQL ----

@pytest.mark.parametrize("metric", ["cosine", "dot", "l2", "l1"])
def test_a_copy_into_postgresql_is_found(work, database, metric):  # noqa: F811
    source = data.jsonl(work.folder / "a.jsonl", data.vectors(ROWS), metric)
    report = work.json("copy", source, database.uri("docs"), "--verify", "content,search")
    column, = report["verify"]["search"]["columns"]
    assert column["target"]["how"] == "store, exact" and column["top_overlap"] == 1 and column["target"]["recall"] == 1
    assert column["target"]["index_recall"] > 0.8 and not column["target"]["higher_is_nearer"]


def test_an_index_that_finds_little_is_told(work, database):  # noqa: F811
    x = data.scattered(3000)
    source = data.jsonl(work.folder / "a.jsonl", x)
    work.ok("copy", source, database.uri("docs"), "--index", "none", "-q")
    with database.connect() as connection:
        name, = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'docs' AND udt_name = 'vector'").fetchone()
        connection.execute(f"CREATE INDEX ON docs USING ivfflat ({name} vector_cosine_ops) WITH (lists = 60)")
        connection.execute("ANALYZE docs")
    column, = search(work, source, database.uri("docs"))["columns"]
    assert column["top_overlap"] == 1 and column["target"]["index_recall"] < 0.95
    assert [f["code"] for f in column["findings"]] == ["index-misses"]


def test_another_metric_of_the_target(work, database):  # noqa: F811
    x = data.vectors(ROWS) * numpy.random.default_rng(1).uniform(0.2, 5, (ROWS, 1)).astype(numpy.float32)
    source = data.jsonl(work.folder / "a.jsonl", x)
    other = data.jsonl(work.folder / "l2.jsonl", x, "l2")
    work.ok("copy", other, database.uri("docs"), "-q")
    column, = search(work, source, database.uri("docs"), code=4)["columns"]
    assert column["findings"][-1]["message"] == "the target ranks by l2, the source by cosine"


def test_from_postgresql_into_qdrant(work, database, qdrant, client):  # noqa: F811
    source = data.jsonl(work.folder / "a.jsonl", data.vectors(ROWS))
    work.ok("copy", source, database.uri("docs"), "-q")
    report = work.json("copy", database.uri("docs"), scenario.uri(qdrant), "--verify", "content,search")
    column, = report["verify"]["search"]["columns"]
    assert column["source"]["how"] == column["target"]["how"] == "store, exact" and column["top_overlap"] == 1


# ---- measuring ----

def test_bench_of_one_and_of_two(work, qdrant, client, database):  # noqa: F811
    source = data.jsonl(work.folder / "a.jsonl", data.vectors(ROWS))
    for target in (scenario.uri(qdrant), database.uri("docs")):
        work.ok("copy", source, target, "-q")
    one = work.json("bench", database.uri("docs"), "--requests", "50", "--warm-up", "0.1s", "--clients", "3")
    side, = one["sides"]
    assert side["requests"] == side["latency"]["count"] == 50 and side["failures"] == 0 and one["speed_up"] is None
    assert 0 < side["latency"]["p50"] <= side["latency"]["p90"] <= side["latency"]["p95"] <= side["latency"]["p99"] <= side["latency"]["max"]
    assert side["qps"] == pytest.approx(50 / side["seconds"])
    two = work.json("bench", scenario.uri(qdrant), database.uri("docs"), "--duration", "0.5s", "--warm-up", "0.1s", "--query-count", "20")
    assert two["speed_up"] == pytest.approx(two["sides"][1]["qps"] / two["sides"][0]["qps"])
    assert two["distinct"] == 20 and [s["how"] for s in two["sides"]] == ["store, by its index"] * 2
    told = work.ok("bench", source, database.uri("docs"), "--requests", "5", "--warm-up", "0").stdout
    assert "speed-up:" in told and "scan" in told and "P99" in told


def test_bench_is_interrupted_with_what_was_measured(work, database):  # noqa: F811
    source = data.jsonl(work.folder / "a.jsonl", data.vectors(ROWS))
    work.ok("copy", source, database.uri("docs"), "-q")
    log = work.folder / "log.jsonl"
    process = subprocess.Popen(work.command("bench", database.uri("docs"), "--duration", "1h", "--warm-up", "0", "--log", log, "--json"), env=work.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 60
    while not (log.exists() and "bench: first" in log.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    report = json.loads(out)
    assert process.returncode == report["exit_code"] == 130 and report["interrupted"]
    assert report["sides"][0]["requests"] > 0


def test_inspect_measures_queries_a_second(work, database):  # noqa: F811
    source = data.jsonl(work.folder / "a.jsonl", data.vectors(100))
    work.ok("copy", source, database.uri("docs"), "-q")
    report = work.json("inspect", database.uri("docs"), "--qps")
    assert report["bench"]["sides"][0]["qps"] > 0
    assert "QPS" in work.ok("inspect", source, "--qps").stdout
