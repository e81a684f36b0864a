"""Killed at every failpoint and started again with the same command: the end is that of an uninterrupted run."""
import pytest

import harness


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return harness.make_memories(tmp_path_factory.mktemp("db") / "memories.db", 500)


def copy_args(database, work):
    return ["copy", f"mcp-memory:{database}", f"qdrant-local:{work.folder}/qdrant#memories", "--batch-size", "100", "-q"]


def spread(hits):
    """The first, second and last hit of a failpoint that is met often, all of one that is not."""
    return range(1, hits + 1) if hits <= 4 else sorted({1, 2, hits // 2, hits})


def test_every_failpoint(database, tmp_path):
    work = harness.Workplace(tmp_path / "w")
    args = copy_args(database, work)
    source, target = args[1], args[2]
    hits = harness.failpoints_of(work, *args)
    expected = work.digest(source, target)
    assert expected.split(":")[1] == "500"
    assert {"journal.ack.before", "journal.ack.after", "transfer.write.before", "journal.intent.before"} <= set(hits), hits
    for name, count in hits.items():
        for n in spread(count):
            work.forget("qdrant")
            killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:{n}"})
            # Several acknowledgements may share a commit, so that a later hit may not come.
            if killed.returncode == 0 and n > 1 and name.startswith("journal.ack"):
                continue
            assert killed.returncode == harness.KILLED, f"{name}:{n} was not reached: {killed.stderr}"
            again = work.run(*args)
            assert again.returncode == 0, f"after {name}:{n}: exit {again.returncode}\n{again.stderr}"
            assert work.digest(source, target) == expected, f"after {name}:{n}"
            assert not list((work.folder / "qdrant" / "collection").glob("*/storage.sqlite-*")), f"after {name}:{n}"


def test_rollback_killed_at_every_failpoint_is_finished_by_the_next(database, tmp_path):
    work = harness.Workplace(tmp_path / "w")
    args = copy_args(database, work)
    work.ok(*args)
    hits = harness.failpoints_of(work, "rollback", "last", "--yes")
    assert "rollback.drop.before" in hits
    for name in hits:
        work.forget("qdrant")
        work.ok(*args)
        killed = work.run("rollback", "last", "--yes", env={"VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED, name
        work.ok("rollback", "last", "--yes")
        assert not (work.folder / "qdrant" / "collection" / "memories").exists(), name
