"""copy --sync from the command line: what each kind of store is written, what is left, what is refused, killed and gone on with, taken back."""
import json
import re
import shlex
import shutil

import pytest
import sqlite_vec

import harness
import qdrant_scenario as scenario
from postgresql_scenario import database, database16, either, jsonl, postgres16, postgres18, record, work  # noqa: F401: fixtures

ROWS = 200


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory):
    double = scenario.Double(tmp_path_factory.mktemp("qdrant")).start()
    yield double
    scenario.stop_all(double)


def changed(i):
    return record(i, document=f"Another text {i}")


def first(folder):
    return jsonl(folder / "records.jsonl", [record(i) for i in range(ROWS)])


def later(folder):
    """Two are new, three changed, five gone."""
    return jsonl(folder / "records.jsonl", [changed(i) if 10 <= i < 13 else record(i) for i in range(ROWS + 2) if not 20 <= i < 25])


def counts(report):
    return {name: report["sync"][name] for name in ("new", "changed", "gone", "conflicts", "deleted", "unchanged")}


def target_of(kind, folder, request):
    if kind == "qdrant":
        double = request.getfixturevalue("qdrant")
        scenario.drop(double.client())
        return scenario.uri(double)
    if kind == "postgresql":
        return request.getfixturevalue("database").uri("items")
    return {"qdrant-local": f"qdrant-local:{folder}/qdrant#docs", "sqlite-vec": f"sqlite-vec:{folder}/vec.db?extension={sqlite_vec.loadable_path()}#docs"}[kind]


@pytest.mark.parametrize("kind", ["qdrant-local", "sqlite-vec", "postgresql", "qdrant"])
def test_what_changed_moves_and_nothing_else(kind, work, request):  # noqa: F811
    target = target_of(kind, work.folder, request)
    source = first(work.folder)
    report = work.json("copy", source, target, "--sync", "-q")
    assert report["written"] == ROWS and report["sync"] is None, report
    before = work.json("verify", source, target)["target_digest"]
    assert work.json("copy", source, target, "--sync", "-q")["state"] == "in-sync"
    later(work.folder)
    kept = work.json("copy", source, target, "--sync", "-q")
    assert kept["exit_code"] == 0 and kept["written"] == 5, kept
    assert counts(kept) == {"new": 2, "changed": 3, "gone": 5, "conflicts": 0, "deleted": 0, "unchanged": ROWS - 8}
    assert kept["verify"]["ok"] and kept["verify"]["target_count"] == ROWS + 2
    deleted = work.json("copy", source, target, "--sync", "--delete", "-q")
    assert deleted["written"] == 0 and deleted["sync"]["deleted"] == 5 and deleted["verify"]["ok"], deleted
    after = work.json("verify", source, target)
    assert after["ok"] and after["target_count"] == after["source_count"] == ROWS - 3
    again = work.json("copy", source, target, "--sync", "--delete", "-q")
    assert (again["state"], again["written"], again["exit_code"]) == ("in-sync", 0, 0)
    assert len(work.json("runs")["runs"]) == 3
    for run in (deleted["run"], kept["run"]):
        assert work.json("rollback", run, "--yes", "-q")["conflicts"] == 0
    first(work.folder)
    assert work.json("verify", source, target)["target_digest"] == before


def test_a_table_that_an_application_changes(database, qdrant, work):  # noqa: F811
    """From rows that are found by key to points that the vendor's client reads."""
    source, target = database.uri("items"), scenario.uri(qdrant, "app")
    client = qdrant.client()
    scenario.drop(client)
    work.ok("copy", first(work.folder), source, "-q")
    assert work.json("copy", source, target, "--sync", "-q")["written"] == ROWS
    with database.connect(vectors=False) as connection:
        connection.execute("UPDATE items SET metadata = metadata || '{\"seen\": true}' WHERE id IN ('rec-3', 'rec-4')")
        connection.execute("UPDATE items SET embedding = '[9,9,9,8]' WHERE id = 'rec-5'")
        connection.execute("DELETE FROM items WHERE id IN ('rec-7', 'rec-8')")
        connection.execute("INSERT INTO items(id, document, metadata, embedding) VALUES ('fresh', 'F', '{}', '[1,2,3,4]')")
    report = work.json("copy", source, target, "--sync", "--delete", "-q")
    assert report["exit_code"] == 0 and report["written"] == 4, report
    assert counts(report) == {"new": 1, "changed": 3, "gone": 2, "conflicts": 0, "deleted": 2, "unchanged": ROWS - 5}
    points = scenario.everything(client, "app")
    payloads = {payload["_id"]: payload for payload, _ in points.values()}
    assert len(points) == ROWS - 1 and "rec-7" not in payloads and payloads["rec-3"]["seen"] is True and "fresh" in payloads
    # The other way the application's own changes of the target stand out.
    point = next(id for id, (payload, _) in points.items() if payload["_id"] == "rec-100")
    client.set_payload("app", {"edited": 1}, [point], wait=True)
    conflict = work.json("copy", source, target, "--sync", "-q", code=4)
    assert (conflict["state"], conflict["sync"]["kept"]) == ("in-sync", 1)
    assert scenario.everything(client, "app")[point][0]["edited"] == 1
    over = work.json("copy", source, target, "--sync", "--overwrite-changed", "-q")
    assert over["written"] == 1 and "edited" not in scenario.everything(client, "app")[point][0]
    work.json("rollback", over["run"], "--yes", "-q")
    assert scenario.everything(client, "app")[point][0]["edited"] == 1


