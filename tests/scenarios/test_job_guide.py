"""The job file of the guide from Qdrant to PostgreSQL, run with the variables that people set."""
import uuid

import pytest
from qdrant_client import models

import harness
import qdrant_scenario as scenario
from postgresql_scenario import Postgres, database, either, postgres16, postgres18, work  # noqa: F401: fixtures

EXAMPLE = harness.ROOT / "examples/qdrant-to-postgres.yaml"
ROWS = 60


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory):
    double = scenario.Double(tmp_path_factory.mktemp("qdrant")).start()
    yield double
    scenario.stop_all(double)


def payload(i):
    return {"content": f"Context {i}", "game_id": f"game-{i % 3}", "user_id": f"user-{i % 5}", "metadata": {"turn": i}, "created_at": f"2026-01-{1 + i % 28:02d}T10:00:00Z"}


def test_the_guides_variables_copy_a_collection_into_its_table(qdrant, database, work):  # noqa: F811
    client = qdrant.client()
    client.create_collection("game_collection", vectors_config=models.VectorParams(size=4, distance=models.Distance.COSINE))
    points = [models.PointStruct(id=str(uuid.UUID(int=i + 1)), vector=[1.0, i, 2.0, -i], payload=payload(i)) for i in range(ROWS)]
    client.upsert("game_collection", points, wait=True)
    env = {"QDRANT_URL": "http://127.0.0.1:6300", "QDRANT_GRPC_PORT": str(qdrant.port), "DATABASE_URL": database.dsn.replace("postgresql:", "postgres:")}
    report = work.json("copy", "--config", EXAMPLE, env=env)
    assert report["written"] == ROWS and report["verify"]["ok"], report
    with database.connect(vectors=False) as connection:
        rows = connection.execute("SELECT id, game_id, user_id, content, metadata, created_at FROM context_items").fetchall()
    told = {str(row[0]): row for row in rows}
    assert len(told) == ROWS
    for i in range(ROWS):
        row = told[str(uuid.UUID(int=i + 1))]
        assert (row[1], row[2], row[3]) == (payload(i)["game_id"], payload(i)["user_id"], payload(i)["content"])
    assert work.json("verify", "--config", EXAMPLE, env=env)["ok"]
