"""A collection that is replaced: its names go over to the new one, at once where they are aliases; killed in between it is finished
by the same command, or taken back where the old one still is."""
import pytest

import harness
from qdrant_judge import Server, different


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("server"))
    made.act("make")
    yield made
    made.stop()


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


NAMES = {"plain": "old", "by alias": "name"}


def place(work, server, given):
    """A collection `old` that has further names; returns the copy that replaces it under one of them, and the names there were."""
    for alias, collection in server.act("aliases").items():
        if alias in ("name", "further", "more", "old"):
            server.act("drop", collection)
    for name in server.act("names"):
        if name.startswith(("old", "name-")):
            server.act("drop", name)
    work.forget()
    work.ok("copy", server.uri("dot"), server.uri("old"), "-q")
    # Further aliases of a collection that is replaced under one of them stay with it (test_qdrant_targets.py).
    aliases = ["name"] if given == "by alias" else ["further", "more"]
    server.act("alias", "old", aliases)
    replaced = NAMES[given]
    return ["copy", server.uri("rich"), server.uri(replaced), "--on-exists", "replace", "-q"] + ["--yes"] * (given == "plain"), set(aliases) | {replaced}


def check_replaced(server, names):
    aliases = server.act("aliases")
    [collection] = {aliases[name] for name in names}
    assert not {"old"} & set(server.act("names"))
    before, after = server.act("look", "rich"), server.act("look", collection)
    assert different({**before, "aliases": 0}, {**after, "aliases": 0}) == []


@pytest.mark.parametrize("given", list(NAMES))
def test_every_name_goes_over(server, work, given):
    copy, names = place(work, server, given)
    work.ok(*copy)
    check_replaced(server, names)
    assert sum(name.startswith(("old", "name-")) for name in server.act("names")) == 1


@pytest.mark.parametrize("given", list(NAMES))
def test_killed_while_the_name_goes_over(server, work, given):
    copy, names = place(work, server, given)
    points = [p for p in harness.failpoints_of(work, *copy) if p.startswith(("qdrant.remove-old", "qdrant.alias", "qdrant.drop-old"))]
    assert len(points) >= 3
    for point in points:
        copy, names = place(work, server, given)
        assert work.run(*copy, env={"VECFERRY_FAILPOINT": f"{point}:1"}).returncode == harness.KILLED, point
        if given == "by alias":
            assert len({server.act("aliases")[name] for name in names}) == 1, f"{point}: some names went over, others not"
        work.ok(*copy)
        check_replaced(server, names)


@pytest.mark.parametrize("given", list(NAMES))
def test_taken_back_while_the_name_goes_over(server, work, given):
    """Where the old collection is gone already the new one is all there is: it is kept, and the copy finishes."""
    copy, names = place(work, server, given)
    old = server.act("look", "old")
    points = [p for p in harness.failpoints_of(work, *copy) if p.startswith(("qdrant.remove-old", "qdrant.alias", "qdrant.drop-old"))]
    refused = 0
    for point in points:
        copy, names = place(work, server, given)
        assert work.run(*copy, env={"VECFERRY_FAILPOINT": f"{point}:1"}).returncode == harness.KILLED, point
        taken_back = work.run("rollback", "last", "--yes")
        if "old" in server.act("names"):
            assert taken_back.returncode == 0, taken_back.stderr
            assert different(old, server.act("look", "old")) == [], point
            assert not [name for name in server.act("names") if name.startswith(("old-", "name-"))]
            continue
        assert taken_back.returncode == 8 and "run the copy again" in taken_back.stderr, taken_back.stderr
        refused += 1
        work.ok(*copy)
        check_replaced(server, names)
    assert bool(refused) == (given == "plain")
