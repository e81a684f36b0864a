"""Backups from the command line: there and back, killed at every failpoint, damaged, hostile, old."""
import hashlib
import json
import shutil
import sqlite3

import pytest

import backup_scenario as scenario
import harness
from backup_scenario import aged, database, manifest_of, samples, seal, work  # noqa: F401: fixtures


@pytest.mark.parametrize("name", scenario.COLLECTIONS)
def test_a_collection_comes_back_with_its_parameters(samples, work, name):  # noqa: F811
    file = work.folder / "kept/c.jsonl"
    scenario.there_and_back(samples, work, name, file)
    header = json.loads(file.open(encoding="utf-8").readline())
    assert json.loads(header["settings"]["qdrant.create_collection"])


def test_killed_at_every_failpoint_and_run_again(database, work):  # noqa: F811
    must = {"jsonl.rename.before", "backup.manifest.before", "backup.manifest.after", "file.rename.before"}
    scenario.killed_and_run_again(database, work, work.folder / "kept/m.jsonl", must)


def test_a_replaced_backup_is_the_old_or_the_new_wherever_it_is_killed(database, work):  # noqa: F811
    scenario.replaced_is_the_old_or_the_new(database, work, work.folder / "kept/m.jsonl")


def test_a_database_killed_at_every_failpoint_and_run_again(database, work):  # noqa: F811
    file = work.folder / "kept/m.db"
    args = ["backup", f"mcp-memory:{database}", file, "-q"]
    hits = harness.failpoints_of(work, *args)
    for name, count in hits.items():
        for n in range(1, count + 1):
            shutil.rmtree(work.folder / "kept")
            (work.folder / "kept").mkdir()
            killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:{n}"})
            assert killed.returncode == harness.KILLED, f"{name}:{n}: {killed.stderr}"
            done = manifest_of(file).exists()
            assert work.run(*args).returncode == (8 if done else 0), f"after {name}:{n}"
            assert work.json("backup", "verify", file)["ok"], f"after {name}:{n}"
            assert sorted(p.name for p in (work.folder / "kept").iterdir()) == ["m.db", "m.db.manifest.json"], f"after {name}:{n}"


def test_a_restore_killed_at_every_failpoint_and_run_again(database, work):  # noqa: F811
    file = work.folder / "kept/m.jsonl"
    scenario.restore_killed_and_run_again(database, work, file, f"jsonl:{file}")


def test_damage_is_found_before_anything_is_written(database, work):  # noqa: F811
    scenario.damage_is_found(database, work, work.folder / "kept/m.jsonl")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", "other.jsonl"])
def test_a_manifest_that_names_another_file_is_refused(database, work, name):  # noqa: F811
    file = work.folder / "kept/m.jsonl"
    work.ok("backup", f"mcp-memory:{database}", file)
    (work.folder / "x").write_text("untouched")
    text = manifest_of(file).read_text()
    manifest_of(file).write_text(seal(text.replace('"name": "m.jsonl"', f'"name": "{name}"')))
    assert name in work.ok("restore", file, f"qdrant-local:{work.folder}/q#m", code=1).stderr
    assert not work.json("backup", "verify", file, code=4)["ok"]
    assert work.json("backup", "list", work.folder / "kept")["backups"][0]["state"] == "damaged"
    assert work.json("backup", "prune", work.folder / "kept", "--older-than", "0", "--keep-last", "0", "--yes")["backups"] == []
    assert (work.folder / "x").read_text() == "untouched" and file.exists()
    manifest_of(file).write_text(text.replace("m.jsonl", "n.jsonl"))
    assert "check sum" in work.ok("restore", file, f"qdrant-local:{work.folder}/q#m", code=1).stderr


def test_a_backup_without_a_manifest_is_none(database, work):  # noqa: F811
    file = work.folder / "kept/m.jsonl"
    work.ok("copy", f"mcp-memory:{database}", f"jsonl:{file}")
    assert "manifest" in work.ok("restore", file, f"qdrant-local:{work.folder}/q#m", code=5).stderr
    work.ok("backup", "verify", file, code=5)
    assert "unfinished" in work.ok("backup", "list", work.folder / "kept").stdout
    work.ok("backup", f"mcp-memory:{database}", file, code=8)


