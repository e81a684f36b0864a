"""Every command line of docs/guide/search.md, run as it stands there, in its order."""
import json
import re
import shlex

import numpy
import pytest

import harness
import search_data as data

GUIDE = harness.ROOT / "docs/guide/search.md"


def lines():
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def work(tmp_path):
    place = harness.Workplace(tmp_path / "w")
    x, asked = data.vectors(300), data.vectors(10, seed=9)
    data.jsonl(place.folder / "papers.jsonl", x)
    numpy.save(place.folder / "questions.npy", asked)
    (place.folder / "questions.jsonl").write_text("".join(json.dumps({"vector": row.tolist(), "id": f"q{i}"}) + "\n" for i, row in enumerate(asked)))
    (place.folder / "questions.txt").write_text("".join(", ".join(map(str, row)) + "\n" for row in asked))
    place.ok("copy", "jsonl:papers.jsonl", "parquet:papers", "-q", cwd=place.folder)
    return place


def test_every_command_of_the_guide(work):
    import sqlite_vec
    assert len(lines()) >= 10
    for line in lines():
        command, *words = shlex.split(line)
        assert command == "vecferry"
        done = work.run(*words, env={"VECFERRY_SQLITE_VEC": sqlite_vec.loadable_path()}, cwd=work.folder)
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
