"""Copies from start to end: results, exit codes, signals, secrets."""
import json
import os
import pty
import signal
import subprocess
import time

import pytest

from conftest import ROOT

JSON_PAGE = (ROOT / "docs/reference/json.md").read_text()


def pair(memories, folder):
    return f"mcp-memory:{memories}", f"qdrant-local:{folder}/qdrant#memories"


def documented(answer):
    for member in answer.json:
        assert f"`{member}`" in JSON_PAGE, member
    return answer.json


def test_copy_verify_status_rollback(cli, memories):
    source, target = pair(memories, cli.folder)
    copy = cli.run("copy", source, target, "--json")
    assert copy.code == 0, copy
    report = documented(copy)
    assert (report["total"], report["written"], report["rejected"], report["exit_code"]) == (300, 300, 0, 0)
    assert report["verify"]["ok"]

    again = documented(cli.run("copy", source, target, "--json"))
    assert again["state"] == "already-finished" and again["exit_code"] == 0

    verify = documented(cli.run("verify", source, target, "--json"))
    assert verify["ok"] and verify["source_digest"] == verify["target_digest"]

    status = documented(cli.run("status", "--json"))
    assert (status["state"], status["done"], status["total"], status["rejects"]) == ("finished", 300, 300, [])
    assert status["last_id"] and status["run"] == report["run"]
    runs = documented(cli.run("runs", "--json"))["runs"]
    assert [run["run"] for run in runs] == [report["run"]]

    assert cli.run("rollback", "last").code == 8
    back = documented(cli.run("rollback", "last", "--yes", "--json"))
    assert back["run"] == report["run"] and back["conflicts"] == 0
    assert cli.run("inspect", target).code == 5
    assert documented(cli.run("clean", "--older-than", "0", "--json"))["removed"] == [report["run"]]


def test_results_go_to_stdout_and_everything_else_to_stderr(cli, memories):
    source, target = pair(memories, cli.folder)
    answer = cli.run("copy", source, target)
    assert answer.code == 0, answer
    for told in ("written", "rate", "memory", "journal", "passed", "MCP_MEMORY_STORAGE_BACKEND", "vecferry verify", "vecferry rollback"):
        assert told in answer.out, told
    assert "transfer:" in answer.err and "transfer:" not in answer.out
    assert "\x1b" not in answer.out + answer.err
    assert cli.run("copy", source, target, "-q").err == ""


def test_the_commands_that_come_next_work_as_printed(cli, memories):
    source, target = pair(memories, cli.folder)
    answer = cli.run("copy", source, target)
    following = [line.strip() for line in answer.out.split("Next:\n")[1].splitlines()]
    verify = next(line for line in following if line.startswith("vecferry verify"))
    assert cli.shell(verify).code == 0, verify
    rollback = next(line for line in following if line.startswith("vecferry rollback"))
    assert cli.shell(rollback).code == 0


def test_a_dry_run_writes_nothing(cli, memories):
    source, target = pair(memories, cli.folder)

    def files():
        return {path.relative_to(cli.folder): path.read_bytes() for path in cli.folder.rglob("*") if path.is_file()}

    before = files()
    answer = cli.run("copy", source, target, "--dry-run", "--json")
    assert answer.code == 0, answer
    assert documented(answer)["vecferry"] == "copy"
    plan = documented(cli.run("plan", source, target, "--json"))
    assert plan["issues"] == [] or all(not issue["blocking"] for issue in plan["issues"])
    assert files() == before and not (cli.folder / "qdrant").exists()


def test_a_plan_in_a_file_is_executed(cli, memories):
    source, target = pair(memories, cli.folder)
    assert cli.run("plan", source, target, "--out", "plan.json").code == 0
    answer = cli.run("copy", source, target, "--plan", "plan.json")
    assert answer.code == 0, answer


@pytest.mark.parametrize("words, code, told", [
    (["inspect", "mcp-memory:missing.db"], 5, "missing.db"),
    (["status", "nope"], 5, "no run"),
    (["status"], 5, "no runs yet"),
    (["backup", "mcp-memory:missing.db", "x"], 5, "missing.db"),
])
def test_failures_have_their_codes(cli, words, code, told):
    for json_too in ([], ["--json"]):
        answer = cli.run(*words, *json_too)
        assert answer.code == code and told in answer.err, answer
        if json_too:
            assert answer.json["exit_code"] == code and answer.json["error"]["message"]
        else:
            assert answer.out == ""


def test_a_target_that_holds_records_is_refused(cli, memories):
    source, target = pair(memories, cli.folder)
    assert cli.run("copy", source, target).code == 0
    assert cli.run("clean", "--run", "last", "--yes").code == 0
    answer = cli.run("copy", source, target)
    assert answer.code == 8 and "--on-exists" in answer.err, answer


