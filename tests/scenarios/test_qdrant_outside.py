"""What happens to a copy from outside of both programs: the network is cut, the disk is full, the terminal is closed, the machine stops
it. It ends as an uninterrupted one, or says what to do and goes on from there."""
import os
import pathlib
import signal
import subprocess
import time

import pytest

import harness
import qdrant_scenario as scenario
from machine import DoubleInside, Network, SmallDisk, Terminal, needs_root

ROWS = 400
THRESHOLD = 10000


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    made = [scenario.Double(tmp_path_factory.mktemp(name)).start() for name in ("from", "to")]
    scenario.fill(made[0].client(), ROWS)
    yield made
    scenario.stop_all(*made)


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def pair(servers):
    servers[1].faults()
    scenario.drop(servers[1].client())
    yield [scenario.uri(server) for server in servers]
    servers[1].faults()


def whole(work, client, pair):
    assert scenario.count(client) == ROWS and scenario.threshold(client) == THRESHOLD
    work.digest(*pair)


@pytest.fixture(scope="module")
def file(servers, tmp_path_factory):
    """The same records as a file, for a program that no network reaches."""
    work = harness.Workplace(tmp_path_factory.mktemp("file"))
    work.ok("copy", scenario.uri(servers[0]), f"jsonl:{work.folder}/docs.jsonl", "-q")
    return f"jsonl:{work.folder}/docs.jsonl"


@needs_root
@pytest.mark.parametrize("seconds", [0.5, 4])
def test_a_network_that_is_cut_and_comes_back(file, work, tmp_path, seconds):
    network = Network()
    double = DoubleInside(network, tmp_path / "server").start()
    try:
        target = scenario.uri(double).replace("#", "?timeout=1s#")
        log = work.folder / "log.jsonl"
        running = subprocess.Popen(network.inside(*work.command("copy", file, target, "--batch-size", "10", "--rate", "200", "-q", "--log", log)),
                                   env=work.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        scenario.until(lambda: double.stats()["points_upserted"] > 100)
        network.cut()
        time.sleep(seconds)
        assert running.poll() is None and double.stats()["points_upserted"] < ROWS
        network.connect()
        assert running.wait(timeout=60) == 0, running.stderr.read()
        if seconds > 1:
            assert '"retry"' in pathlib.Path(log).read_text(), "the cut was not noticed"
        double.stop()
        double.network = None
        double.start()
        whole(work, double.client(), [file, scenario.uri(double)])
    finally:
        network.close()
        double.network = None
        double.stop()


@needs_root
@pytest.mark.parametrize("size", ["16k", "120k", "300k"])
def test_a_disk_that_is_full_under_the_journal(servers, pair, work, size):
    args = ["copy", *pair, "--batch-size", "20"]
    disk = SmallDisk(work.folder / "state", size)
    client = servers[1].client()
    try:
        told = disk.vecferry(work, *args, "-q")
        if told.returncode != 0:
            assert told.returncode == 7, f"exit {told.returncode}\n{told.stdout}\n{told.stderr}"
            assert "  next: free some space" in told.stderr and str(work.folder / "state") in told.stderr and "To go on:" in told.stderr, told.stderr
            if client.collection_exists("docs"):
                assert scenario.threshold(client) in (0, THRESHOLD)
        else:
            assert size == "300k"
        disk.grow()
        again = disk.vecferry(work, *args, "-q")
        assert again.returncode == 0, again.stdout + again.stderr
        whole(harness.Workplace(work.folder / "other"), client, pair)
    finally:
        disk.close()


def test_a_terminal_that_is_closed(servers, pair, work):
    args = ["copy", *pair, "--batch-size", "10"]
    client = servers[1].client()
    terminal = Terminal(work.command(*args, "--rate", "20"), work.environment())
    scenario.until(lambda: client.collection_exists("docs") and scenario.count(client) > 40)
    assert terminal.read(), "it shows its progress there"
    terminal.close()
    assert terminal.wait() == 130
    assert 40 < scenario.count(client) < ROWS and scenario.threshold(client) == THRESHOLD
    work.ok(*args, "-q")
    whole(work, client, pair)


def test_output_that_nobody_reads_any_more(servers, pair, work):
    """A pipe whose reader went away: the copy is more than its report."""
    reader, writer = os.pipe()
    running = subprocess.Popen(work.command("copy", *pair, "--batch-size", "20", "--rate", "400", "-v"), env=work.environment(), stdin=subprocess.DEVNULL,
                               stdout=writer, stderr=writer)
    os.close(writer)
    os.read(reader, 10)
    os.close(reader)
    running.wait(timeout=60)
    client = servers[1].client()
    work.run("copy", *pair, "--batch-size", "20", "-q")
    whole(work, client, pair)


def test_a_program_that_is_stopped_and_goes_on(servers, pair, work):
    running = work.start("copy", *pair, "--batch-size", "10", "--rate", "200", "-q")
    client = servers[1].client()
    scenario.until(lambda: client.collection_exists("docs") and scenario.count(client) > 40)
    running.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    held = scenario.count(client)
    running.send_signal(signal.SIGCONT)
    assert held < ROWS and running.wait(timeout=60) == 0
    whole(work, client, pair)


@pytest.mark.parametrize("sides", [(0,), (1,), (0, 1)], ids=["source", "target", "both"])
def test_servers_that_are_killed_again_and_again(servers, pair, work, sides):
    running = work.start("copy", *pair, "--batch-size", "10", "--rate", "200", "-q")
    client = servers[1].client()
    scenario.until(lambda: client.collection_exists("docs") and scenario.count(client) > 40)
    for _ in range(2):
        for side in sides:
            servers[side].kill()
        time.sleep(0.2)
        for side in sides:
            servers[side].start()
        time.sleep(0.3)
    assert running.wait(timeout=60) == 0
    whole(work, servers[1].client(), pair)


def test_a_server_that_does_not_come_back(servers, pair, work):
    """It waits as long as it was told and then says how to go on; what it can put back is not the index of a dead server."""
    args = ["copy", *pair, "--batch-size", "10", "-q"]
    running = subprocess.Popen(work.command(*args, "--rate", "200"), env=work.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    client = servers[1].client()
    scenario.until(lambda: client.collection_exists("docs") and scenario.count(client) > 40)
    servers[1].kill()
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    error = running.communicate(timeout=30)[1]
    assert running.returncode in (7, 130) and "vecferry clean" in error and "could not be put back" in error, error
    servers[1].start()
    assert scenario.threshold(servers[1].client()) == 0
    work.ok("clean")
    assert scenario.threshold(servers[1].client()) == THRESHOLD
    work.ok(*args)
    whole(work, servers[1].client(), pair)
