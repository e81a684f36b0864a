"""Servers that are slow, full, lost, wrong or stopped while a copy goes on: it waits, tries again, and ends as it would have."""
import json
import os
import signal
import subprocess
import time

import pytest

import harness
import qdrant_scenario as scenario
from qdrant_scenario import until

ROWS = 600
THRESHOLD = 10000


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    made = [scenario.Double(tmp_path_factory.mktemp(name)).start() for name in ("from", "to")]
    scenario.fill(made[0].client(), ROWS)
    yield made
    scenario.stop_all(*made)


@pytest.fixture
def pair(servers):
    """Source and target, the target empty, no faults on either."""
    for server in servers:
        server.faults()
    scenario.drop(servers[1].client())
    yield scenario.uri(servers[0]), scenario.uri(servers[1])
    for server in servers:
        server.faults()


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def check_end(work, servers, pair, rows=ROWS):
    for server in servers:
        server.faults()
    client = servers[1].client()
    assert scenario.count(client) == rows
    assert scenario.threshold(client) == THRESHOLD
    work.digest(*pair)


def upserts(server):
    return sum(n for name, n in server.stats()["calls"].items() if name.endswith("Upsert"))


WRITES = [{"unavailable_every": 3}, {"unavailable_every": 3, "before": True}, {"drop_answers_every": 4}, {"nonsense_every": 4}, {"wait_timeout_every": 3},
          {"slow_ms": 300, "slow_every": 4}]


@pytest.mark.parametrize("fault", WRITES, ids=lambda f: "-".join(f))
def test_writes_that_fail_now_and_then(servers, pair, work, fault):
    servers[1].faults(methods=["Upsert", "Get", "Count"], **fault)
    report = work.json("copy", *pair, "--batch-size", "50")
    assert report["exit_code"] == 0
    if "slow_ms" not in fault:
        assert report["retried"] > 0, report
    check_end(work, servers, pair)


@pytest.mark.parametrize("fault", [{"unavailable_every": 3}, {"drop_answers_every": 3}, {"nonsense_every": 3}], ids=lambda f: "-".join(f))
def test_reads_that_fail_now_and_then(servers, pair, work, fault):
    servers[0].faults(methods=["Scroll"], **fault)
    report = work.json("copy", *pair, "--batch-size", "50")
    assert report["retried"] > 0, report
    check_end(work, servers, pair)


def test_a_full_disk_at_the_server_is_waited_for(servers, pair, work):
    servers[1].faults(full=True, methods=["Upsert"])
    running = work.start("copy", *pair, "--batch-size", "50", "-q")
    time.sleep(2)
    assert running.poll() is None, "it gave up"
    servers[1].faults()
    assert running.wait(timeout=60) == 0
    check_end(work, servers, pair)


def test_single_points_that_are_refused_are_found(servers, pair, work):
    refused = [1, 201, 599]
    servers[1].faults(refuse_ids=refused, methods=["Upsert"])
    done = work.json("copy", *pair, "--batch-size", "100", code=3)
    assert done["rejected"] == len(refused)
    rejects = [line for line in open(done["rejects_file"]).read().splitlines() if line]
    assert sorted(int(json.loads(line)["id"]) for line in rejects) == refused
    servers[1].faults()
    assert scenario.count(servers[1].client()) == ROWS - len(refused)
    work.ok("copy", *pair, "--batch-size", "100", "--retry-rejects", "-q")
    check_end(work, servers, pair)


def test_requests_that_are_too_large_are_halved_and_it_is_remembered(servers, pair, work):
    before = upserts(servers[1])
    servers[1].faults(max_request_bytes=20_000, methods=["Upsert"])
    work.ok("copy", *pair, "-q")
    check_end(work, servers, pair)
    calls = upserts(servers[1]) - before
    assert calls < 120, f"{calls} requests for {ROWS} points: the size that fits was not kept to"


