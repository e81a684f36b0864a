"""Every command line of docs/guide/qdrant.md, run as it stands there, in its order, against two servers."""
import re
import shlex
import subprocess

import pytest

import harness
import qdrant_scenario as scenario
from qdrant_servers import servers  # noqa: F401

GUIDE = harness.ROOT / "docs/guide/qdrant.md"
ROWS = 60


def lines():
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def work(servers, tmp_path):  # noqa: F811
    """A folder with the files that the guide names; collections on the first server."""
    place = harness.Workplace(tmp_path / "w")
    for name in ("docs", "other"):
        scenario.fill(servers[0].client(), ROWS, name)
    harness.make_memories(place.folder / "memories.db", ROWS)
    place.ok("copy", f"mcp-memory:{place.folder}/memories.db", f"qdrant-local:{place.folder}/qdrant#memories", "-q")
    for name in ("old", "new"):
        (place.folder / f"{name}.key").write_text(f"key-of-{name}\n")
    return place


def test_every_command_of_the_guide(servers, work):  # noqa: F811
    assert len(lines()) > 20
    keys = {"OLD_KEY": "key-of-old", "NEW_KEY": "key-of-new"}
    for line in lines():
        here = line.replace("old.example:6334", f"127.0.0.1:{servers[0].port}").replace("new.example:6334", f"127.0.0.1:{servers[1].port}")
        command, *words = shlex.split(here)
        if command != "vecferry":
            subprocess.run([command, *words], cwd=work.folder, check=True)
            continue
        done = work.run(*words, env=keys, cwd=work.folder)
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert scenario.everything(servers[0].client()) == scenario.everything(servers[1].client())
    assert scenario.everything(servers[0].client()) == scenario.everything(servers[1].client(), "restored")
