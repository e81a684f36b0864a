"""Backups from the command line: there and back, killed at every failpoint, damaged, hostile, old."""
import hashlib
import json
import shutil
import sqlite3

import pytest

import harness
import vendors


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return harness.make_memories(tmp_path_factory.mktemp("db") / "memories.db", 120)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples") / "qdrant"
    harness.fixture("qdrant_local_samples.py", folder)
    return folder, json.loads((folder.parent / "qdrant.json").read_text())


@pytest.fixture
def work(tmp_path):
    place = harness.Workplace(tmp_path / "w")
    (place.folder / "kept").mkdir()
    return place


def manifest_of(file):
    return file.with_name(file.name + ".manifest.json")


def seal(text):
    """A manifest whose check sum is right for whatever somebody wrote into it."""
    body = text[: text.rindex(',\n  "check"')]
    return f'{body},\n  "check": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'


def config(folder, name):
    """What the client knows of a collection."""
    client = vendors.client_of(folder)
    try:
        return client.get_collection(name).config.params.model_dump()
    finally:
        client.close()


@pytest.mark.parametrize("name", ["plain", "named", "sparse_only", "multi_unnamed", "quantized", "cosine", "empty"])
def test_a_collection_comes_back_with_its_parameters(samples, work, name):
    folder, told = samples
    source, file, target = f"qdrant-local:{folder}#{name}", work.folder / "kept/c.jsonl", f"qdrant-local:{work.folder}/back#{name}"
    report = work.json("backup", source, file)
    assert report["kind"] == "records" and report["rejected"] == 0 and report["checked"]
    assert report["records"] == len({str(p["id"]) for p in told["collections"][name]["points"]})
    assert report["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest() and report["bytes"] == file.stat().st_size
    assert work.json("backup", "verify", file)["ok"]
    back = work.json("restore", file, target)
    assert back["state"] == "restored" and back["copy"]["verify"]["ok"] and back["problems"] == []
    assert work.digest(source, target) == report["digest"]
    assert config(work.folder / "back", name) == config(folder, name)
    header = json.loads(file.open(encoding="utf-8").readline())
    assert json.loads(header["settings"]["qdrant.create_collection"])


def test_killed_at_every_failpoint_and_run_again(database, work):
    file = work.folder / "kept/m.jsonl"
    args = ["backup", f"mcp-memory:{database}", file, "--batch-size", "40", "-q"]
    hits = harness.failpoints_of(work, *args)
    digest = work.json("backup", "verify", file)["backups"][0]["digest"]
    assert {"jsonl.rename.before", "backup.manifest.before", "backup.manifest.after", "file.rename.before"} <= set(hits), hits
    for name, count in hits.items():
        for n in sorted({1, count}):
            shutil.rmtree(work.folder / "kept")
            (work.folder / "kept").mkdir()
            work.forget()
            killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:{n}"})
            if killed.returncode == 0 and n > 1:  # several acknowledgements shared a commit
                continue
            assert killed.returncode == harness.KILLED, f"{name}:{n}: {killed.stderr}"
            states = {entry["state"] for entry in work.json("backup", "list", work.folder / "kept")["backups"]}
            assert states <= {"unfinished"} or manifest_of(file).exists(), f"{name}:{n}: {states}"
            # Killed after its last step it is whole, and like any other backup not replaced unasked.
            again = work.run(*args)
            assert again.returncode == 0 or (again.returncode == 8 and n == count and states == {"complete"}), f"after {name}:{n}: {again.stderr}"
            report = work.json("backup", "verify", file)
            assert report["ok"] and report["backups"][0]["digest"] == digest, f"after {name}:{n}"
            assert sorted(p.name for p in (work.folder / "kept").iterdir()) == ["m.jsonl", "m.jsonl.manifest.json"], f"after {name}:{n}"


def test_a_replaced_backup_is_the_old_or_the_new_wherever_it_is_killed(database, work):
    file = work.folder / "kept/m.jsonl"
    args = ["backup", f"mcp-memory:{database}", file, "--batch-size", "40", "--yes", "-q"]
    work.ok(*args)
    hits = harness.failpoints_of(work, *args)
    for name in hits:
        killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED, f"{name}: {killed.stderr}"
        if manifest_of(file).exists():
            assert work.json("backup", "verify", file)["ok"], name
        work.ok(*args)
        assert work.json("backup", "verify", file)["ok"], name


def test_a_database_killed_at_every_failpoint_and_run_again(database, work):
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


def test_a_restore_killed_at_every_failpoint_and_run_again(database, work):
    file, target = work.folder / "kept/m.jsonl", f"qdrant-local:{work.folder}/qdrant#m"
    digest = work.json("backup", f"mcp-memory:{database}", file)["digest"]
    args = ["restore", file, target, "--batch-size", "40", "-q"]
    hits = harness.failpoints_of(work, *args)
    for name in hits:
        work.forget("qdrant")
        killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED, f"{name}: {killed.stderr}"
        work.ok(*args)
        assert work.digest(f"jsonl:{file}", target) == digest, f"after {name}"


def test_damage_is_found_before_anything_is_written(database, work):
    file, target = work.folder / "kept/m.jsonl", f"qdrant-local:{work.folder}/qdrant#m"
    work.ok("backup", f"mcp-memory:{database}", file)
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole[:100], b"", whole + b"\n", whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
        file.write_bytes(damaged)
        report = work.json("restore", file, target, code=4)
        assert report["state"] == "damaged" and "m.jsonl" in report["problems"][0]
        assert not (work.folder / "qdrant").exists()
        assert not work.json("backup", "verify", work.folder / "kept", code=4)["ok"]
    file.unlink()
    assert "missing" in work.json("restore", file, target, code=4)["problems"][0]
    file.write_bytes(whole)
    work.ok("restore", file, target)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", "other.jsonl"])
def test_a_manifest_that_names_another_file_is_refused(database, work, name):
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


def test_a_backup_without_a_manifest_is_none(database, work):
    file = work.folder / "kept/m.jsonl"
    work.ok("copy", f"mcp-memory:{database}", f"jsonl:{file}")
    assert "manifest" in work.ok("restore", file, f"qdrant-local:{work.folder}/q#m", code=5).stderr
    work.ok("backup", "verify", file, code=5)
    assert "unfinished" in work.ok("backup", "list", work.folder / "kept").stdout
    work.ok("backup", f"mcp-memory:{database}", file, code=8)


def test_a_database_comes_back_as_a_file(database, work):
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


def aged(file, day):
    """The backup as if it had been made on another day."""
    text = manifest_of(file).read_text()
    now = json.loads(text)["created"]
    manifest_of(file).write_text(seal(text.replace(now, f"{day}T00:00:00.000Z")))


def test_prune_asks_first_and_keeps_the_newest(database, work):
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


def test_rollback_of_an_unfinished_replacement_leaves_the_old_backup(database, work):
    file = work.folder / "kept/m.jsonl"
    work.ok("backup", f"mcp-memory:{database}", file)
    before = file.read_bytes()
    killed = work.run("backup", f"mcp-memory:{database}", file, "--yes", env={"VECFERRY_FAILPOINT": "jsonl.rename.before:1"})
    assert killed.returncode == harness.KILLED
    work.ok("rollback", "last", "--yes")
    assert file.read_bytes() == before


def test_rollback_of_a_finished_copy_removes_the_file(database, work):
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
def test_bad_input(database, samples, work, args, code, told):
    names = {"DB": str(database), "Q": str(samples[0])}
    words = [args[0]] + [word.replace("DB", names["DB"]).replace(":Q", ":" + names["Q"]) for word in args[1:]]
    done = work.run(*words, cwd=work.folder)
    assert done.returncode == code and told in done.stderr, done.stderr
