"""chroma: while the network, the server and others are at their worst. What arrives is compared with what would have without."""
import json
import pathlib
import signal
import sys
import threading
import time

import pytest

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
import fault_proxy as faults  # noqa: E402
from chroma_fixtures import chroma, chroma_server  # noqa: E402,F401

ROWS = 300
QUICK = ("--batch-size", "25")


def vector(i):
    return [((i * 7 + k * 3) % 17 - 8.5) / 4 for k in range(4)]


def fill(chroma, rows=ROWS, name="docs"):  # noqa: F811
    ids = range(rows)
    chroma.act("make", name=name, records=[{"ids": [f"id{i}" for i in ids], "embeddings": [vector(i) for i in ids], "documents": [f"text {i}" for i in ids],
                                            "metadatas": [{"n": i} for i in ids]}])
    return chroma.told(name)["records"]


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def proxy(chroma):  # noqa: F811
    with faults.FaultProxy(chroma.port) as made:
        yield made


RECORDS = r"/(get|upsert)$"
EVERY_THIRD = {
    "429 with Retry-After": lambda: faults.Status(429, headers={"Retry-After": "0"}),
    "429 without": lambda: faults.Status(429),
    "412 as while a collection is deleted": lambda: faults.Status(412, body=b'{"error":"FailedPrecondition","message":"Missing field: [Missing metadata segment]"}'),
    "500": lambda: faults.Status(500),
    "503 after it was done": lambda: faults.Status(503, forward=True),
    "reset": lambda: faults.Reset(),
    "reset after it was done": lambda: faults.Reset(forward=True),
    "reset in mid-body": lambda: faults.Cut(),
    "truncated JSON": lambda: faults.Truncated(),
}


@pytest.mark.parametrize("name", EVERY_THIRD)
def test_every_third_request_fails_and_nothing_is_lost(chroma, proxy, work, name):
    wanted = fill(chroma)
    proxy.add(EVERY_THIRD[name](), every=3, path=RECORDS)
    report = work.json("copy", chroma.uri("docs", proxy.port), chroma.uri("again", proxy.port), *QUICK)
    assert report["exit_code"] == 0 and report["retried"] > 0, report
    assert sum(proxy.hits.values()) > 3
    assert chroma.told("again")["records"] == wanted


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"ids":["x"],"embeddings":[[1]],"documents":[],"metadatas":[null]}', b'{"ids":["id1","id1"],"embeddings":[[1],[1]]}', b"<html>"])
def test_an_answer_of_the_wrong_shape_is_asked_again(chroma, proxy, work, body):
    wanted = fill(chroma, 60)
    proxy.add(faults.Body(body), at=[4], path="/get$")
    work.ok("copy", chroma.uri("docs", proxy.port), chroma.uri("again"), *QUICK)
    assert proxy.hits and chroma.told("again")["records"] == wanted


def test_a_page_that_repeats_is_no_page(chroma, proxy, work):
    wanted = fill(chroma)
    proxy.add(faults.Repeat(), every=4, path="/get$")
    work.ok("copy", chroma.uri("docs", proxy.port), chroma.uri("again"), *QUICK)
    assert proxy.hits and chroma.told("again")["records"] == wanted


def test_413_is_halved(chroma, proxy, work):
    wanted = fill(chroma)
    proxy.add(faults.Status(413), first=4, path="/upsert$")
    proxy.add(faults.Status(413), at=[6, 7], path="/get$")
    work.ok("copy", chroma.uri("docs", proxy.port), chroma.uri("again", proxy.port), "--batch-size", "100")
    assert sum(proxy.hits.values()) >= 5 and chroma.told("again")["records"] == wanted


