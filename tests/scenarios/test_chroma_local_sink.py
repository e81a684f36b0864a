"""Chroma's folder written through the vendor's own server: the vendor's client opens what was written, and no server is left behind."""
import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest

import chroma_folders as folders
import harness

ROWS = 120


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def env():
    folders.python()  # or the test is skipped
    return {"VECFERRY_CHROMA": str(harness.ROOT / "tests/servers/chroma_program")}


def servers(path):
    """Ids of the processes that run the vendor's server on the folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if b"run" in words and str(path).encode() in words:
            found.append(int(pid))
    return found


def gone(path, within=20):
    end = time.monotonic() + within
    while servers(path) and time.monotonic() < end:
        time.sleep(0.1)
    return not servers(path)


def source(work, rows=ROWS, metric="cosine"):
    path = work.folder / "in.jsonl"
    vector = {"name": "", "kind": "dense", "element": "f32", "dims": 3, "metric": metric}
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({"vecferry": 1, "schema": {"id_kind": "string", "tenant": False, "document": True, "vectors": [vector]}}) + "\n")
        for i in range(rows):
            metadata = {"n": i, "real": i / 2 if i % 2 else float(i), "big": 2**60 + i, "yes": i % 2 == 0, "tags": ["a", f"b{i}"], "chroma:uri": f"u://{i}"}
            file.write(json.dumps({"id": f"r{i}", "document": f"text {i} \u00fc", "metadata": metadata, "vectors": {"vector": [i + 1.0, 0.5, -i / 4]}}) + "\n")
    return f"jsonl:{path}"


def test_the_program_that_users_have(work, tmp_path):
    path = tmp_path / "chroma"
    env = {"PATH": os.path.dirname(folders.program()) + ":/usr/bin:/bin"}
    assert work.json("copy", source(work, 10), f"chroma-local:{path}#docs", env=env)["exit_code"] == 0
    assert gone(path, 0.5)


@pytest.mark.parametrize("metric", ["cosine", "l2", "dot"])
def test_the_client_opens_what_was_written(work, env, tmp_path, metric):
    path = tmp_path / "made" / "chroma"
    report = work.json("copy", source(work, metric=metric), f"chroma-local:{path}#docs", env=env)
    assert report["written"] == ROWS and report["exit_code"] == 0, report
    assert gone(path, 0.5), "the server outlived the run"
    told = folders.act("read", path, "docs")
    rows = {row["id"]: row for row in told["rows"]}
    assert len(rows) == ROWS and told["configuration"]["hnsw"]["space"] == {"dot": "ip"}.get(metric, metric)
    row = rows["r7"]
    assert row["document"] == "text 7 \u00fc" and row["uri"] == "u://7"
    assert row["metadata"] == {"n": 7, "real": 3.5, "big": 2**60 + 7, "yes": False, "tags": ["a", "b7"]}
    assert row["vector"] == pytest.approx([8.0, 0.5, -1.75], rel=1e-6)
    if metric != "dot":
        assert folders.act("search", path, "docs", "r7", 1)["ids"] == ["r7"]
    work.ok("verify", source(work, metric=metric), f"chroma-local:{path}#docs")


def test_policies_and_rollback(work, env, tmp_path):
    path = tmp_path / "chroma"
    target = f"chroma-local:{path}#docs"
    work.ok("copy", source(work), target, "-q", env=env)
    assert work.run("copy", source(work, ROWS + 5), target, "--restart", env=env).returncode == 8
    again = work.json("copy", source(work, ROWS + 5), target, "--on-exists", "append", "--restart", env=env)
    assert (again["written"], again["skipped"]) == (5, ROWS), again
    assert len(folders.read(work, target)) == ROWS + 5
    work.ok("rollback", again["run"], "--yes", env=env)
    assert len(folders.read(work, target)) == ROWS
    replaced = work.json("copy", source(work, 10), target, "--on-exists", "replace", "--yes", "--restart", env=env)
    assert replaced["written"] == 10 and len(folders.read(work, target)) == 10
    assert gone(path)


def test_a_dry_run_makes_no_folder(work, env, tmp_path):
    path = tmp_path / "chroma"
    work.ok("copy", source(work), f"chroma-local:{path}#docs", "--dry-run", env=env)
    assert not path.exists()


def test_killed_and_resumed(work, env, tmp_path):
    path = tmp_path / "chroma"
    command = ("copy", source(work), f"chroma-local:{path}#docs", "--batch-size", "10", "--jobs", "1")
    done = work.run(*command, env={**env, "VECFERRY_FAILPOINT": "journal.ack.before:4"})
    assert done.returncode == harness.KILLED, (done.returncode, done.stderr)
    assert gone(path), "the server outlived the run that was killed"
    assert work.json(*command, env=env)["exit_code"] == 0
    assert len(folders.act("read", path, "docs")["rows"]) == ROWS


def test_without_the_vendors_program(work, tmp_path):
    path = tmp_path / "chroma"
    bare = {"PATH": "/usr/bin:/bin"}
    told = harness.refused(work.run("copy", source(work), f"chroma-local:{path}#docs", env=bare), 5, "target", "chroma", "pip install chromadb")
    assert "PATH" in told and not path.exists()
    done = work.run("copy", source(work), f"chroma-local:{path}?chroma=/nowhere/chroma#docs", env=bare)
    assert done.returncode == 5 and "/nowhere/chroma" in done.stderr
    # One that ends at once is told of, with its last words.
    liar = tmp_path / "chroma.sh"
    liar.write_text("#!/bin/sh\necho this is not chroma >&2\nexit 3\n")
    liar.chmod(0o755)
    done = work.run("copy", source(work), f"chroma-local:{path}?chroma={liar}#docs", env=bare)
    assert done.returncode == 8 and "this is not chroma" in done.stderr, done.stderr


def test_a_folder_that_another_program_has_open(work, env, tmp_path):
    path = tmp_path / "chroma"
    work.ok("copy", source(work), f"chroma-local:{path}#docs", "-q", env=env)
    holder = subprocess.Popen([folders.python(), "-c", f"import sqlite3,time; d=sqlite3.connect({str(path / 'chroma.sqlite3')!r}); d.execute('SELECT 1 FROM collections'); print('open', flush=True); time.sleep(60)"],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline().strip() == "open"
        done = work.run("copy", source(work), f"chroma-local:{path}#other", env=env)
        assert done.returncode == 11 and str(holder.pid) in done.stderr, done.stderr
    finally:
        holder.kill()
        holder.wait()


def test_old_folders_are_not_brought_up_to_date_unasked(work, env, tmp_path):
    path, told = folders.old("0.5.23", tmp_path)
    before = folders.state_of(path)
    done = work.run("copy", source(work), f"chroma-local:{path}#docs", env=env)
    assert done.returncode == 8 and "0.5" in done.stderr and "migrate=true" in done.stderr, done.stderr
    assert folders.state_of(path) == before
    plan = work.ok("plan", source(work), f"chroma-local:{path}?migrate=true#docs", env=env)
    assert "0.5" in plan.stdout + plan.stderr and folders.state_of(path) == before
    work.ok("copy", source(work), f"chroma-local:{path}?migrate=true#docs", "-q", env=env)
    assert len(folders.read(work, f"chroma-local:{path}#docs")) == ROWS
    # What was there is read as before, by us and by them.
    assert folders.differences(told["flat"], folders.read(work, f"chroma-local:{path}#flat")) == set()
    assert {row["id"] for row in folders.act("read", path, "flat")["rows"]} == {row["id"] for row in told["flat"]}


def test_from_folder_to_folder_and_back(work, env, tmp_path):
    old, told = folders.old("0.4.24", tmp_path)
    path = tmp_path / "new"
    report = work.json("copy", f"chroma-local:{old}#inner", f"chroma-local:{path}#inner", env=env)
    assert report["exit_code"] == 0
    assert folders.differences(told["inner"], folders.read(work, f"chroma-local:{path}#inner")) == set()
    rows = {row["id"]: row for row in folders.act("read", path, "inner")["rows"]}
    assert {row["id"]: row["vector"] for row in told["inner"]} == {key: row["vector"] for key, row in rows.items()}


def test_an_interrupted_run_lets_the_server_end_in_order(work, env, tmp_path):
    path = tmp_path / "chroma"
    running = work.start("copy", source(work, 3000), f"chroma-local:{path}#docs", "--rate", "200", env=env)
    end = time.monotonic() + 60
    while not servers(path) and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 130
    assert gone(path)
    db = sqlite3.connect(path / "chroma.sqlite3")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
