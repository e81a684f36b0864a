"""Completion in the shells themselves: each sources the script, and is asked as a person asks, with the Tab key or by its own command."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import time

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from conftest import PROGRAM


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, words, folder, env):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, env)

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern, seconds=30):
        """Reads until it is there; what was read is gone afterwards."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.plain())):
            assert time.monotonic() < end, f"{pattern!r} does not come: {self.text!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                self.text += os.read(self.fd, 1 << 16).decode(errors="replace")
        self.text = self.plain()[found.end():]
        return found

    def plain(self):
        """Without bells, padding and colours, which come in the midst of words."""
        return re.sub(r"[\x00\x07]|\x1b\[[0-9;]*[A-Za-z]", "", self.text)

    def settle(self, seconds=0.5):
        while select.select([self.fd], [], [], seconds)[0]:
            self.text += os.read(self.fd, 1 << 16).decode(errors="replace")
        return self.text

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


@pytest.fixture
def place(cli):
    """A run in the state folder, and a file whose name has a blank."""
    parquet.write_table(pa.table({"id": ["a", "b"], "vector": pa.array([[1.0, 0.0], [0.0, 1.0]], pa.list_(pa.float32()))}), cli.folder / "in.parquet")
    assert cli.run("copy", "parquet:in.parquet", "qdrant-local:q#docs", "--metric", "cosine").code == 0
    cli.run_id = json.loads(cli.run("runs", "--json").out)["runs"][0]["run"]
    (cli.folder / "with blank.yaml").touch()
    (cli.folder / "rejects.jsonl").touch()
    cli.env |= {"PATH": os.path.dirname(PROGRAM) + os.pathsep + cli.env["PATH"], "TERM": "dumb", "PS1": "", "HOME": str(cli.folder), "LANG": "C.UTF-8"}
    for shell in ("bash", "zsh", "fish"):
        (cli.folder / f"script.{shell}").write_text(cli.run("completion", shell).out)
    return cli


def missing(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell} on this machine (requirements/apt.txt)")


# What is typed, and what is then offered: all of it where it is a list, some of it where it is a set.
CASES = [("vecferry ver", ["verify", "version"]),
         ("vecferry copy --on-exists ", ["fail", "append", "upsert", "replace"]),
         ("vecferry copy --on-exists=re", ["replace"]),
         ("vecferry copy --batch", ["--batch-size", "--batch-bytes"]),
         ("vecferry copy x y --report", {"--report", "--report-sample"}),
         ("vecferry backup ver", ["verify"]),
         ("vecferry backup prune --keep", ["--keep-last"]),
         ("vecferry completion ", ["bash", "zsh", "fish"]),
         ("vecferry stores qdrant-l", ["qdrant-local"]),
         ("vecferry inspect qdrant-l", ["qdrant-local:"]),
         ("vecferry copy parquet:in.p", ["in.parquet"]),
         ("vecferry copy --config with", ["with blank.yaml"]),
         ("vecferry status 2", ["RUN"]),
         ("vecferry rollback la", ["last"]),
         ("vecferry clean --run 2", ["RUN"]),
         ("vecferry help rest", ["restore"])]


def check(place, offered, wanted, typed):
    wanted_now = [place.run_id if each == "RUN" else each for each in wanted]
    if isinstance(wanted, set):
        assert set(wanted_now) <= set(offered), (typed, offered)
    else:
        assert sorted(offered) == sorted(wanted_now), (typed, offered)


@missing("bash")
@pytest.mark.parametrize("typed, wanted", CASES)
def test_bash(place, typed, wanted):
    """Its own function, called as bash calls it: COMP_WORDS broken at = and : as COMP_WORDBREAKS says."""
    words = [w for w in re.split(r" |([=:])", typed) if w is not None]
    words = [w for i, w in enumerate(words) if w or i == len(words) - 1]
    quoted = " ".join("'" + w + "'" for w in words)
    ask = f"set -eu; source script.bash; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; set +eu; _vecferry; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "--norc", "-c", ask], cwd=place.folder, env=place.env, capture_output=True, text=True, timeout=60)
    assert done.stderr == "", done
    check(place, [line for line in done.stdout.splitlines() if line], wanted, typed)


