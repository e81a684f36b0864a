"""A Qdrant server killed in the middle of a copy, applied or not, and started again while the program waits."""
import pytest

import harness
import qdrant_scenario as scenario

ROWS = 400
DEFAULT_THRESHOLD = 10000


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    made = [scenario.Double(tmp_path_factory.mktemp(name), "--index-seconds", "0.05").start() for name in ("from", "to")]
    yield made
    scenario.stop_all(*made)


@pytest.fixture(scope="module")
def filled(servers):
    scenario.fill(servers[0].client(), ROWS)
    return scenario.uri(servers[0])


@pytest.mark.parametrize("after", [1, 2, 4, 7, 12])
def test_the_server_is_killed_and_comes_back(servers, filled, tmp_path, after):
    """It dies in the n-th call, applied or not, and comes back while the program waits."""
    work = harness.Workplace(tmp_path / "w")
    client = servers[1].client()
    scenario.drop(client)
    servers[1].faults(kill_after_calls=after, before=after % 2 == 0)
    running = work.start("copy", filled, scenario.uri(servers[1]), "--batch-size", "50", "-q")
    servers[1].wait()
    servers[1].faults()
    servers[1].start()
    assert running.wait(timeout=120) == 0
    client = servers[1].client()
    assert scenario.count(client) == ROWS
    assert scenario.threshold(client) == DEFAULT_THRESHOLD
    work.digest(filled, scenario.uri(servers[1]))
