"""What the scenarios of Chroma's folders share: folders that the vendor wrote, and its client as the judge."""
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tarfile

import pytest

import harness

OLD = ("0.4.24", "0.5.23")


def python():
    """The vendor's interpreter; the test is skipped where its environment cannot be made."""
    made = subprocess.run([str(harness.ROOT / "tools/vendor-env"), "chroma"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if made.returncode:
        pytest.skip(f"no environment of chromadb: {made.stderr.strip()[-200:]}")
    return made.stdout.strip()


def program():
    return str(pathlib.Path(python()).parent / "chroma")


def act(*arguments):
    done = subprocess.run([python(), str(harness.ROOT / "tests/vendor/chroma_directory.py"), *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def old(version, folder):
    """A folder that an old chromadb wrote, and what it read of it."""
    with tarfile.open(harness.ROOT / "tests/fixtures/chroma" / f"chroma_{version}.tar.gz") as tar:
        tar.extractall(folder)
    return folder / f"chroma_{version}", json.loads((folder / f"chroma_{version}.json").read_text())["collections"]


def current(folder):
    """The same by the current one."""
    path = folder / "chroma_now"
    done = subprocess.run([python(), str(harness.FIXTURES / "chroma_directory.py"), str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return path, json.loads((folder / "chroma_now.json").read_text())["collections"]


def f32(values):
    return [struct.unpack("<f", struct.pack("<f", x))[0] for x in values]


def records(path):
    """The records of a jsonl file by id."""
    with open(path, encoding="utf-8") as file:
        return {record["id"]: record for record in map(json.loads, file) if "id" in record}


def canonical(value):
    return json.dumps(value, sort_keys=True)


def differences(told, found):
    """Ids whose record is not the one that the vendor showed: vector to the bit, document, metadata with types, URI."""
    odd = set(found) ^ {row["id"] for row in told}
    for row in told:
        got = found.get(row["id"])
        if got is None:
            continue
        metadata = dict(row.get("metadata") or {})
        if "uri" in row:
            metadata["chroma:uri"] = row["uri"]
        vector = got.get("vectors", {}).get("vector")
        same = got.get("document") == row.get("document") and canonical(got.get("metadata") or {}) == canonical(metadata)
        if row["vector"] is not None:
            same = same and vector is not None and f32(vector) == f32(row["vector"])
        if not same:
            odd.add(row["id"])
    return odd


def read(work, uri, *more):
    """Copies into a file and gives its records by id."""
    target = work.folder / "read.jsonl"
    target.unlink(missing_ok=True)
    work.ok("copy", uri, f"jsonl:{target}", "-q", "--restart", *more)
    return records(target)


def state_of(folder):
    """Every file of a folder with its content and times."""
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in sorted(pathlib.Path(folder).rglob("*")) if p.is_file()}


if __name__ == "__main__":
    sys.exit("no test of its own")