def test_a_difference_is_exit_code_4_with_both_values(cli, memories):
    import sqlite3
    source, target = pair(memories, cli.folder)
    assert cli.run("copy", source, target).code == 0
    db = sqlite3.connect(memories)
    for trigger, in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
        db.execute(f'DROP TRIGGER "{trigger}"')
    changed, = db.execute("SELECT content_hash FROM memories ORDER BY id LIMIT 1").fetchone()
    db.execute("UPDATE memories SET memory_type='changed by hand' WHERE content_hash=?", (changed,))
    db.commit()
    db.close()
    answer = cli.run("verify", source, target, "--json", "--report", "verify.html")
    listed = [d for d in answer.json["differences"] if d["id"] == changed]
    assert listed and any("changed by hand" in d["source"] for d in listed), answer
    assert answer.json["counts"].get("changed-at-source") == 1 or answer.code == 4, answer
    page = (cli.folder / "verify.html").read_text()
    assert changed in page and "changed by hand" in page
    assert cli.run("verify", source, target, "--ignore", "metadata.memory_type").code == 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_what_was_done_and_the_printed_command_goes_on(cli, memories, sent):
    source, target = pair(memories, cli.folder)
    process = cli.start("copy", source, target, "--rate", "60", "--batch-size", "20")
    time.sleep(2.5)
    live = cli.run("status", "--json").json
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert live["state"] == "running" and 0 < live["done"] < 300
    status = cli.run("status", "--json").json
    assert status["state"] == "interrupted" and live["done"] <= status["done"] < 300
    resume = err.split("To go on:\n")[1].strip()
    assert resume.startswith("vecferry copy")
    answer = cli.shell(resume.replace("--rate 60", "--rate 10000") + " --json")
    assert answer.code == 0, answer
    assert answer.json["written"] == 300 and answer.json["session_records"] == 300 - status["done"]


def test_the_second_interrupt_ends_at_once(cli, memories):
    source, target = pair(memories, cli.folder)
    process = cli.start("copy", source, target, "--rate", "1", "--batch-size", "20")
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == 130 and time.monotonic() - began < 5


def test_json_goes_on_a_failure_too_and_is_one_object(cli, memories):
    source, target = pair(memories, cli.folder)
    process = cli.start("copy", source, target, "--rate", "60", "--batch-size", "20", "--json", "--progress", "json")
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    failure = json.loads(out)
    assert failure["exit_code"] == 130 and failure["error"]["category"] == "cancelled" and failure["error"]["resume"].startswith("vecferry copy")
    events = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert {"progress"} <= {event["message_type"] for event in events}


def test_the_log_and_the_report(cli, memories):
    source, target = pair(memories, cli.folder)
    assert cli.run("copy", source, target, "--log", "events.jsonl", "--report", "copy.html").code == 0
    events = [json.loads(line) for line in (cli.folder / "events.jsonl").read_text().splitlines()]
    assert events and all(event["message_type"] and event["time"].endswith("Z") for event in events)
    assert oct((cli.folder / "events.jsonl").stat().st_mode & 0o777) == "0o600"
    page = (cli.folder / "copy.html").read_text()
    assert "Done, and as promised" in page and "default-src 'none'" in page and "src=" not in page.replace("default-src", "")


def test_secrets_are_in_no_output(cli, memories):
    secret = "hunter2hunter2"
    target = f"qdrant-local:{cli.folder}/qdrant?api-key={secret}#memories"
    answers = [cli.run("copy", f"mcp-memory:{memories}", target, "--log", "log.jsonl", "--report", "r.html", *more)
               for more in (["-v"], ["--json"], ["--target-opt", f"token={secret}"])]
    answers += [cli.run("doctor", target), cli.run("inspect", target), cli.run("status"), cli.run("runs", "--json")]
    for answer in answers:
        assert secret not in answer.out + answer.err, answer
    for file in cli.folder.rglob("*"):
        if file.is_file() and file != memories:
            assert secret.encode() not in file.read_bytes(), file
    assert "credential" in answers[0].err


def test_backup_is_a_database_and_never_replaces_unasked(cli, memories):
    import sqlite3
    answer = cli.run("backup", f"mcp-memory:{memories}", "copy.db", "--json")
    assert answer.code == 0 and documented(answer)["checked"]
    assert sqlite3.connect(cli.folder / "copy.db").execute("SELECT count(*) FROM memories").fetchone() == (300,)
    assert cli.run("backup", f"mcp-memory:{memories}", "copy.db").code == 8
    assert cli.run("backup", f"mcp-memory:{memories}", "copy.db", "--yes").code == 0


def test_doctor_looks_at_both_sides(cli, memories):
    source, target = pair(memories, cli.folder)
    answer = cli.run("doctor", source, target, "--json")
    assert answer.code == 0, answer
    texts = " ".join(finding["text"] for finding in documented(answer)["findings"])
    assert "300 records" in texts and "twice the source's size" in texts and "does not exist yet" in texts


def test_clean_keeps_what_is_unfinished_or_going_on(cli, memories):
    source, target = pair(memories, cli.folder)
    process = cli.start("copy", source, target, "--rate", "20", "--batch-size", "20")
    time.sleep(1.5)
    assert cli.run("clean", "--run", "last", "--yes").code == 11
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert cli.run("clean", "--older-than", "0", "--json").json["kept"] == 1
    assert cli.run("clean", "--run", "last").code == 8
    assert cli.run("clean", "--run", "last", "--yes").code == 0
    assert cli.run("runs", "--json").json["runs"] == []


def test_a_terminal_gets_a_bar_and_no_colour_is_heeded(cli, memories):
    from conftest import PROGRAM
    source, target = pair(memories, cli.folder)
    leader, follower = pty.openpty()
    process = subprocess.Popen([PROGRAM, "copy", source, target, "--rate", "200", "--batch-size", "20"], cwd=cli.folder, stdout=subprocess.DEVNULL, stderr=follower,
                               env={**cli.env, "NO_COLOR": "1", "TERM": "xterm"})
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        shown += part
    assert process.wait() == 0
    assert b"\r" in shown and b"\x1b[K" in shown and b"\x1b[33m" not in shown and b"] " in shown