def test_a_collection_that_others_write_to(qdrant, work):  # noqa: F811
    """A source that is never still: points by id, named and sparse vectors, compared again at the end."""
    client = qdrant.client()
    scenario.drop(client)
    scenario.fill(client, ROWS, "live")
    source, target = scenario.uri(qdrant, "live"), f"qdrant-local:{work.folder}/qdrant#live"
    assert work.json("copy", source, target, "--sync", "-q")["written"] == ROWS
    assert work.json("copy", source, target, "--sync", "-q")["state"] == "in-sync"
    client.set_payload("live", {"seen": True}, [1, 3, 5], wait=True)
    client.delete("live", [7], wait=True)
    scenario.fill(client, 2, "live", first=ROWS)
    report = work.json("copy", source, target, "--sync", "--delete", "-q")
    assert report["exit_code"] == 0 and report["written"] == 5, report
    assert counts(report) == {"new": 2, "changed": 3, "gone": 1, "conflicts": 0, "deleted": 1, "unchanged": ROWS - 4}
    assert work.json("verify", source, target)["ok"]
    assert work.json("rollback", report["run"], "--yes", "-q")["conflicts"] == 0


def test_the_guards_and_what_they_say(work):  # noqa: F811
    source, target = first(work.folder), f"qdrant-local:{work.folder}/qdrant#docs"
    work.ok("copy", source, target, "--sync", "-q")
    jsonl(work.folder / "records.jsonl", [record(i) for i in range(ROWS - 50)])
    harness.refused(work.run("copy", source, target, "--sync", "--delete", "-q"), 8, "target", "50 of the target's 200 records", "--max-delete 50")
    dry = work.run("copy", source, target, "--sync", "--delete", "--dry-run", "-q")
    assert dry.returncode == 8 and "would delete" in dry.stdout and "rec-150" in dry.stdout, dry.stdout + dry.stderr
    told = work.ok("copy", source, target, "--sync", "--delete", "--max-delete", "25%", "--dry-run", "-q").stdout
    assert "Dry run, nothing was written" in told and "Some of them:" in told
    planned = work.json("plan", source, target, "--sync", "--delete", "--max-delete", "50")
    assert (planned["sync"]["to_write"], planned["sync"]["to_delete"]) == (0, 50)
    assert len(work.json("runs")["runs"]) == 1
    assert work.json("copy", source, target, "--sync", "--delete", "--max-delete", "50", "-q")["sync"]["deleted"] == 50


@pytest.mark.parametrize("words, said", [(["--delete"], "--sync"), (["--max-delete", "3"], "--sync"), (["--overwrite-changed"], "--sync"), (["--sync", "--limit", "5"], "--limit"),
                                         (["--sync", "--on-exists", "replace"], "--on-exists"), (["--sync", "--max-delete", "lots"], "--max-delete"), (["--sync", "--max-delete", "200%"], "--max-delete")])
def test_what_makes_no_sense_is_a_wrong_command_line(words, said, work):  # noqa: F811
    done = work.run("copy", first(work.folder), f"qdrant-local:{work.folder}/qdrant#docs", *words)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert not (work.folder / "qdrant").exists()


def test_a_target_that_came_from_elsewhere(work):  # noqa: F811
    source, target = first(work.folder), f"qdrant-local:{work.folder}/qdrant#docs"
    work.ok("copy", source, target, "-q")
    work.forget()
    later(work.folder)
    told = harness.refused(work.run("copy", source, target, "--sync", "-q"), 8, "target", "200 records already", "--adopt")
    assert "--on-exists upsert" in told
    report = work.json("copy", source, target, "--sync", "--adopt", "--delete", "-q")
    assert report["written"] == 5 and report["sync"]["deleted"] == 5 and report["sync"]["extra"] == 5, report
    assert work.json("copy", source, target, "--sync", "--delete", "-q")["state"] == "in-sync"


