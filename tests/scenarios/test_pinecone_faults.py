"""Pinecone answering amiss: whatever it does, a run ends as one that met nothing, or says what is wrong and goes on where it was."""
import json
import threading
import time

import pytest

from pinecone_scenario import KEY, jsonl, lines, made, record, service, start, theirs, vector, work  # noqa: F401

COUNT = 420


@pytest.fixture
def ends(service, work, request):  # noqa: F811
    """A full index, a name for a new one, and the program; the service is well again afterwards."""
    source, target = f"s-{abs(hash(request.node.name)) % 10**8}", f"t-{abs(hash(request.node.name)) % 10**8}"
    service.vendor("create", name=source, dimension=4, metric="cosine")
    service.vendor("upsert", index=source, records=[made(i) for i in range(COUNT)], namespace="n")
    yield service, work, service.uri(source), service.uri(target), source, target
    service.faults()


def same(service, source, target):  # noqa: F811
    assert theirs(service, target, "n") == theirs(service, source, "n")


WRITES = [{"path": "/vectors/upsert", "every": 2, "status": 429, "retry_after": 0.1}, {"path": "/vectors/upsert", "every": 2, "times": 4, "status": 429},
          {"path": "/vectors/upsert", "after": 1, "times": 2, "status": 413}, {"path": "/vectors/upsert", "times": 3, "status": 500},
          {"path": "/vectors/upsert", "every": 2, "times": 3, "status": 503}, {"path": "/vectors/upsert", "every": 2, "times": 3, "act": "lost"},
          {"path": "/vectors/upsert", "every": 2, "times": 3, "act": "applied-lost"}, {"path": "/vectors/upsert", "every": 2, "times": 3, "act": "cut"},
          {"path": "/vectors/upsert", "every": 2, "times": 3, "act": "truncate"}, {"path": "/vectors/upsert", "every": 2, "times": 3, "act": "shape"}]
READS = [{"path": path, "every": 2, "times": 3, **what} for path in ("/vectors/list", "/vectors/fetch")
         for what in ({"status": 429, "retry_after": 0.1}, {"status": 500}, {"act": "cut"}, {"act": "truncate"}, {"act": "shape"})]


@pytest.mark.parametrize("rule", WRITES + READS, ids=lambda rule: "-".join(str(rule[key]) for key in ("path", "act", "status", "retry_after") if key in rule).replace("/", ""))
def test_what_passes_leaves_no_trace(ends, rule):
    service, work, source, target, *names = ends
    service.faults(rule)
    report = work.copy(source, target, "--batch-size", "60")
    assert report["written"] == COUNT and report["mismatches"] == 0
    service.faults()
    same(service, *names)


def test_a_page_that_repeats_is_asked_for_again(ends):
    service, work, source, target, *names = ends
    service.faults({"path": "/vectors/list", "after": 2, "every": 2, "times": 3, "act": "repeat-page"})
    assert work.copy(source, target)["written"] == COUNT
    service.faults()
    same(service, *names)


def test_ids_that_are_listed_and_not_fetched(ends):
    service, work, source, target, *names = ends
    service.faults({"path": "/vectors/fetch", "act": "hide", "ids": ["rec-7"], "times": 9})
    assert work.copy(source, target)["written"] == COUNT  # they come after a while
    work.forget()
    service.faults({"path": "/vectors/fetch", "act": "hide", "ids": ["rec-7", "rec-8"]})
    out = work.folder / "out.jsonl"
    report = work.copy(source, f"jsonl:{out}", "--verify", "none", code=3)
    assert (report["written"], report["rejected"]) == (COUNT - 2, 2)
    with open(report["rejects_file"], encoding="utf-8") as file:
        assert sum("listed-not-fetched" in line for line in file) == 2


def test_a_key_that_expires_in_mid_run(ends):
    service, work, source, target, *names = ends
    service.faults({"path": "/vectors/upsert", "after": 3, "act": "unauthorized"})
    done = work.run("copy", source, target, "--batch-size", "40")
    assert done.returncode == 6 and "PINECONE_API_KEY" in done.stderr and KEY not in done.stdout + done.stderr
    service.faults()
    report = work.copy(source, target, "--batch-size", "40")
    assert report["total"] == COUNT and report["verify"]["ok"]
    same(service, *names)


def test_a_service_that_is_killed_and_started_again(start, work):  # noqa: F811
    double = start()
    double.vendor("create", name="from", dimension=4, metric="cosine")
    double.vendor("upsert", index="from", records=[made(i) for i in range(COUNT)], namespace="n")
    source, target = double.uri("from"), double.uri("to")
    double.faults({"path": "/vectors/upsert", "act": "slow", "seconds": 0.1})

    def written():
        return double.stats()["records"].get("to", {}).get("n", 0)

    def kill_twice():
        for at in (1, 150):
            deadline = time.monotonic() + 60
            while written() < at and time.monotonic() < deadline:
                time.sleep(0.05)
            double.kill()
            time.sleep(0.3)
            double.start()

    killer = threading.Thread(target=kill_twice)
    killer.start()
    report = work.copy(source, target, "--batch-size", "20", "-j", "1")
    killer.join()
    assert report["retried"] > 0
    assert report["verify"]["ok"] and report["mismatches"] == 0
    same(double, "from", "to")


def test_a_namespace_that_vanishes_under_the_reader(ends):
    service, work, source, target, *names = ends
    service.faults({"path": "/vectors/list", "act": "slow", "seconds": 0.7})
    before = service.stats()["calls"]["/vectors/list"]
    process = work.start("copy", source, f"jsonl:{work.folder}/out.jsonl", "--batch-size", "30")
    deadline = time.monotonic() + 60
    while service.stats()["calls"]["/vectors/list"] < before + 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    service.vendor("delete", index=names[0], namespace="n")
    assert process.wait(timeout=60) == 5


def test_a_target_that_vanishes(ends):
    service, work, source, target, *names = ends
    service.faults({"path": "/vectors/upsert", "act": "slow", "seconds": 0.5})
    process = work.start("copy", source, target, "--batch-size", "20")
    deadline = time.monotonic() + 30
    while names[1] not in service.vendor("indexes") and time.monotonic() < deadline:
        time.sleep(0.1)
    service.vendor("drop", name=names[1])
    time.sleep(0.5)
    process.terminate()
    assert process.wait(timeout=60) != 0


def test_an_index_that_others_made_with_other_dimensions(service, work):  # noqa: F811
    service.vendor("create", name="wide", dimension=8)
    done = work.run("copy", jsonl(work.folder / "s.jsonl", [record(i) for i in range(3)]), service.uri("wide"))
    assert done.returncode == 8 and "8 x f32" in done.stderr + done.stdout
