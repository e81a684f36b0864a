"""What the tests of the command line share: the program, a state folder of their own, a small database of memories."""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = pathlib.Path(os.environ.get("VECFERRY_FIXTURES", ROOT / "tools/fixtures"))
PROGRAM = os.environ.get("VECFERRY_BIN", str(ROOT / "build/release/bin/vecferry"))


# What a shell gives a program, whatever these tests were started from: `nohup` leaves SIGHUP ignored, and the program keeps to that.
# Not by a function between fork and exec: a library with threads in this process may not live through the fork.
USUAL_SIGNALS = ["env", "--default-signal=INT,TERM,HUP"]


class Cli:
    """Runs the program in a folder of the test's own."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("VECFERRY_")}
        self.env["XDG_STATE_HOME"] = str(folder / "state")

    def start(self, *words, env=None, **kwargs):
        return subprocess.Popen([*USUAL_SIGNALS, PROGRAM, *map(str, words)], cwd=self.folder, env={**self.env, **(env or {})}, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)

    def run(self, *words, env=None):
        process = self.start(*words, env=env, stdin=subprocess.DEVNULL)
        out, err = process.communicate(timeout=120)
        return Answer(process.returncode, out, err)

    def shell(self, line):
        """A command line as the program printed it, given to a shell."""
        path = os.path.dirname(PROGRAM) + os.pathsep + self.env["PATH"]
        done = subprocess.run(line, shell=True, cwd=self.folder, env={**self.env, "PATH": path}, text=True, capture_output=True, timeout=120)
        return Answer(done.returncode, done.stdout, done.stderr)


class Answer:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    file = tmp_path_factory.mktemp("memories") / "memories.db"
    subprocess.run([FIXTURES / "mcp_memory_bulk.py", file, "--rows", "300"], check=True, capture_output=True)
    return file


@pytest.fixture
def memories(made, tmp_path):
    """A database of 300 memories, for the test alone."""
    file = tmp_path / "memories.db"
    file.write_bytes(made.read_bytes())
    return file
