"""A collection of a Qdrant server into a backup and back into another server, with all that the server knows of it."""
import json

import pytest

import harness
import qdrant_scenario as scenario

ROWS = 300


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    made = [scenario.Double(tmp_path_factory.mktemp(name)).start() for name in ("from", "to")]
    scenario.fill(made[0].client(), ROWS)
    yield made
    scenario.stop_all(*made)


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def known(client, name):
    """Parameters and payload indexes as the vendor's client tells them."""
    info = client.get_collection(name)
    return info.config.model_dump(), {field: schema.model_dump() for field, schema in info.payload_schema.items()}


def points(client, name):
    page, _ = client.scroll(name, limit=10 * ROWS, with_payload=True, with_vectors=True)
    return {str(p.id): (p.payload, p.vector) for p in page}


def test_a_collection_is_saved_and_comes_back_as_it_was(servers, work):
    first, second = (server.client() for server in servers)
    scenario.drop(second)
    file, source, target = work.folder / "docs.jsonl", scenario.uri(servers[0]), scenario.uri(servers[1], "again")
    report = work.json("backup", source, file)
    assert report["records"] == ROWS and report["rejected"] == 0 and report["checked"]
    assert work.json("backup", "verify", file)["ok"]
    settings = json.loads(file.open(encoding="utf-8").readline())["settings"]
    assert {"qdrant.create_collection", "qdrant.payload_indexes"} <= set(settings)
    back = work.json("restore", file, target)
    assert back["state"] == "restored" and back["copy"]["verify"]["ok"]
    assert known(second, "again") == known(first, "docs")
    assert points(second, "again") == points(first, "docs")


def test_a_restore_into_a_server_is_killed_and_run_again(servers, work):
    second = servers[1].client()
    file, target = work.folder / "docs.jsonl", scenario.uri(servers[1], "killed")
    work.ok("backup", scenario.uri(servers[0]), file)
    args = ["restore", file, target, "--batch-size", "50", "-q"]
    scenario.drop(second)
    for point in ("journal.ack.before", "qdrant.upsert.after", "qdrant.putback.before"):
        killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{point}:1"})
        assert killed.returncode == harness.KILLED, killed.stderr
    work.ok(*args)
    assert scenario.count(second, "killed") == ROWS
    assert points(second, "killed") == points(servers[0].client(), "docs")


def test_a_backup_of_a_server_is_killed_and_run_again(servers, work):
    file = work.folder / "docs.jsonl"
    args = ["backup", scenario.uri(servers[0]), file, "--batch-size", "50", "-q"]
    for point in ("journal.ack.before", "jsonl.flush.before", "jsonl.rename.after", "backup.manifest.before"):
        assert work.run(*args, env={"VECFERRY_FAILPOINT": f"{point}:1"}).returncode == harness.KILLED, point
    work.ok(*args)
    report = work.json("backup", "verify", file)
    assert report["ok"] and report["backups"][0]["records"] == ROWS