def test_a_key_that_expires_in_mid_run_ends_it_and_another_goes_on(chroma, proxy, work):
    wanted = fill(chroma)
    proxy.add(faults.Status(401), at=range(4, 1000), path="/upsert$")
    copy = ["copy", chroma.uri("docs"), chroma.uri("again", proxy.port), *QUICK, "-j", "1"]
    done = work.run(*copy, env={"CHROMA_API_KEY": "s3cret-key"})
    harness.refused(done, 6, "target", "again", "")
    for file in work.folder.rglob("*"):
        assert not file.is_file() or b"s3cret-key" not in file.read_bytes(), file
    assert "s3cret-key" not in done.stdout + done.stderr
    proxy.rules.clear()
    work.ok(*copy, env={"CHROMA_API_KEY": "another"})
    assert chroma.told("again")["records"] == wanted


def test_how_the_key_is_sent(chroma, work):
    seen = []

    class Spy(faults.Fault):
        forward = False

        def strike(self, handler, answer):
            seen.append({k.lower(): v for k, v in handler.headers.items()})
            handler.answer(401, {}, b"{}")
    with faults.FaultProxy(chroma.port) as proxy:
        proxy.add(Spy(), every=1)
        where = f"chroma://127.0.0.1:{proxy.port}"
        for uri, env in ((where, {"CHROMA_API_KEY": "k"}), (where + "?auth=bearer", {"CHROMA_API_KEY": "k"}), (where + "?auth=x-chroma-token", {"VECFERRY_CHROMA_API_KEY": "k"}),
                         (f"chroma://me:pw@127.0.0.1:{proxy.port}", {}), (where + "?auth=basic", {"CHROMA_CLIENT_AUTH_CREDENTIALS": "me:pw"})):
            assert work.run("inspect", uri, env=env).returncode == 6
    told = [(h.get("authorization"), h.get("x-chroma-token")) for h in seen]
    assert told == [("Bearer k", "k"), ("Bearer k", None), (None, "k"), ("Basic bWU6cHc=", None), ("Basic bWU6cHc=", None)]


def test_a_server_that_dies_and_comes_back(chroma, proxy, work):
    wanted = fill(chroma)

    def die():
        chroma.kill()
        threading.Timer(1.0, chroma.start).start()
    proxy.add(faults.Do(die), at=[3], path="/upsert$")
    proxy.add(faults.Do(die), at=[9], path="/get$")
    work.ok("copy", chroma.uri("docs", proxy.port), chroma.uri("again", proxy.port), *QUICK)
    assert proxy.hits["Do"] == 2
    assert chroma.told("again")["records"] == wanted


def test_a_server_that_stays_away_and_a_run_that_is_stopped_meanwhile(chroma, proxy, work):
    wanted = fill(chroma)
    proxy.add(faults.Do(chroma.kill), at=[3], path="/upsert$")
    copy = ["copy", chroma.uri("docs", proxy.port), chroma.uri("again", proxy.port), *QUICK]
    running = work.start(*copy)
    while not proxy.hits:
        time.sleep(0.05)
    time.sleep(1)
    assert running.poll() is None, "it gave up"
    running.send_signal(signal.SIGINT), running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) in (7, 130)
    chroma.start()
    proxy.rules.clear()
    work.ok(*copy)
    assert chroma.told("again")["records"] == wanted


def test_a_collection_that_is_deleted_under_the_reader(chroma, proxy, work):
    fill(chroma)
    proxy.add(faults.Do(lambda: chroma.act("drop", name="docs")), at=[10], path="/get$")
    copy = ["copy", chroma.uri("docs", proxy.port), chroma.uri("again"), *QUICK, "-j", "1"]
    harness.refused(work.run(*copy), 5, "source", "docs", "")
    assert 0 < chroma.told("again")["count"] < ROWS
    fill(chroma, 20)  # another of that name is not what the run began with
    harness.refused(work.run(*copy), 8, "source", "docs", "begin anew with --restart")


def test_a_collection_that_is_deleted_under_the_writer(chroma, proxy, work):
    fill(chroma)
    proxy.add(faults.Do(lambda: chroma.act("drop", name="again")), at=[3], path="/upsert$")
    copy = ["copy", chroma.uri("docs"), chroma.uri("again", proxy.port), *QUICK]
    assert work.run(*copy).returncode == 5
    proxy.rules.clear()
    assert work.run(*copy).returncode == 5  # what this run had made is gone: it is not made again without a word
    work.ok(*copy, "--restart")


