"""Every command line of docs/guide/pinecone.md, run as it stands there, in its order, against a real PostgreSQL and doubles of Pinecone and Qdrant."""
import re
import shlex

import pytest

import harness
import qdrant_scenario
from pinecone_scenario import KEY, Workplace, service, theirs  # noqa: F401
from postgresql_scenario import postgres18  # noqa: F401

GUIDE = harness.ROOT / "docs/guide/pinecone.md"
ROWS = 120


def lines():
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def app(postgres18):  # noqa: F811
    database = postgres18.create("app")
    database.run("DROP ROLE IF EXISTS app", "CREATE ROLE app LOGIN", "CREATE EXTENSION IF NOT EXISTS vector",
                 "CREATE TABLE articles (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(3), score double precision, published timestamptz)",
                 f"INSERT INTO articles SELECT 'a' || i, 'Text ' || i, jsonb_build_object('n', i, 'tags', jsonb_build_array('x', 'y')), ('[' || i || ',1,-0.5]')::vector, i, '2024-05-06T07:08:09Z' FROM generate_series(1, {ROWS}) i",
                 "GRANT SELECT ON articles TO app")
    yield database
    database.run("DROP OWNED BY app", "DROP ROLE app")


@pytest.fixture
def qdrant(tmp_path):
    double = qdrant_scenario.Double(tmp_path / "qdrant").start()
    yield double
    double.stop()


def test_every_command_of_the_guide(service, app, qdrant, tmp_path):  # noqa: F811
    work = Workplace(tmp_path / "w")
    env = {"PINECONE_CONTROLLER_HOST": f"http://127.0.0.1:{service.port}"}
    assert len(lines()) >= 9
    for line in lines():
        if line.startswith("export"):
            assert line.split("=")[0] == "export PINECONE_API_KEY"
            continue
        here = line.replace("localhost:6334", f"127.0.0.1:{qdrant.port}").replace("localhost:5432", f"127.0.0.1:{app.server.port}")
        command, *words = shlex.split(here)
        assert command == "vecferry"
        done = work.run(*words, cwd=work.folder, env=env)
        # The plan names the column of times; everything else is done.
        wanted = (0, 8) if words[0] == "plan" else (0,)
        assert done.returncode in wanted, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    found = theirs(service, "articles")
    assert len(found) == ROWS and found["a7"]["values"] == [7, 1, -0.5] and found["a7"]["metadata"]["n"] == 7
    client = qdrant.client()
    assert client.count("articles", exact=True).count == ROWS
    assert (work.folder / "articles.jsonl.manifest.json").exists()
