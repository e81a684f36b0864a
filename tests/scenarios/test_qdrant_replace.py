"""A collection that is replaced: a plain one leaves its name and its aliases to the new one, an alias is turned over alone. Killed in
between it is finished by the same command, or taken back where the old one still is."""
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
FURTHER = {"further", "more"}


def leftovers(server):
    return [name for name in server.act("names") if name.startswith(("old", "name-"))]


def place(work, server, given):
    """A collection `old` that has further names, to be replaced; returns the copy that does."""
    for name in leftovers(server):
        server.act("drop", name)
    work.forget()
    work.ok("copy", server.uri("dot"), server.uri("old"), "-q")
    server.act("alias", "old", [*FURTHER] + ["name"] * (given == "by alias"))
    return ["copy", server.uri("rich"), server.uri(NAMES[given]), "--on-exists", "replace", "-q"] + ["--yes"] * (given == "plain")


def check_replaced(server, given):
    """The name stands for the new collection; further names follow a plain collection's, and else keep what they stood for."""
    aliases = server.act("aliases")
    collection = aliases[NAMES[given]]
    assert {aliases[name] for name in FURTHER} == {collection if given == "plain" else "old"}
    assert sorted(leftovers(server)) == sorted([collection] + ["old"] * (given == "by alias"))
    before, after = server.act("look", "rich"), server.act("look", collection)
    assert different({**before, "aliases": 0}, {**after, "aliases": 0}) == []


def points_of(work, server, copy):
    hits = harness.failpoints_of(work, *copy)
    return [p for p in hits if p.startswith(("qdrant.remove-old", "qdrant.alias", "qdrant.drop-old"))]


@pytest.mark.parametrize("given", list(NAMES))
def test_killed_while_the_name_goes_over(server, work, given):
    points = points_of(work, server, place(work, server, given))
    check_replaced(server, given)
    assert len(points) == (3 if given == "plain" else 2)
    for point in points:
        copy = place(work, server, given)
        assert work.run(*copy, env={"VECFERRY_FAILPOINT": f"{point}:1"}).returncode == harness.KILLED, point
        assert FURTHER <= server.act("aliases").keys(), f"{point}: names are lost"
        work.ok(*copy)
        check_replaced(server, given)


@pytest.mark.parametrize("given", list(NAMES))
def test_taken_back_while_the_name_goes_over(server, work, given):
    """Where the old collection is gone already the new one is all there is: it is kept, and the copy finishes."""
    points, refused = points_of(work, server, place(work, server, given)), 0
    for point in points:
        copy = place(work, server, given)
        old = server.act("look", "old")
        assert work.run(*copy, env={"VECFERRY_FAILPOINT": f"{point}:1"}).returncode == harness.KILLED, point
        taken_back = work.run("rollback", "last", "--yes")
        if "old" in server.act("names"):
            assert taken_back.returncode == 0, taken_back.stderr
            assert different(old, server.act("look", "old")) == [], point
            assert leftovers(server) == ["old"]
            continue
        assert taken_back.returncode == 8 and "run the copy again" in taken_back.stderr, taken_back.stderr
        refused += 1
        work.ok(*copy)
        check_replaced(server, given)
    assert refused == (2 if given == "plain" else 0)