@missing("bash")
def test_bash_by_the_tab_key(place):
    shell = Terminal(["bash", "--norc", "--noprofile", "-i"], place.folder, place.env)
    try:
        shell.send("source script.bash; echo re''ady\n")
        shell.wait("\nready")
        for typed, becomes in [("vecferry copy --on-exists ups\t", "--on-exists upsert "), ("vecferry copy parquet:in\t", "parquet:in.parquet "), ("vecferry inspect qdrant-lo\t", "qdrant-local:"),
                               ("vecferry plan --config with\t", r"with\\ blank\.yaml ")]:
            shell.send("\x15" + typed)
            shell.wait(becomes)
            shell.send("\x15")
            shell.settle(0.1)
    finally:
        shell.close()


@missing("zsh")
def test_zsh_by_the_tab_key(place):
    env = place.env | {"ZDOTDIR": str(place.folder), "TERM": "vt100"}
    shell = Terminal(["zsh", "-f", "-i"], place.folder, env)
    try:
        # Before completion is on the script says nothing and breaks nothing.
        shell.send("PROMPT=; source script.zsh && autoload -U compinit && compinit -u -D && source script.zsh && zstyle ':completion:*' list-prompt '' && bindkey '^I' complete-word && "
                   "LISTMAX=0 && stty -echo; echo re''ady\n")
        shell.wait("\nready|\rready")
        for typed, wanted in [("vecferry veri\t", "verify"), ("vecferry copy --on-exists=ups\t", "--on-exists=upsert"), ("vecferry copy --on-exists ups\t", "--on-exists upsert"),
                              ("vecferry copy x y --batch-s\t", "--batch-size"), ("vecferry backup pru\t", "prune"), ("vecferry backup prune --keep\t", "--keep-last"),
                              ("vecferry completion fi\t", "fish"), ("vecferry inspect qdrant-l\t", "qdrant-local:"), ("vecferry copy parquet:in\t", r"parquet:in\.parquet"),
                              ("vecferry copy --config with\t", r"with\\ blank\.yaml"), ("vecferry status 2\t", place.run_id), ("vecferry rollback la\t", "last"),
                              ("vecferry clean --run 2\t", place.run_id), ("vecferry help rest\t", "restore"), ("vecferry stores sqlite-v\t", "sqlite-vec")]:
            shell.send("\x15")
            shell.settle(0.05)
            shell.text = ""
            shell.send(typed)
            try:
                shell.wait(wanted, 20)
            except AssertionError as error:
                raise AssertionError(f"{typed!r}: {error}") from None
        assert "error" not in shell.text and "not found" not in shell.text
    finally:
        shell.close()


@missing("zsh")
def test_zsh_autoloads_it_from_fpath(place):
    functions = pathlib.Path(place.folder / "functions")
    functions.mkdir()
    (functions / "_vecferry").write_text((place.folder / "script.zsh").read_text())
    done = subprocess.run(["zsh", "-f", "-c", f"fpath=({functions} $fpath); autoload -U compinit; compinit -u -D; print $_comps[vecferry]; source script.zsh"], cwd=place.folder, env=place.env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "_vecferry" and done.stderr == "" and done.returncode == 0, done


@missing("fish")
@pytest.mark.parametrize("typed, wanted", CASES)
def test_fish(place, typed, wanted):
    done = subprocess.run(["fish", "--no-config", "-c", f"source script.fish; complete -C '{typed}'"], cwd=place.folder, env=place.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.stderr == "" and done.returncode == 0, done
    offered = [line.split("\t")[0] for line in done.stdout.splitlines()]
    # fish gives the whole word.
    expected = {"vecferry copy --on-exists=re": ["--on-exists=replace"], "vecferry copy parquet:in.p": ["parquet:in.parquet"]}.get(typed, wanted)
    check(place, offered, expected, typed)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_know_every_command_and_flag(place, shell):
    script = (place.folder / f"script.{shell}").read_text()
    reference = place.run("--help").out
    for command in ("copy", "plan", "verify", "inspect", "backup", "restore", "runs", "status", "rollback", "clean", "doctor", "completion"):
        assert command in script and command in reference
        for flag in re.findall(r"--([a-z-]+)", place.run("help", command).out):
            assert flag in script, (command, flag)
