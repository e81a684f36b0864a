"""Every command line of docs/guide/qdrant-to-postgres.md, run as it stands there, in its order, against a Qdrant server and a real PostgreSQL."""
import re
import shlex
import subprocess
import uuid

import pytest

import harness
import qdrant_scenario
from postgresql_scenario import postgres18  # noqa: F401

GUIDE = harness.ROOT / "docs/guide/qdrant-to-postgres.md"
ROWS = 250


def lines():
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def qdrant(tmp_path):
    from qdrant_client import models
    double = qdrant_scenario.Double(tmp_path / "qdrant").start()
    client = double.client()
    client.create_collection("game_collection", vectors_config=models.VectorParams(size=8, distance=models.Distance.COSINE))
    client.upsert("game_collection", [models.PointStruct(id=str(uuid.UUID(int=i * 7919 + 1)), vector=qdrant_scenario.vector(i + 1, 8), payload={
        "game_id": f"g{i % 3}", "user_id": f"u{i % 7}", "content": f"said, \"{i}\"\nand more", "created_at": f"2024-05-06T07:{i // 60:02d}:{i % 60:02d}Z", "mood": {"n": i, "x": 1.0}, "turn": i})
        for i in range(ROWS)], wait=True)
    yield double
    double.stop()


@pytest.fixture
def gamedb(postgres18):  # noqa: F811
    database = postgres18.create("gamedb")
    database.run("DROP ROLE IF EXISTS rpg", "CREATE ROLE rpg LOGIN", "GRANT CREATE ON SCHEMA public TO rpg")
    yield database
    database.run("DROP OWNED BY rpg", "DROP ROLE rpg")


def test_every_command_of_the_guide(qdrant, gamedb, tmp_path):
    work = harness.Workplace(tmp_path / "w")
    assert len(lines()) >= 10
    for line in lines():
        here = line.replace("localhost:6334", f"127.0.0.1:{qdrant.port}").replace("localhost:5432", f"127.0.0.1:{gamedb.server.port}")
        command, *words = shlex.split(here)
        if command == "psql":
            subprocess.run([gamedb.server.binary("psql"), "-qv", "ON_ERROR_STOP=1", *words], cwd=work.folder, check=True)
            continue
        if command != "vecferry":
            subprocess.run([command, *words], cwd=work.folder, check=True)
            continue
        done = work.run(*words, cwd=work.folder)
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        if "#context_items" in line and "copy" in words and "--restart" not in words:
            check_table(gamedb)
    assert gamedb.one("SELECT count(*) FROM context_items") == ROWS
    if any("by_psql" in line for line in lines()):
        assert gamedb.one("SELECT count(*) FROM (SELECT id::text, content, embedding FROM by_psql EXCEPT SELECT id::text, content, embedding FROM context_items) d") == 0
        assert gamedb.one("SELECT count(*) FROM by_psql") == ROWS


def check_table(gamedb):
    row = gamedb.rows("SELECT game_id, user_id, content, metadata, created_at::text FROM context_items WHERE metadata->>'turn' = '65'")
    assert row == [("g2", "u2", "said, \"65\"\nand more", {"mood": {"n": 65, "x": 1.0}, "turn": 65}, "2024-05-06 07:01:05+00")]
    assert any("USING hnsw (embedding vector_cosine_ops)" in text for text in gamedb.indexes("context_items").values())