def test_a_server_that_hangs(servers, pair, work):
    """Stopped, not dead: connections stand and nothing answers."""
    source, target = pair
    target = target.replace("#", "?timeout=1s#")
    running = work.start("copy", source, target, "--batch-size", "20", "--rate", "300", "-q")
    client = servers[1].client()
    until(lambda: client.collection_exists("docs") and scenario.count(client) > 100)
    os.kill(servers[1].state["pid"], signal.SIGSTOP)
    time.sleep(3)
    assert running.poll() is None
    os.kill(servers[1].state["pid"], signal.SIGCONT)
    assert running.wait(timeout=60) == 0
    check_end(work, servers, pair)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_it_with_the_index_as_it_was_and_the_same_command_goes_on(servers, pair, work, name):
    args = ["copy", *pair, "--batch-size", "20", "-q"]
    env = work.environment()
    # pytest may have been started with the signal ignored, which a child inherits.
    running = subprocess.Popen(["env", f"--default-signal={name[3:]}", *work.command(*args, "--rate", "200")], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    client = servers[1].client()
    until(lambda: client.collection_exists("docs") and scenario.count(client) > 60)
    assert scenario.threshold(client) == 0
    running.send_signal(getattr(signal, name))
    error = running.communicate(timeout=30)[1]
    assert running.returncode == 130, error
    assert "vecferry copy" in error
    assert 60 < scenario.count(client) < ROWS
    assert scenario.threshold(client) == THRESHOLD
    work.ok(*args)
    check_end(work, servers, pair)


def test_a_second_ctrl_c_stops_at_once_and_nothing_is_lost(servers, pair, work):
    args = ["copy", *pair, "--batch-size", "20", "-q"]
    running = work.start(*args, "--rate", "200")
    client = servers[1].client()
    until(lambda: client.collection_exists("docs") and scenario.count(client) > 60)
    servers[1].faults(slow_ms=20_000)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=5) == 130
    servers[1].faults()
    work.ok(*args)
    check_end(work, servers, pair)


def test_two_runs_on_one_journal(servers, pair, work):
    args = ["copy", *pair, "--batch-size", "20", "-q"]
    running = work.start(*args, "--rate", "200")
    client = servers[1].client()
    until(lambda: client.collection_exists("docs") and scenario.count(client) > 20)
    second = work.run(*args)
    assert second.returncode == 11, second.stderr
    assert str(running.pid) in second.stderr
    assert running.wait(timeout=60) == 0
    check_end(work, servers, pair)


def test_several_runs_into_one_target_put_the_index_back_once(servers, pair, work):
    source = servers[0].client()
    for part in range(3):
        scenario.fill(source, 200, name=f"part{part}", first=part * 200)
    scenario.fill(servers[1].client(), 0)
    running = [work.start("copy", scenario.uri(servers[0], f"part{part}"), pair[1], "--on-exists", "upsert", "--batch-size", "20", "--rate", rate, "-q")
               for part, rate in enumerate(("400", "200", "100"))]
    client = servers[1].client()
    ended = {}
    while len(ended) < 3:
        for part, run in enumerate(running):
            if part not in ended and run.poll() is not None:
                ended[part] = run.returncode
                if len(ended) < 3:
                    assert scenario.threshold(client) == 0, f"run {part} put the index back under the others"
        time.sleep(0.02)
    assert ended == {0: 0, 1: 0, 2: 0}
    assert scenario.threshold(client) == THRESHOLD
    assert scenario.count(client) == ROWS
    work.digest(*pair)


def test_no_space_for_the_journal(servers, pair, work):
    args = ["copy", *pair, "--batch-size", "50", "-q"]
    failed = work.run(*args, env={"VECFERRY_FAILPOINT": "journal.ack.before:3:no_space"})
    assert failed.returncode not in (0, 130), failed.stderr
    assert "What was done is kept" in failed.stderr
    assert scenario.threshold(servers[1].client()) == THRESHOLD
    work.ok(*args)
    check_end(work, servers, pair)


def test_a_source_that_is_written_to_meanwhile_ends_equal(servers, pair, work):
    source = servers[0].client()
    scenario.fill(source, 400, name="moving")
    moving = scenario.uri(servers[0], "moving")
    running = work.start("copy", moving, pair[1], "--batch-size", "20", "--rate", "250", "-q")
    client = servers[1].client()
    until(lambda: client.collection_exists("docs") and scenario.count(client) > 100)
    scenario.fill(source, 50, name="moving", first=400)
    source.set_payload("moving", {"n": -5}, points=[1, 3, 5])
    source.delete("moving", [7, 9])
    assert running.wait(timeout=60) == 0
    work.digest(moving, pair[1])
