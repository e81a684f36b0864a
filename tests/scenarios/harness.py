"""What the scenario scripts share: the program under test, its runs, and what a copy left behind."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("VECFERRY_BIN", str(ROOT / "build/release/bin/vecferry"))
FIXTURES = pathlib.Path(os.environ.get("VECFERRY_FIXTURES", ROOT / "tools/fixtures"))
KILLED = -9


def make_memories(path, rows, dims=32, doc_bytes="40:200", seed=1, generation="12"):
    """A memory database made through the vendor's storage class and extension."""
    maker = FIXTURES / "mcp_memory_bulk.py"
    subprocess.run([sys.executable, str(maker), str(path), "--rows", str(rows), "--dims", str(dims), "--doc-bytes", doc_bytes,
                    "--seed", str(seed), "--generation", generation], check=True, stdout=subprocess.DEVNULL)
    return path


def make_odd(path, generation="12"):
    """A memory database with every odd row; returns the maker's manifest."""
    out = subprocess.run([sys.executable, str(FIXTURES / "mcp_memory_odd.py"), str(path), "--generation", generation],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def fixture(name, *args, code=0):
    """Runs a program of tools/fixtures and insists on the exit code; returns what it printed on both outputs."""
    done = subprocess.run([sys.executable, str(FIXTURES / name), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == code, f"{name} {' '.join(map(str, args))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


class Workplace:
    """A folder with a state directory of its own, in which the program is run."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def environment(self, extra=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith("VECFERRY_") or k == "VECFERRY_BIN"}
        env["XDG_STATE_HOME"] = str(self.folder / "state")
        env["NO_COLOR"] = "1"
        env.update(extra or {})
        return env

    def command(self, *args):
        return [BIN, *map(str, args)]

    def run(self, *args, env=None, timeout=600, **kwargs):
        return subprocess.run(self.command(*args), env=self.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=timeout, **kwargs)

    def start(self, *args, env=None):
        return subprocess.Popen(self.command(*args), env=self.environment(env), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ok(self, *args, code=0, **kwargs):
        """Runs and insists on the exit code."""
        done = self.run(*args, **kwargs)
        assert done.returncode == code, f"{' '.join(map(str, args))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *args, code=0, **kwargs):
        return json.loads(self.ok(*args, "--json", code=code, **kwargs).stdout)

    def digest(self, source, target):
        """The target's digest as a verification without any journal reads it."""
        report = self.json("verify", source, target)
        assert report["ok"], report
        assert report["source_digest"] == report["target_digest"]
        return report["target_digest"]

    def forget(self, *names):
        for name in ("state", *names):
            shutil.rmtree(self.folder / name, ignore_errors=True)


def saved(workplace, *names):
    """A function that puts these folders of a workplace back as they are now."""
    kept = workplace.folder / "saved"
    for name in names:
        shutil.copytree(workplace.folder / name, kept / name)

    def put_back():
        for name in names:
            shutil.rmtree(workplace.folder / name, ignore_errors=True)
            shutil.copytree(kept / name, workplace.folder / name)
    return put_back


def refused(done, code, side, place, step):
    """The one shape of a failure: exit code, side, place, and the next step."""
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    told = done.stderr.split("vecferry: ", 1)[1]
    assert told.startswith(side), told
    assert str(place) in told.split("  next: ")[0], told
    assert "  next: " in told and step in told.split("  next: ", 1)[1], told
    assert "Verification" not in done.stdout and "written" not in done.stdout
    return told


def failpoints_of(workplace, *args):
    """Every failpoint that a command hits, with how often, in the order of the first hit."""
    listing = workplace.folder / "failpoints"
    listing.unlink(missing_ok=True)
    workplace.ok(*args, env={"VECFERRY_FAILPOINT": f"list:{listing}"})
    hits = {}
    for name in listing.read_text().split():
        hits[name] = hits.get(name, 0) + 1
    return hits
