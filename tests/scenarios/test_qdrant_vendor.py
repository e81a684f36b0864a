"""qdrant-client is the judge: what it made on one server is the same on another after a copy, a file or a backup, and it works there."""
import pytest

import harness
from qdrant_judge import TIMES, Server, different

ALWAYS = ["rich", "dot", "cosine", "euclid", "manhattan", "beside", "words alone", "no vectors", "nothing"]
WORKED_WITH = ["rich", "dot", "cosine", "euclid", "manhattan", "beside"]


class Pair:
    """A server with everything that a client of its time makes, and an empty one of the same version."""

    def __init__(self, folder, version):
        self.one, self.other = (Server(folder / name, version, TIMES[version]) for name in ("one", "other"))
        self.names = self.one.act("make")

    def stop(self):
        self.one.double.stop(), self.other.double.stop()


@pytest.fixture(scope="module", params=list(TIMES))
def pair(request, tmp_path_factory):
    made = Pair(tmp_path_factory.mktemp("servers"), request.param)
    yield made
    made.stop()


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def same(one, other, name, to=None):
    """Compares parameters, indexes, aliases and points, bit by bit, as the client of each server tells them."""
    before, after = one.act("look", name), other.act("look", to or name)
    assert before["points"] or name == "nothing"
    assert different(before, after) == []


@pytest.mark.parametrize("name", ALWAYS + ["rows"])
def test_what_the_client_made_is_the_same_on_another_server(pair, work, name):
    if name not in pair.names:
        pytest.skip("a client of that time cannot make it")
    report = work.json("copy", pair.one.uri(name), pair.other.uri(name))
    assert report["rejected"] == 0 and report["verify"]["ok"]
    same(pair.one, pair.other, name)
    assert work.digest(pair.one.uri(name), pair.other.uri(name)) == report["digest"]


@pytest.mark.parametrize("name", WORKED_WITH)
def test_the_client_works_with_what_was_copied(pair, work, name):
    """The same queries and changes on both servers give the same answers and the same collection."""
    work.ok("copy", pair.one.uri(name), pair.other.uri("worked " + name), "-q")
    there, copied = pair.one.act("look", name), f"copy of {name}"
    work.ok("copy", pair.one.uri(name), pair.one.uri(copied), "-q")
    one, other = pair.one.act("work", copied), pair.other.act("work", "worked " + name)
    assert all(one["before"].values()) and one["before"] != one["after"] and len(one["read"]) == 5
    assert different(one, other) == []
    same(pair.one, pair.other, copied, "worked " + name)
    assert different(there, pair.one.act("look", name)) == []


@pytest.mark.parametrize("name", ALWAYS)
def test_through_a_file(pair, work, name):
    lines = f"jsonl:{work.folder}/lines.jsonl"
    out = work.json("copy", pair.one.uri(name), lines)
    pair.other.act("drop", name)
    back = work.json("copy", lines, pair.other.uri(name))
    assert out["digest"] == back["digest"] and back["rejected"] == 0
    same(pair.one, pair.other, name)


@pytest.mark.parametrize("name", ALWAYS)
def test_a_backup_brings_a_lost_collection_back(pair, work, name):
    file, before = work.folder / "kept.jsonl", pair.one.act("look", name)
    report = work.json("backup", pair.one.uri(name), file)
    assert report["checked"] and pair.one.act("drop", name)
    assert name not in pair.one.act("names")
    back = work.json("restore", file, pair.one.uri(name))
    assert back["state"] == "restored" and back["copy"]["verify"]["ok"]
    assert different(before, pair.one.act("look", name)) == []
