#!/usr/bin/env python3
"""Compares what Vecferry read from a folder of qdrant-client with what that client told of it, and lets the client judge a copy.

usage: qdrant_local.py TOLD.json READ.jsonl [COPY]
TOLD.json is that of tools/fixtures/qdrant_local_samples.py; READ.jsonl has {"collection", "id", "metadata", "vectors"} a line, with
the specials of Vecferry's JSON; COPY is a folder that Vecferry wrote from the same records. Exit code 0, or 1 with what is wrong."""
import collections
import json
import math
import os
import subprocess
import sys
import tempfile
import uuid

import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ELEMENTS = {"half": numpy.float16, "small": numpy.uint8}
problems = []


def plain(v):
    """Vecferry's specials as the samples tell them."""
    if isinstance(v, list):
        return [plain(x) for x in v]
    if not isinstance(v, dict):
        return v
    if "$vf" not in v:
        return {k: plain(x) for k, x in v.items()}
    kind, text = v["$vf"], v["v"]
    if kind == "f64":
        return {"py": "float", "v": {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}[text]}
    if kind == "bigint":
        return int(text)
    return {"py": kind, "v": text}


def told_plain(v):
    if isinstance(v, list):
        return [told_plain(x) for x in v]
    if isinstance(v, dict):
        return v["v"] if v.get("py") == "UUID" else {k: told_plain(x) for k, x in v.items()}
    return v


def python(v):
    """A told value as Python's json writes it."""
    if isinstance(v, list):
        return [python(x) for x in v]
    if isinstance(v, dict):
        return float(v["v"]) if v.get("py") == "float" else {k: python(x) for k, x in v.items()}
    return v


def same(a, b):
    if isinstance(b, dict) and b.get("py") in ("date", "datetime"):
        # Clients before 1.16 pickle dates as they are given, and give them out as text.
        return isinstance(a, str) and a.replace("Z", "+00:00") == b["v"]
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b and (not isinstance(a, float) or math.copysign(1, a) == math.copysign(1, b))


def vectors_differ(told, read, name, cosine):
    if isinstance(told, dict) or isinstance(read, dict):
        order = sorted(range(len(told["indices"])), key=lambda i: told["indices"][i])
        return [told["indices"][i] for i in order] != read["indices"] or vectors_differ([told["values"][i] for i in order], read["values"], name, False)
    a = numpy.asarray(told, dtype=numpy.float32)
    b = numpy.asarray(read, dtype=numpy.float32)
    if name in ELEMENTS:
        a = a.astype(ELEMENTS[name]).astype(numpy.float32)
    if a.shape != b.shape:
        return True
    if cosine:
        a, b = (x / numpy.maximum(numpy.linalg.norm(x.astype(numpy.float64), axis=-1, keepdims=True), 1e-30) for x in (a, b))
        return not numpy.allclose(a, b, rtol=0, atol=1e-6)
    return not numpy.array_equal(a, b)


def normal(point_id):
    return str(uuid.UUID(point_id)) if isinstance(point_id, str) else str(point_id)


def points_of(told):
    """The points by their normal ids. Of one that an old client holds under two spellings the samples write the canonical first."""
    points = {}
    for point in sorted(told["points"], key=lambda p: normal(p["id"]) != str(p["id"])):
        points[normal(point["id"])] = point
    return points


def compare(name, told, read):
    spaces = {k: v["distance"] for k, v in told["vectors"].items()}
    points = points_of(told)
    if len(points) != len(read):
        problems.append(f"{name}: {len(points)} points were told, {len(read)} read")
    for point_id, point in points.items():
        record = read.get(point_id)
        if record is None:
            problems.append(f"{name}: {point['id']!r} was not read")
            continue
        a, b = told_plain(point["payload"]), plain(record["metadata"])
        if not same(a, b):
            keys = [k for k in a.keys() | b.keys() if k not in a or k not in b or not same(a[k], b[k])]
            problems.append(f"{name}: payload of {point['id']!r} differs in {[(k, str(a.get(k))[:60], str(b.get(k))[:60]) for k in keys]}")
        if point["vector"].keys() != record["vectors"].keys():
            problems.append(f"{name}: {point['id']!r} has vectors {sorted(record['vectors'])}, not {sorted(point['vector'])}")
        for vector in point["vector"].keys() & record["vectors"].keys():
            if vectors_differ(point["vector"][vector], record["vectors"][vector], vector, spaces.get(vector) == "Cosine"):
                problems.append(f"{name}: vector {vector!r} of {point['id']!r} differs")


def rounded(vectors):
    """As the columns of reduced precision hold them."""
    return {k: numpy.asarray(v, dtype=ELEMENTS[k]).astype(float).tolist() if k in ELEMENTS else v for k, v in vectors.items()}


def judge(copy, name, told):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as expect:
        for point in told["points"]:
            line = {"id": point["id"], "vector": rounded(point["vector"]), "payload": python(told_plain(point["payload"]))}
            expect.write(json.dumps(line) + "\n")
        expect.flush()
        # A collection of sparse vectors alone has nothing that the judge's new point could hold.
        few = len(told["points"]) < 3
        command = [sys.executable, os.path.join(ROOT, "tools/fixtures/qdrant_local_judge.py"), copy, name, "--expect", expect.name]
        done = subprocess.run(command + ["--read-only-checks"] * few, capture_output=True, text=True)
    if done.returncode:
        problems.append(f"{name}: the client finds the copy wrong: {done.stderr.strip()[-600:]}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        told = json.load(file)
    read = collections.defaultdict(dict)
    with open(sys.argv[2], encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            read[record["collection"]][record["id"]] = record
    for name, collection in told["collections"].items():
        compare(name, collection, read.pop(name, {}))
        if len(sys.argv) > 3:
            judge(sys.argv[3], name, collection)
    problems.extend(f"{name}: nobody told of it" for name in read)
    print("\n".join(problems[:20]), file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
