"""qdrant-client is the judge: what it made on one server is the same on another after a copy, a file or a backup, and it works there."""
import pytest

import harness
from qdrant_judge import TIMES, Server, different, same

COLLECTIONS = ["rich", "dot", "cosine", "euclid", "manhattan", "beside", "words alone", "no vectors", "nothing", "rows"]
WORKED_WITH = ["rich", "cosine", "beside"]
THROUGH_FILES = ["rich", "cosine", "words alone", "nothing"]


class Pair:
    """A server with everything that a client of its time makes, and an empty one of the same version."""

    def __init__(self, folder, version):
        self.one, self.other = Server(folder / "one", version), Server(folder / "other", version)
        self.names = self.one.act("make")

    def stop(self):
        self.one.stop(), self.other.stop()


@pytest.fixture(scope="module", params=list(TIMES))
def pair(request, tmp_path_factory):
    made = Pair(tmp_path_factory.mktemp("servers"), request.param)
    yield made
    made.stop()


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_what_the_client_made_is_the_same_on_another_server(pair, work, name):
    if name not in pair.names:
        pytest.skip("a client of that time cannot make it")
    report = work.json("copy", pair.one.uri(name), pair.other.uri(name))
    assert report["rejected"] == 0 and report["verify"]["ok"]
    same(pair.one, pair.other, name)
    assert work.digest(pair.one.uri(name), pair.other.uri(name)) == report["digest"]


@pytest.mark.parametrize("name", WORKED_WITH)
def test_the_client_works_with_what_was_written(pair, work, name):
    """The same queries and changes on both servers give the same answers and the same collection."""
    copied = f"{name}, to be worked with"
    for server in (pair.one, pair.other):
        work.ok("copy", pair.one.uri(name), server.uri(copied), "-q")
    one, other = pair.one.act("work", copied), pair.other.act("work", copied)
    assert all(one["before"].values()) and one["before"] != one["after"] and len(one["read"]) == 5
    assert different(one, other) == []
    same(pair.one, pair.other, copied)


@pytest.mark.parametrize("name", THROUGH_FILES)
def test_parameters_survive_a_file_and_a_backup(pair, work, name):
    lines, file, before = f"jsonl:{work.folder}/lines.jsonl", work.folder / "kept.jsonl", pair.one.act("look", name)
    out = work.json("copy", pair.one.uri(name), lines)
    assert work.json("backup", pair.one.uri(name), file)["digest"] == out["digest"]
    for bring_back in (["copy", lines], ["restore", file]):
        assert pair.one.act("drop", name) and name not in pair.one.act("names")
        report = work.json(*bring_back, pair.one.uri(name))
        report = report.get("copy", report)
        assert report["digest"] == out["digest"] and report["rejected"] == 0 and report["verify"]["ok"]
        assert different(before, pair.one.act("look", name)) == []
