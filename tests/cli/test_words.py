"""The command line itself: help, suggestions, environment, completion, pages that are generated from it."""
import re
import subprocess

import pytest

from conftest import ROOT

COMMANDS = ["copy", "plan", "verify", "stores", "inspect", "backup", "backup list", "backup verify", "backup prune", "restore", "runs", "status", "rollback", "clean", "doctor", "completion", "version"]


def test_general_help_lists_every_command(cli):
    answer = cli.run("--help")
    assert answer.code == 0 and answer.err == ""
    for command in COMMANDS:
        assert f"\n  {command} " in answer.out
    assert "reference" not in answer.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_and_its_flags(cli, command):
    answer = cli.run(*command.split(), "--help")
    assert answer.code == 0 and answer.err == ""
    assert f"Usage: vecferry {command}" in answer.out
    assert cli.run("help", *command.split()).out == answer.out


def test_no_command_is_a_usage_error(cli):
    answer = cli.run()
    assert answer.code == 2 and answer.out == "" and "Commands:" in answer.err


@pytest.mark.parametrize("words, told", [
    (["cpy"], "copy"),
    (["copy", "a:b", "c:d", "--batch-sze", "5"], "--batch-size"),
    (["copy", "a:b", "c:d", "--on-exists", "upsrt"], "upsert"),
    (["verify", "a:b", "c:d", "--retry-rejects"], "`copy` has"),
    (["--yes", "copy"], "flags come after the command"),
    (["copy", "a:b"], "TARGET is missing"),
    (["copy", "a:b", "c:d", "e:f"], "too many"),
    (["copy", "a:b", "c:d", "--jobs", "many"], "whole number"),
    (["copy", "a:b", "c:d", "--jobs", "0"], "1 or more"),
    (["copy", "a:b", "c:d", "--jobs", "1", "--jobs", "2"], "2 times"),
    (["copy", "a:b", "c:d", "--max-rejects", "lots"], "0.5%"),
    (["verify", "a:b", "c:d", "--ignore", "vectr"], "vector"),
    (["inspect", "mcp-memry:x.db"], "mcp-memory"),
    (["completion", "bsh"], "bash"),
    (["backup", "list"], "DIR is missing"),
    (["backup", "prune", "x", "--keep-lst", "1"], "--keep-last"),
])
def test_what_is_wrong_is_told_with_the_nearest(cli, words, told):
    answer = cli.run(*words)
    assert answer.code == 2, answer
    assert answer.out == "" and told in answer.err, answer


def test_a_usage_error_is_an_object_with_json(cli):
    answer = cli.run("copy", "a:b", "--jsn", "--json")
    assert answer.code == 2
    assert answer.json["version"] == 1 and answer.json["exit_code"] == 2 and answer.json["error"]["category"] == "usage"


def test_the_environment_stands_for_flags_and_the_command_line_wins(cli):
    bad = {"VECFERRY_BATCH_SIZE": "none"}
    assert cli.run("copy", "a:b", "c:d", env=bad).code == 2
    assert "environment" in cli.run("copy", "a:b", "c:d", env=bad).err
    assert "environment" not in cli.run("copy", "a:b", "c:d", "--batch-size", "5", env=bad).err
    assert cli.run("version", env={"VECFERRY_JSON": "yes"}).json["vecferry"] == "version"
    assert "vecferry " in cli.run("version", "--json=no", env={"VECFERRY_JSON": "yes"}).out


def test_doctor_finds_a_misspelt_variable(cli):
    answer = cli.run("doctor", env={"VECFERRY_BATCH_SZE": "5"})
    assert answer.code == 0 and "VECFERRY_BATCH_SIZE" in answer.out, answer


def test_bash_completion_completes(cli):
    script = cli.run("completion", "bash").out
    ask = script + '\nCOMP_WORDS=(vecferry copy --on-exists up); COMP_CWORD=3; _vecferry; echo "${COMPREPLY[@]}"'
    ask += '\nCOMP_WORDS=(vecferry ver); COMP_CWORD=1; _vecferry; echo "${COMPREPLY[@]}"'
    ask += '\nCOMP_WORDS=(vecferry copy --batch); COMP_CWORD=2; _vecferry; echo "${COMPREPLY[@]}"'
    ask += '\nCOMP_WORDS=(vecferry backup ver); COMP_CWORD=2; _vecferry; echo "${COMPREPLY[@]}"'
    ask += '\nCOMP_WORDS=(vecferry backup prune --keep); COMP_CWORD=3; _vecferry; echo "${COMPREPLY[@]}"'
    ask += '\nCOMP_WORDS=(vecferry backup x y --keep); COMP_CWORD=4; _vecferry; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["upsert", "verify version", "--batch-size --batch-bytes", "verify", "--keep-last", ""], done


def test_generated_pages_are_current(cli):
    answer = cli.run("reference", ROOT, "--check")
    assert answer.code == 0, f"run `vecferry reference .`: {answer}"


def test_stores_tells_the_same_three_times(cli):
    table, objects, page = cli.run("stores"), cli.run("stores", "--json"), cli.run("stores", "--markdown")
    schemes = [store["scheme"] for store in objects.json["stores"]]
    assert len(schemes) >= 2
    for scheme in schemes:
        assert scheme in table.out and f"## {scheme}\n" in page.out
        assert scheme in cli.run("stores", scheme).out


def test_what_a_copy_keeps_is_told_for_every_pair(cli):
    stores, page = cli.run("stores", "--json").json["stores"], cli.run("stores", "--markdown").out
    readme = (ROOT / "README.md").read_text()
    sources = [s["scheme"] for s in stores if s["capabilities"]["read"] == "yes"]
    sinks = [s["scheme"] for s in stores if s["capabilities"]["write"] == "yes"]
    head = "| from \\ to | " + " | ".join(f"`{s}`" for s in sinks) + " |\n"
    assert head in page and head in readme
    notes = dict(re.findall(r"^(\d+)\. (.+)\.$", page, re.M))
    for store in stores:
        assert set(store["copied_into"]) == (set(sinks) if store["scheme"] in sources else set())
        for sink, kept in store["copied_into"].items():
            row = re.search(rf"^\| `{store['scheme']}` \| ([=~].*) \|$", page.split(head)[1], re.M)[1].split(" | ")
            sign, _, number = row[sinks.index(sink)].partition(" ")
            assert sign == ("~" if "; tolerance: " in kept else "=")
            assert "exact" + ("; " + notes[number] if number else "") == kept


def test_exit_codes_page_has_every_code():
    header = (ROOT / "src/base/error.h").read_text()
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    codes = re.findall(r"= (\d+)", header.split("namespace exit_code {")[1].split("}")[0])
    assert len(codes) == 12
    for code in codes:
        assert f"| {code} |" in page


def test_every_event_is_documented():
    names = (ROOT / "src/progress/events.cc").read_text().split('return "')[1:]
    page = (ROOT / "docs/reference/events.md").read_text()
    for name in names[:-1]:
        assert f"`{name.split(chr(34))[0]}`" in page