def test_a_database_comes_back_as_a_file(database, work):  # noqa: F811
    copy, back = work.folder / "kept/m.db", work.folder / "back.db"
    report = work.json("backup", f"mcp-memory:{database}", copy)
    assert report["kind"] == "sqlite" and report["checked"] and report["sha256"] == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert work.json("backup", "verify", copy)["ok"]
    refused = work.ok("restore", copy, f"qdrant-local:{work.folder}/q#m", code=8).stderr
    assert "vecferry copy 'mcp-memory:" in refused
    work.ok("restore", copy, f"mcp-memory:{back}")
    assert back.read_bytes() == copy.read_bytes()
    assert sqlite3.connect(back).execute("SELECT count(*) FROM memories").fetchone() == (120,)
    work.ok("restore", copy, f"mcp-memory:{back}", code=8)
    page = bytearray(copy.read_bytes())
    page[5000] ^= 1
    copy.write_bytes(page)
    work.ok("restore", copy, f"mcp-memory:{work.folder}/other.db", code=4)
    assert not (work.folder / "other.db").exists()


def test_prune_asks_first_and_keeps_the_newest(database, work):  # noqa: F811
    kept = work.folder / "kept"
    for i, day in enumerate(["2020-01-01", "2021-01-01", "2022-01-01"]):
        work.ok("backup", f"mcp-memory:{database}", kept / f"m{i}.jsonl", "-q")
        aged(kept / f"m{i}.jsonl", day)
    asked = work.run("backup", "prune", kept, "--older-than", "30")
    assert asked.returncode == 8 and "m0.jsonl" in asked.stdout and "m2.jsonl" not in asked.stdout and "--yes" in asked.stderr
    assert len(list(kept.iterdir())) == 6
    report = work.json("backup", "prune", kept, "--older-than", "30", "--yes")
    assert report["deleted"] and [entry["file"] for entry in report["backups"]] == [str(kept / "m1.jsonl"), str(kept / "m0.jsonl")]
    assert sorted(p.name for p in kept.iterdir()) == ["m2.jsonl", "m2.jsonl.manifest.json"]
    assert work.json("backup", "prune", kept, "--older-than", "30")["backups"] == []
    work.ok("backup", "prune", kept, "--older-than", "30", "--keep-last", "0", "--yes")
    assert list(kept.iterdir()) == []
    work.ok("backup", "prune", kept, "--keep-last", "-1", code=2)
    work.ok("backup", "prune", kept, "--older-than", "-1", code=2)


def test_rollback_of_an_unfinished_replacement_leaves_the_old_backup(database, work):  # noqa: F811
    file = work.folder / "kept/m.jsonl"
    work.ok("backup", f"mcp-memory:{database}", file)
    before = file.read_bytes()
    killed = work.run("backup", f"mcp-memory:{database}", file, "--yes", env={"VECFERRY_FAILPOINT": "jsonl.rename.before:1"})
    assert killed.returncode == harness.KILLED
    work.ok("rollback", "last", "--yes")
    assert file.read_bytes() == before


def test_rollback_of_a_finished_copy_removes_the_file(database, work):  # noqa: F811
    work.ok("copy", f"mcp-memory:{database}", f"jsonl:{work.folder}/m.jsonl")
    work.ok("rollback", "last", "--yes")
    assert not (work.folder / "m.jsonl").exists()


@pytest.mark.parametrize("args, code, told", [
    (["backup", "mcp-memory:DB", "no/such/a.jsonl"], 5, "does not exist"),
    (["backup", "mcp-memory:DB", "kept"], 2, "folder"),
    (["backup", "qdrant-local:Q#plain", "kept/a.backup"], 2, "a.backup.jsonl"),
    (["backup", "qdrant-local:Q#plian", "kept/a.backup"], 5, "plain"),
    (["backup", "mcp-memory:DB", "DB"], 2, "replace the source"),
    (["backup", "list", "nowhere"], 5, "nowhere"),
    (["backup", "list", "DB"], 2, "no folder"),
    (["backup", "verify", "kept"], 5, "no finished backup"),
    (["restore", "kept/none.jsonl", "qdrant-local:Q#new"], 5, "manifest"),
])
def test_bad_input(database, samples, work, args, code, told):  # noqa: F811
    names = {"DB": str(database), "Q": str(samples[0])}
    words = [args[0]] + [word.replace("DB", names["DB"]).replace(":Q", ":" + names["Q"]) for word in args[1:]]
    done = work.run(*words, cwd=work.folder)
    assert done.returncode == code and told in done.stderr, done.stderr
