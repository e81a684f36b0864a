"""Into a Qdrant server and from one to another: the program killed at every failpoint, and the end is that of an uninterrupted
run, with the index settings as they were."""
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
def database(tmp_path_factory):
    return harness.make_memories(tmp_path_factory.mktemp("db") / "memories.db", ROWS)


@pytest.fixture(scope="module")
def filled(servers):
    scenario.fill(servers[0].client(), ROWS)
    return scenario.uri(servers[0])


def spread(hits):
    return range(1, hits + 1) if hits <= 2 else sorted({1, hits // 2, hits})


def sweep(work, servers, args, name):
    """Every failpoint of a copy: killed there, started again, and compared with a run that nobody killed."""
    client = servers[1].client()
    scenario.drop(client)
    work.forget()
    hits = harness.failpoints_of(work, *args)
    expected = work.digest(args[1], args[2])
    assert expected.split(":")[1] == str(ROWS)
    assert scenario.threshold(client, name) == DEFAULT_THRESHOLD
    assert {"qdrant.create.before", "qdrant.create.after", "qdrant.upsert.before", "qdrant.upsert.after", "qdrant.defer.before", "qdrant.defer.after",
            "qdrant.putback.before", "qdrant.putback.after", "journal.ack.before", "journal.ack.after"} <= set(hits), hits
    for point, count in hits.items():
        for n in spread(count):
            scenario.drop(client)
            work.forget()
            killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{point}:{n}"})
            # How many commits and requests there are depends on how fast the server answers.
            if killed.returncode == 0 and n > 1:
                continue
            assert killed.returncode == harness.KILLED, f"{point}:{n} was not reached: {killed.stderr}"
            again = work.run(*args)
            assert again.returncode == 0, f"after {point}:{n}: exit {again.returncode}\n{again.stderr}"
            assert work.digest(args[1], args[2]) == expected, f"after {point}:{n}"
            assert scenario.threshold(client, name) == DEFAULT_THRESHOLD, f"after {point}:{n}"


def test_memories_into_a_server(servers, database, tmp_path):
    work = harness.Workplace(tmp_path / "w")
    sweep(work, servers, ["copy", f"mcp-memory:{database}", scenario.uri(servers[1], "memories"), "--batch-size", "100", "-q"], "memories")


def test_from_server_to_server(servers, filled, tmp_path):
    work = harness.Workplace(tmp_path / "w")
    sweep(work, servers, ["copy", filled, scenario.uri(servers[1]), "--batch-size", "100", "-q"], "docs")


@pytest.mark.parametrize("point", ["qdrant.defer.after", "qdrant.upsert.after", "qdrant.putback.before"])
def test_clean_puts_back_what_a_crash_left(servers, filled, tmp_path, point):
    work = harness.Workplace(tmp_path / "w")
    client = servers[1].client()
    scenario.drop(client)
    killed = work.run("copy", filled, scenario.uri(servers[1]), "--batch-size", "100", "-q", env={"VECFERRY_FAILPOINT": f"{point}:1"})
    assert killed.returncode == harness.KILLED, killed.stderr
    assert scenario.threshold(client) == 0
    work.ok("clean")
    assert scenario.threshold(client) == DEFAULT_THRESHOLD
