"""What the scenarios of backups share, whatever form the file has: its fixtures, and what holds of every form."""
import hashlib
import json
import shutil

import pytest

import harness
import vendors

COLLECTIONS = ["plain", "named", "sparse_only", "multi_unnamed", "quantized", "cosine", "empty"]


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


def aged(file, day):
    """The backup as if it had been made on another day."""
    text = manifest_of(file).read_text()
    now = json.loads(text)["created"]
    manifest_of(file).write_text(seal(text.replace(now, f"{day}T00:00:00.000Z")))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def config(folder, name):
    """What the client knows of a collection."""
    client = vendors.client_of(folder)
    try:
        return client.get_collection(name).config.params.model_dump()
    finally:
        client.close()


def arguments(database, file):  # noqa: F811
    return ["backup", f"mcp-memory:{database}", file, "--batch-size", "40", "-q"]


def damages(whole):
    return whole[:-1], whole[:100], b"", whole + b"\n", whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]


def there_and_back(samples, work, name, file):  # noqa: F811
    """A collection into the file and into another directory, with its parameters; returns the report of the backup and the ids."""
    folder, told = samples
    source, target = f"qdrant-local:{folder}#{name}", f"qdrant-local:{work.folder}/back#{name}"
    report = work.json("backup", source, file)
    ids = {str(point["id"]) for point in told["collections"][name]["points"]}
    assert report["kind"] == "records" and report["rejected"] == 0 and report["checked"] and report["records"] == len(ids)
    assert report["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest() and report["bytes"] == file.stat().st_size
    assert work.json("backup", "verify", file)["ok"]
    back = work.json("restore", file, target)
    assert back["state"] == "restored" and back["copy"]["verify"]["ok"] and back["problems"] == []
    assert work.digest(source, target) == report["digest"]
    assert config(work.folder / "back", name) == config(folder, name)
    return report, ids


def killed_and_run_again(database, work, file, must, only=lambda name: True):  # noqa: F811
    """Killed at the first and the last hit of each failpoint: what is left is no backup or a whole one, and the same command makes it whole."""
    args = arguments(database, file)
    hits = harness.failpoints_of(work, *args)
    digest = work.json("backup", "verify", file)["backups"][0]["digest"]
    assert must <= set(hits), hits
    for name, n, count in [(name, n, count) for name, count in hits.items() if only(name) for n in sorted({1, count})]:
        shutil.rmtree(file.parent)
        file.parent.mkdir()
        work.forget()
        killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:{n}"})
        if killed.returncode == 0 and n > 1:  # several acknowledgements shared a commit
            continue
        assert killed.returncode == harness.KILLED, f"{name}:{n}: {killed.stderr}"
        states = {entry["state"] for entry in work.json("backup", "list", file.parent)["backups"]}
        assert states <= {"unfinished"} or manifest_of(file).exists(), f"{name}:{n}: {states}"
        # Killed after its last step it is whole, and like any other backup not replaced unasked.
        again = work.run(*args)
        assert again.returncode == 0 or (again.returncode == 8 and n == count and states == {"complete"}), f"after {name}:{n}: {again.stderr}"
        report = work.json("backup", "verify", file)
        assert report["ok"] and report["backups"][0]["digest"] == digest, f"after {name}:{n}"
        assert names_in(file.parent) == [file.name, manifest_of(file).name], f"after {name}:{n}"


def replaced_is_the_old_or_the_new(database, work, file, only=lambda name: True):  # noqa: F811
    """A backup that is killed while it replaces another: where there is a manifest there is a whole backup."""
    args = arguments(database, file)
    work.ok(*args)
    work.ok(*args, code=8)
    for name in filter(only, harness.failpoints_of(work, *args, "--yes")):
        killed = work.run(*args, "--yes", env={"VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED, f"{name}: {killed.stderr}"
        if manifest_of(file).exists():
            assert work.json("backup", "verify", file)["ok"], name
        work.ok(*args, "--yes")
        assert work.json("backup", "verify", file)["ok"], name


def restore_killed_and_run_again(database, work, file, source, some=lambda hits: hits):  # noqa: F811
    target = f"qdrant-local:{work.folder}/qdrant#m"
    digest = work.json("backup", f"mcp-memory:{database}", file)["digest"]
    args = ["restore", file, target, "--batch-size", "40", "-q"]
    for name in some(list(harness.failpoints_of(work, *args))):
        work.forget("qdrant")
        killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED, f"{name}: {killed.stderr}"
        work.ok(*args)
        assert work.digest(source, target) == digest, f"after {name}"


def damage_is_found(database, work, file):  # noqa: F811
    """Whatever bytes are amiss, nothing is written; returns where the whole backup was restored to."""
    target = f"qdrant-local:{work.folder}/qdrant#m"
    work.ok("backup", f"mcp-memory:{database}", file)
    whole = file.read_bytes()
    for damaged in damages(whole):
        file.write_bytes(damaged)
        report = work.json("restore", file, target, code=4)
        assert report["state"] == "damaged" and file.name in report["problems"][0]
        assert not (work.folder / "qdrant").exists()
        assert not work.json("backup", "verify", file.parent, code=4)["ok"]
    file.unlink()
    assert "missing" in work.json("restore", file, target, code=4)["problems"][0]
    file.write_bytes(whole)
    work.ok("restore", file, target)
    return target
