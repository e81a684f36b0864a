"""The two servers of a file of scenarios, imported by name where they are used."""
import pytest

import harness
import qdrant_scenario as scenario


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """(source, target), for all tests of a file."""
    made = [scenario.Double(tmp_path_factory.mktemp(name), "--distributed").start() for name in ("from", "to")]
    yield made
    for double in made:
        double.faults()
    scenario.stop_all(*made)


@pytest.fixture
def ends(servers, tmp_path):
    """A workplace with both servers empty and well."""
    return Ends(servers, harness.Workplace(tmp_path / "w"))


class Ends:
    def __init__(self, servers, work):
        self.servers, self.work = servers, work
        for server in servers:
            server.faults()
            if not server.running():
                server.start()
        self.source, self.target = (server.client() for server in servers)
        for client in (self.source, self.target):
            scenario.drop(client)

    def uri(self, side, name="docs", words=""):
        return f"qdrant://127.0.0.1:{self.servers[side].port}{words}#{name}"

    def pair(self, name="docs"):
        return [self.uri(0, name), self.uri(1, name)]

    def copy(self, *flags, name="docs"):
        return ["copy", *self.pair(name), *flags]

    def same(self, name="docs"):
        """Both are equal, for the program without its journal and for the vendor's client."""
        self.work.forget()
        digest = self.work.digest(*self.pair(name))
        mine, theirs = scenario.everything(self.source, name), scenario.everything(self.target, name)
        assert mine.keys() == theirs.keys()
        assert all(theirs[key][0] == payload for key, (payload, _) in mine.items())
        return digest
