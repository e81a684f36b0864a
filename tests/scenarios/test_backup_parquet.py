"""Backups in Parquet: there and back with the parameters, killed at every failpoint, damaged, old; pyarrow reads what is in them."""
import json

import pyarrow.parquet as pq
import pytest

import backup_scenario as scenario
from backup_scenario import aged, database, manifest_of, names_in, samples, work  # noqa: F401: fixtures


@pytest.mark.parametrize("name", scenario.COLLECTIONS)
def test_a_collection_comes_back_with_its_parameters(samples, work, name):  # noqa: F811
    file = work.folder / "kept/c.parquet"
    report, ids = scenario.there_and_back(samples, work, name, file)
    table = pq.read_table(file)
    assert set(table.column("id").to_pylist()) == ids and table.num_rows == len(ids)
    assert work.json("backup", f"qdrant-local:{samples[0]}#{name}", work.folder / "kept/c.jsonl")["digest"] == report["digest"]


def own(name):
    """Whether a failpoint is of the file or of backups; test_backup.py is killed at those of the engine."""
    return name.split(".")[0] in ("parquet", "backup", "file")


def test_killed_at_every_failpoint_of_its_own_and_run_again(database, work):  # noqa: F811
    must = {"backup.manifest.before", "backup.manifest.after", "parquet.rename.before", "parquet.flush.before"}
    scenario.killed_and_run_again(database, work, work.folder / "kept/m.parquet", must, own)


def test_a_replaced_backup_is_the_old_or_the_new(database, work):  # noqa: F811
    scenario.replaced_is_the_old_or_the_new(database, work, work.folder / "kept/m.parquet", own)


def test_damage_is_found_before_anything_is_written(database, work):  # noqa: F811
    file = work.folder / "kept/m.parquet"
    target = scenario.damage_is_found(database, work, file)
    assert work.digest(f"parquet:{file}", target) == json.loads(manifest_of(file).read_text())["digest"]


def test_a_restore_killed_and_run_again(database, work):  # noqa: F811
    file = work.folder / "kept/m.parquet"
    some = lambda hits: [name for name in hits if name.startswith(("sink.", "journal.", "read"))][:6] or hits[:6]  # noqa: E731
    scenario.restore_killed_and_run_again(database, work, file, f"parquet:{file}", some)


def test_list_and_prune_take_both_forms(database, work):  # noqa: F811
    kept = work.folder / "kept"
    for i, (day, ending) in enumerate([("2020-01-01", "parquet"), ("2021-01-01", "jsonl"), ("2022-01-01", "parquet")]):
        work.ok("backup", f"mcp-memory:{database}", kept / f"m{i}.{ending}", "-q")
        aged(kept / f"m{i}.{ending}", day)
    assert [b["file"] for b in work.json("backup", "list", kept)["backups"]] == [str(kept / n) for n in ("m2.parquet", "m1.jsonl", "m0.parquet")]
    report = work.json("backup", "prune", kept, "--older-than", "30", "--yes")
    assert [b["file"] for b in report["backups"]] == [str(kept / "m1.jsonl"), str(kept / "m0.parquet")]
    assert names_in(kept) == ["m2.parquet", "m2.parquet.manifest.json"]
