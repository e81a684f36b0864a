"""verify --repair from the command line: what is mended, what is left alone, killed and gone on with, taken back."""
import pytest

import harness
from mutate import Mutator
from postgresql_scenario import database, database16, either, jsonl, postgres16, postgres18, record, work  # noqa: F401: fixtures

ROWS = 200


def filled(folder, rows=ROWS):
    return jsonl(folder / "records.jsonl", [record(i) for i in range(rows)])


def test_a_table_is_mended_row_by_row(either, work):  # noqa: F811
    source, target = filled(work.folder), either.uri("items")
    work.ok("copy", source, target, "-q")
    with either.connect(vectors=False) as connection:
        connection.execute("DELETE FROM items WHERE id IN ('rec-1', 'rec-2')")
        connection.execute("UPDATE items SET document = 'edited' WHERE id = 'rec-3'")
        connection.execute("INSERT INTO items(id, document, metadata, embedding) VALUES ('theirs', 'x', '{}', '[1,2,3,4]')")
        places = dict(connection.execute("SELECT id, ctid::text FROM items").fetchall())
    jsonl(work.folder / "records.jsonl", [record(i, document="newer") if i == 10 else record(i) for i in range(ROWS)])
    found = work.json("verify", source, target, code=4)
    assert found["counts"] == {"lost": 2, "changed-at-target": 1, "changed-at-source": 1, "extra": 1}, found
    dry = work.json("verify", source, target, "--repair", "--dry-run", code=4)
    assert dry["repair"]["to_write"] == 3 and dry["repair"]["state"] == "dry-run" and len(work.json("runs")["runs"]) == 1
    repaired = work.json("verify", source, target, "--repair", code=4)
    repair = repaired["repair"]
    assert (repair["written"], repair["lost"], repair["changed"], repair["kept"], repair["extra"], repair["deleted"]) == (3, 2, 1, 1, 1, 0), repair
    assert repaired["counts"] == {"changed-at-target": 1, "extra": 1}, "what is left is what was not asked for"
    with either.connect(vectors=False) as connection:
        after = dict(connection.execute("SELECT id, ctid::text FROM items").fetchall())
    assert {id for id in places if after.get(id) != places[id]} == {"rec-10"}, "no other row was written"
    whole = work.json("verify", source, target, "--repair", "--delete", "--overwrite-changed")
    assert whole["ok"] and whole["repair"]["deleted"] == 1 and whole["repair"]["written"] == 1, whole
    assert work.json("verify", source, target, "--repair")["repair"]["state"] == "in-sync"
    assert work.json("rollback", whole["repair"]["run"], "--yes", "-q")["restored"] == 2
    assert either.one("SELECT document FROM items WHERE id = 'rec-3'") == "edited" and either.one("SELECT document FROM items WHERE id = 'theirs'") == "x"


@pytest.mark.parametrize("kind", Mutator.KINDS)
def test_any_one_mutation_of_a_local_directory_is_mended(kind, work):  # noqa: F811
    database = harness.make_memories(work.folder / "m.db", 60)  # noqa: F811
    source, target = f"mcp-memory:{database}", f"qdrant-local:{work.folder}/qdrant#memories"
    work.ok("copy", source, target, "-q")
    good = work.digest(source, target)
    storage = work.folder / "qdrant" / "collection" / "memories" / "storage.sqlite"
    for seed in range(3):
        if not Mutator(storage, seed).apply(kind):
            continue
        if work.run("verify", source, target).returncode == 0:
            continue
        done = work.run("verify", source, target, "--repair", "--overwrite-changed", "--delete")
        assert done.returncode == 0, f"{kind} {seed}\n{done.stdout}\n{done.stderr}"
        assert work.digest(source, target) == good


def test_what_it_says(work):  # noqa: F811
    source, target = filled(work.folder), f"qdrant-local:{work.folder}/qdrant#docs"
    work.ok("copy", source, target, "-q")
    assert "Nothing to repair" in work.ok("verify", source, target, "--repair", "-q").stdout
    filled(work.folder, ROWS + 3)
    told = work.ok("verify", source, target, "--repair", "-q").stdout
    assert "Repaired" in told and "Verification (content): passed" in told and "rollback" in told, told
    missing = work.run("verify", source, f"qdrant-local:{work.folder}/qdrant#none", "--repair")
    assert missing.returncode == 5 and "nothing to repair" in missing.stderr
    assert work.run("verify", source, target, "--repair", "--level", "count").returncode == 2
    assert work.run("verify", source, target, "--delete").returncode == 2


def test_killed_at_every_failpoint(work):  # noqa: F811
    source, target = filled(work.folder), f"qdrant-local:{work.folder}/qdrant#docs"
    words = ["verify", source, target, "--repair", "--delete", "-q"]
    work.ok("copy", source, target, "-q")
    jsonl(work.folder / "records.jsonl", [record(i, document="newer") if i < 5 else record(i) for i in range(ROWS + 2) if i != 50])
    anew = harness.saved(work, "state", "qdrant")
    hits = harness.failpoints_of(work, *words)
    expected = work.digest(source, target)
    for name in hits:
        anew()
        killed = work.run(*words, env={"VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED, f"{name} was not reached: {killed.stderr}"
        again = work.run(*words)
        assert again.returncode == 0, f"after {name}: exit {again.returncode}\n{again.stderr}"
        assert work.digest(source, target) == expected, f"after {name}"
