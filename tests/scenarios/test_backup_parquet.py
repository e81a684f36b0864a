"""Backups in Parquet: there and back with the parameters, killed at every failpoint, damaged, old; pyarrow reads what is in them."""
import hashlib
import json
import shutil

import pyarrow.parquet as pq
import pytest

import harness
from test_backup import aged, config, database, manifest_of, samples, work  # noqa: F401: fixtures


@pytest.mark.parametrize("name", ["plain", "named", "sparse_only", "multi_unnamed", "quantized", "cosine", "empty"])
def test_a_collection_comes_back_with_its_parameters(samples, work, name):  # noqa: F811
    folder, told = samples
    source, file, target = f"qdrant-local:{folder}#{name}", work.folder / "kept/c.parquet", f"qdrant-local:{work.folder}/back#{name}"
    report = work.json("backup", source, file)
    ids = {str(p["id"]) for p in told["collections"][name]["points"]}
    assert report["kind"] == "records" and report["rejected"] == 0 and report["checked"] and report["records"] == len(ids)
    assert report["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest() and report["bytes"] == file.stat().st_size
    table = pq.read_table(file)
    assert set(table.column("id").to_pylist()) == ids and table.num_rows == len(ids)
    assert work.json("backup", "verify", file)["ok"]
    back = work.json("restore", file, target)
    assert back["state"] == "restored" and back["copy"]["verify"]["ok"] and back["problems"] == []
    assert work.digest(source, target) == report["digest"]
    assert config(work.folder / "back", name) == config(folder, name)
    assert work.json("backup", source, work.folder / "kept/c.jsonl")["digest"] == report["digest"]


def own(hits):
    """The failpoints of the file and of backups; test_backup.py is killed at those of the engine."""
    return {name: count for name, count in hits.items() if name.split(".")[0] in ("parquet", "backup", "file")}


def test_killed_at_every_failpoint_of_its_own_and_run_again(database, work):  # noqa: F811
    file = work.folder / "kept/m.parquet"
    args = ["backup", f"mcp-memory:{database}", file, "--batch-size", "40", "-q"]
    hits = harness.failpoints_of(work, *args)
    digest = work.json("backup", "verify", file)["backups"][0]["digest"]
    assert {"backup.manifest.before", "backup.manifest.after", "parquet.rename.before", "parquet.flush.before"} <= set(hits), hits
    for name, count in own(hits).items():
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
            again = work.run(*args)
            assert again.returncode == 0 or (again.returncode == 8 and n == count and states == {"complete"}), f"after {name}:{n}: {again.stderr}"
            report = work.json("backup", "verify", file)
            assert report["ok"] and report["backups"][0]["digest"] == digest, f"after {name}:{n}"
            assert sorted(p.name for p in (work.folder / "kept").iterdir()) == ["m.parquet", "m.parquet.manifest.json"], f"after {name}:{n}"


def test_a_replaced_backup_is_the_old_or_the_new(database, work):  # noqa: F811
    file = work.folder / "kept/m.parquet"
    args = ["backup", f"mcp-memory:{database}", file, "--batch-size", "40", "-q"]
    work.ok(*args)
    work.ok(*args, code=8)
    for name in own(harness.failpoints_of(work, *args, "--yes")):
        killed = work.run(*args, "--yes", env={"VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED, f"{name}: {killed.stderr}"
        if manifest_of(file).exists():
            assert work.json("backup", "verify", file)["ok"], name
        work.ok(*args, "--yes")
        assert work.json("backup", "verify", file)["ok"], name


def test_damage_is_found_before_anything_is_written(database, work):  # noqa: F811
    file, target = work.folder / "kept/m.parquet", f"qdrant-local:{work.folder}/qdrant#m"
    work.ok("backup", f"mcp-memory:{database}", file)
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole[:100], b"", whole + b"\n", whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
        file.write_bytes(damaged)
        assert work.json("restore", file, target, code=4)["state"] == "damaged"
        assert not (work.folder / "qdrant").exists()
        assert not work.json("backup", "verify", work.folder / "kept", code=4)["ok"]
    file.write_bytes(whole)
    work.ok("restore", file, target)
    assert work.digest(f"parquet:{file}", target) == json.loads(manifest_of(file).read_text())["digest"]


def test_a_restore_killed_and_run_again(database, work):  # noqa: F811
    file, target = work.folder / "kept/m.parquet", f"qdrant-local:{work.folder}/qdrant#m"
    digest = work.json("backup", f"mcp-memory:{database}", file)["digest"]
    args = ["restore", file, target, "--batch-size", "40", "-q"]
    hits = harness.failpoints_of(work, *args)
    for name in [name for name in hits if name.startswith(("sink.", "journal.", "read"))][:6] or list(hits)[:6]:
        work.forget("qdrant")
        assert work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:1"}).returncode == harness.KILLED, name
        work.ok(*args)
        assert work.digest(f"parquet:{file}", target) == digest, f"after {name}"


def test_list_and_prune_take_both_forms(database, work):  # noqa: F811
    kept = work.folder / "kept"
    for i, (day, ending) in enumerate([("2020-01-01", "parquet"), ("2021-01-01", "jsonl"), ("2022-01-01", "parquet")]):
        work.ok("backup", f"mcp-memory:{database}", kept / f"m{i}.{ending}", "-q")
        aged(kept / f"m{i}.{ending}", day)
    assert [b["file"] for b in work.json("backup", "list", kept)["backups"]] == [str(kept / n) for n in ("m2.parquet", "m1.jsonl", "m0.parquet")]
    report = work.json("backup", "prune", kept, "--older-than", "30", "--yes")
    assert [b["file"] for b in report["backups"]] == [str(kept / "m1.jsonl"), str(kept / "m0.parquet")]
    assert sorted(p.name for p in kept.iterdir()) == ["m2.parquet", "m2.parquet.manifest.json"]