def test_records_that_cannot_be_read_are_not_taken_for_gone(work):  # noqa: F811
    source, target = first(work.folder), f"qdrant-local:{work.folder}/qdrant#docs"
    work.ok("copy", source, target, "--sync", "-q")
    lines = (work.folder / "records.jsonl").read_text().splitlines()
    for broken, unreadable, deleted in ((json.dumps({**record(5), "vectors": {"vector": [1, 2]}}), 0, 1), ("no JSON at all", 1, 0)):
        lines[6] = broken
        (work.folder / "records.jsonl").write_text("\n".join(lines[:-1]) + "\n")
        done = work.run("copy", source, target, "--sync", "--delete", "--json", "-q")
        report = json.loads(done.stdout)
        assert done.returncode == 3 and report["rejected"] == 1, done.stdout
        assert (report["sync"]["unreadable"], report["sync"]["deleted"]) == (unreadable, deleted), report
        assert ("nothing is deleted" in done.stderr) == bool(unreadable)
        assert work.json("inspect", target)["count"] == ROWS - 1, "rec-5 is there"


def test_a_job_file_says_it_too(work):  # noqa: F811
    source, target = first(work.folder), f"qdrant-local:{work.folder}/qdrant#docs"
    job = work.folder / "job.yaml"
    job.write_text(f"source: {{uri: '{source}'}}\ntarget: {{uri: '{target}'}}\nsync: true\ndelete: true\nmax-delete: 3%\n")
    assert work.json("copy", "--config", job, "-q")["written"] == ROWS
    later(work.folder)
    report = work.json("copy", "--config", job, "-q")
    assert report["written"] == 5 and report["sync"]["deleted"] == 5, report
    assert work.json("verify", "--config", job)["ok"]


def test_filters_and_maps_hold_for_every_sync(work):  # noqa: F811
    source, target = first(work.folder), target_of("sqlite-vec", work.folder, None)
    words = ["--sync", "--delete", "--filter", "n < 100", "--map", "title=n", "-q"]
    assert work.json("copy", source, target, *words)["written"] == 100
    later(work.folder)
    report = work.json("copy", source, target, *words)
    assert counts(report) == {"new": 0, "changed": 3, "gone": 5, "conflicts": 0, "deleted": 5, "unchanged": 92}, report
    assert work.json("copy", source, target, *words)["state"] == "in-sync"
    assert work.run("copy", source, target, "--sync", "-q").returncode == 8


def test_a_folder_of_files_is_written_whole(work):  # noqa: F811
    source, target = first(work.folder), f"vdf:{work.folder}/out"
    work.ok("copy", source, target, "--sync", "-q")
    later(work.folder)
    harness.refused(work.run("copy", source, target, "--sync", "-q"), 8, "target", "written whole", "--delete")
    report = work.json("copy", source, target, "--sync", "--delete", "-q")
    assert report["sync"]["rewritten"] and report["written"] == ROWS - 3 and report["verify"]["ok"], report
    assert work.json("copy", source, target, "--sync", "--delete", "-q")["state"] == "in-sync"


def test_killed_at_every_failpoint(work):  # noqa: F811
    source, target = first(work.folder), f"qdrant-local:{work.folder}/qdrant#docs"
    words = ["copy", source, target, "--sync", "--delete", "--batch-size", "2", "-q"]

    work.ok(*words)
    later(work.folder)
    anew = harness.saved(work, "state", "qdrant")
    hits = harness.failpoints_of(work, *words)
    assert {"delta.delete.before", "delta.delete.after", "journal.parts.before", "transfer.write.before", "journal.before-image.before"} <= set(hits), hits
    expected = work.digest(source, target)
    for name, count in hits.items():
        for n in sorted({1, count}):
            anew()
            killed = work.run(*words, env={"VECFERRY_FAILPOINT": f"{name}:{n}"})
            if killed.returncode == 0 and n > 1 and name.startswith("journal.ack"):
                continue
            assert killed.returncode == harness.KILLED, f"{name}:{n} was not reached: {killed.stderr}"
            again = work.run(*words)
            assert again.returncode == 0, f"after {name}:{n}: exit {again.returncode}\n{again.stderr}"
            assert work.digest(source, target) == expected, f"after {name}:{n}"


def test_every_command_of_the_guide(work):  # noqa: F811
    """docs/guide/sync.md as it stands there, in its order."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (harness.ROOT / "docs/guide/sync.md").read_text(), re.M | re.S)
    for name, write in (("monday", first), ("tuesday", later)):
        write(work.folder)
        (work.folder / "records.jsonl").rename(work.folder / f"{name}.jsonl")
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) > 15
    told = []
    for line in lines:
        command, *words = shlex.split(line)
        if command == "cp":
            shutil.copy(work.folder / words[0], work.folder / words[1])
            continue
        done = work.run(*words, cwd=work.folder)
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        told.append((line, done.stdout))
    idle = [line for line, output in told if output.startswith("Nothing to do")]
    assert idle == ["vecferry copy jsonl:books.jsonl qdrant-local:shelf#books --sync --delete"]
    for target in ("qdrant-local:shelf#books", "qdrant-local:other#books"):
        assert work.json("verify", "jsonl:books.jsonl", target, cwd=work.folder)["ok"]