def test_what_others_add_and_delete_meanwhile_loses_nothing_that_stays(chroma, proxy, work):
    wanted = fill(chroma)
    gone = [f"id{i}" for i in range(0, 100)]

    def meddle():
        chroma.act("delete", name="docs", ids=gone)
        chroma.act("upsert", name="docs", ids=["new", "id150"], embeddings=[vector(1), vector(2)], documents=["new", "changed"], metadatas=[{"n": -1}, {"n": -2}])
    proxy.add(faults.Do(meddle), at=[8], path="/get$")
    work.run("copy", chroma.uri("docs", proxy.port), chroma.uri("again"), *QUICK)
    assert proxy.hits
    told = chroma.told("again")["records"]
    stays = {id for id in wanted if id not in gone}
    assert stays <= set(told)
    assert all(told[id] == wanted[id] for id in stays if id != "id150")


def test_records_without_a_vector_or_with_a_strange_one_are_told_apart(chroma, proxy, work):
    """Servers of all ages have lost vectors of records whose documents are still there."""
    wanted = fill(chroma, 40)

    def lose(body, path):
        told = json.loads(body)
        for i, id in enumerate(told["ids"] if told.get("embeddings") else []):
            if id in ("id3", "id30"):
                told["embeddings"][i] = None if id == "id3" else [1.0]
        return json.dumps(told).encode()
    proxy.add(faults.Change(lose), every=1, path="/get$")
    report = work.json("copy", chroma.uri("docs", proxy.port), chroma.uri("again"), *QUICK, code=3)
    assert report["rejected"] == 2
    rejects = pathlib.Path(report["rejects_file"]).read_text()
    assert "missing-vector" in rejects and "wrong-dimensions" in rejects
    assert chroma.told("again")["records"] == {id: record for id, record in wanted.items() if id not in ("id3", "id30")}


def test_a_run_that_is_killed_between_making_room_and_writing_is_finished_by_the_next(chroma, work):
    wanted = fill(chroma, 40)
    chroma.act("make", name="again", records=[{"ids": [f"id{i}" for i in range(40)], "embeddings": [vector(99)] * 40, "documents": ["old"] * 40, "metadatas": [{"gone": 1}] * 40}])
    chroma.act("make", name="bare", records=[{"ids": [f"id{i}" for i in range(40)], "embeddings": [vector(i) for i in range(40)], "metadatas": [{"n": i} for i in range(40)]}])
    copy = ["copy", chroma.uri("bare"), chroma.uri("again"), "--on-exists", "upsert", *QUICK]
    assert work.run(*copy, env={"VECFERRY_FAILPOINT": "chroma.make-room.after:1"}).returncode == harness.KILLED
    run = work.json(*copy)
    assert run["exit_code"] == 0
    assert chroma.told("again")["records"] == {id: [v, None, m, None] for id, (v, _, m, _) in wanted.items()}
    work.ok("rollback", run["run"], "--yes")
    assert all(record[1] == "old" and record[2] == {"gone": 1} for record in chroma.told("again")["records"].values())


@pytest.mark.parametrize("point", ["chroma.create.before", "chroma.create.after", "chroma.upsert.after", "chroma.rename-old.before", "chroma.rename-new.before", "chroma.rename-new.after",
                                   "chroma.drop-old.before"])
def test_a_replacement_that_is_killed_is_finished_by_the_next(chroma, work, point):
    wanted = fill(chroma, 40)
    fill(chroma, 3, "again")
    copy = ["copy", chroma.uri("docs"), chroma.uri("again"), "--on-exists", "replace", "--yes", *QUICK]
    assert work.run(*copy, env={"VECFERRY_FAILPOINT": f"{point}:1"}).returncode == harness.KILLED
    work.ok(*copy)
    assert chroma.act("names") == ["again", "docs"]
    assert chroma.told("again")["records"] == wanted
