"""From store to store and back: the digest is the same, and so is what the vendors' clients read."""
import base64
import json
import math
import struct

import pytest

import harness
import vendors


@pytest.fixture(scope="module")
def qdrant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples") / "qdrant"
    harness.fixture("qdrant_local_samples.py", folder)
    with open(f"{folder}.json", encoding="utf-8") as file:
        return folder, json.load(file)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    file = tmp_path_factory.mktemp("samples") / "vec.db"
    harness.fixture("sqlite_vec_samples.py", file, "--version", "0.1.9")
    with open(f"{file}.json", encoding="utf-8") as told:
        return file, json.load(told)["tables"]


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


COLLECTIONS = ["plain", "uuids", "dot", "euclid", "manhattan", "cosine", "deletions", "empty", "with space & \u00fcmlaut.#%41", "batch", "named", "sparse_only",
               "multi_unnamed", "quantized"]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_qdrant_to_lines_and_back(qdrant, work, name):
    folder, told = qdrant
    assert set(COLLECTIONS) == set(told["collections"])
    first = f"qdrant-local:{folder}#{vendors.name_in_uri(name)}"
    lines = f"jsonl:{work.folder}/lines.jsonl"
    second = f"qdrant-local:{work.folder}/qdrant#{vendors.name_in_uri(name)}" if "#" not in name else f"qdrant-local:{work.folder}/qdrant#again"
    name_there = name if "#" not in name else "again"
    before = vendors.rows(folder, name) if told["collections"][name]["points"] else None
    out, back = work.json("copy", first, lines), work.json("copy", lines, second)
    points = {str(p["id"]).lower().replace("-", "").replace("urn:uuid:", "").strip("{}") for p in told["collections"][name]["points"]}
    assert out["written"] == back["written"] == len(points) and out["rejected"] == back["rejected"] == 0
    digest = work.digest(first, lines)
    assert digest.split(":")[1] == str(len(points))
    assert work.digest(lines, second) == digest == work.digest(first, second)
    if name != "uuids":  # there the client itself holds one point under two spellings
        assert vendors.by_point(work.folder / "qdrant", name_there) == vendors.by_point(folder, name)
    assert before is None or vendors.rows(folder, name) == before


def test_the_lines_say_every_type(qdrant, work):
    """The file is read by Python's own parser: integers beyond 2^53, floats that are whole, what JSON lacks."""
    folder, _ = qdrant
    work.json("copy", f"qdrant-local:{folder}#plain", f"jsonl:{work.folder}/plain.jsonl")
    records = [json.loads(line) for line in open(work.folder / "plain.jsonl", encoding="utf-8")][1:]
    payload = next(r for r in records if r["id"] == "1")["metadata"]
    assert (payload["i64 min"], payload["u64 max"], payload["i"]) == (-2**63, 2**64 - 1, 7)
    assert isinstance(payload["f whole"], float) and payload["tiny"] == 5e-324 and math.copysign(1, payload["-0.0"]) == -1
    assert payload["huge"] == {"$vf": "bigint", "v": str(2**70)} and payload["inf"] == {"$vf": "f64", "v": "Infinity"} and payload["nan"] == {"$vf": "f64", "v": "NaN"}
    assert payload["nul"] == "a\0b" and payload[""] == "empty key" and payload["n"] is None and payload["b"] is True and payload["many"] == list(range(2500))
    assert {r["id"] for r in records} >= {"0", str(2**64 - 1), str(2**63 + 5)}
    assert next(r for r in records if r["id"] == "0")["vectors"]["vector"] == [1.0, 0.0, 0.0]


# ---- sqlite-vec ----

TABLES = ["plain", "not_finite", "empty", "emptied", "cosine", "manhattan", "bytes", "bits", "one_dimension", "wide", "several", "whole_number_key", "chunks",
          "with space", "with-dash", "o'brien", 'dou"ble', "\u00fcml\u00e4ut", "select", "a.b", "percent%25#hash", "notes", "notes_more", "spelled", "short_types",
          "everything", "null_partition", "keyed_metadata", "several_metrics", "half_row"]


def expected_value(column, value):
    """A metadata value as the lines have it, by what the extension told of the column."""
    if isinstance(value, dict):
        return {"$vf": "bytes", "v": base64.b64encode(bytes.fromhex(value["blob"])).decode()} if "blob" in value else {"$vf": "f64", "v": value["float"]}
    return bool(value) if column["type"].startswith("bool") and value is not None else value


def vector_bytes(raw, column):
    if column["type"].startswith(("int8", "i8")):
        return struct.pack(f"<{len(raw)}b", *raw)
    if column["type"].startswith("bit"):
        return base64.b64decode(raw)
    return struct.pack(f"<{len(raw)}f", *({"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(x, x) for x in raw))


def compare(record, columns, values, single):
    """One line against one row: key, metadata with types, vectors to the bit."""
    metadata = {}
    for column, value in zip(columns, values):
        if column["kind"] == "key":
            assert record["id"] == str(value)
        elif column["kind"] == "vector":
            raw = record["vectors"]["vector" if single else f"vector:{column['name']}"]
            told = bytes.fromhex(next(iter(value.values())))
            found = vector_bytes(raw, column)
            if column["type"].startswith(("float", "f32")):
                pairs = zip(struct.unpack(f"<{len(told) // 4}f", told), struct.unpack(f"<{len(found) // 4}f", found))
                assert all(struct.pack("<f", a) == struct.pack("<f", b) or (math.isnan(a) and math.isnan(b)) for a, b in pairs)
            else:
                assert found == told
        else:
            metadata[column["name"]] = expected_value(column, value)
    assert vendors.plain(record["metadata"]) == vendors.plain(metadata)


@pytest.mark.parametrize("name", TABLES)
def test_sqlite_vec_to_lines(tables, work, name):
    file, told = tables
    assert set(TABLES) == set(told)
    table = told[name]
    source, lines = f"sqlite-vec:{file}#{vendors.name_in_uri(name)}", f"jsonl:{work.folder}/lines.jsonl"
    done = work.run("copy", source, lines, "--json")
    report = json.loads(done.stdout)
    # The half row, which a failed insert left behind, may be told as a reject.
    assert done.returncode == 0 or (name == "half_row" and done.returncode == 3), done.stdout + done.stderr
    assert report["written"] + report["rejected"] == len(table["rows"])
    header, *records = [json.loads(line) for line in open(work.folder / "lines.jsonl", encoding="utf-8")]
    vectors = [c for c in table["columns"] if c["kind"] == "vector"]
    assert [(v["dims"], v["metric"]) for v in header["schema"]["vectors"]] == [(v["dims"], v["metric"]) for v in vectors]
    key = next((i for i, c in enumerate(table["columns"]) if c["kind"] == "key"), None)
    by_id = {str(row[0] if key is None else row[1 + key]): row for row in table["rows"]}
    assert len(by_id) == len(table["rows"])
    if report["rejected"] == 0:
        assert {r["id"] for r in records} == by_id.keys()
    for record in records:
        compare(record, table["columns"], by_id[record["id"]][1:], len(vectors) == 1)
    if report["rejected"] == 0:
        assert work.digest(source, lines) == report["digest"]


@pytest.mark.parametrize("name", TABLES)
def test_sqlite_vec_to_qdrant(tables, work, name):
    file, told = tables
    table = told[name]
    source, target = f"sqlite-vec:{file}#{vendors.name_in_uri(name)}", f"qdrant-local:{work.folder}/qdrant#docs"
    vectors = [c for c in table["columns"] if c["kind"] == "vector"]
    unheld = [v for v in vectors if not v["type"].startswith(("float", "f32"))]
    done = work.run("copy", source, target, "--json")
    if unheld:
        assert done.returncode == 8, done.stdout + done.stderr
        error = json.loads(done.stdout)["error"]
        assert error["side"] == "target" and ("i8" in error["message"] or "bit" in error["message"] or "hamming" in error["message"]), error
        assert "docs" not in vendors.collections(work.folder / "qdrant")
        return
    blobs = any(isinstance(value, dict) and "blob" in value for row in table["rows"] for value, column in zip(row[1:], table["columns"]) if column["kind"] != "vector")
    if blobs:
        assert done.returncode in (3, 8) and "bytes" in done.stdout + done.stderr, done.stdout + done.stderr
        return
    report = json.loads(done.stdout)
    assert done.returncode == 0 or name == "half_row", done.stdout + done.stderr
    found = vendors.records(work.folder / "qdrant", "docs", bookkeeping=True)
    assert len(found) == report["written"] == len(table["rows"]) - report["rejected"] and report["verify"]["ok"]
    key = next((i for i, c in enumerate(table["columns"]) if c["kind"] == "key"), None)
    by_id = {str(row[0] if key is None else row[1 + key]): row[1:] for row in table["rows"]}
    for point, (payload, vector) in found.items():
        payload = dict(payload or {})
        original = str(payload.pop("_id", point))
        values = by_id[original]
        for column, value in zip(table["columns"], values):
            if column["kind"] == "vector":
                raw = vector if isinstance(vector, list) else vector[column["name"]]
                told_vector = list(struct.unpack(f"<{column['dims']}f", bytes.fromhex(value["f32"])))
                if column["metric"] == "cosine":
                    assert vendors.same_direction(told_vector, raw)
                else:
                    assert vendors.plain([struct.pack("<f", x) for x in raw]) == vendors.plain([struct.pack("<f", x) for x in told_vector]) or any(map(math.isnan, told_vector))
            elif column["kind"] != "key":
                expected = expected_value(column, value)
                expected = math.inf if expected == {"$vf": "f64", "v": "inf"} else expected
                assert vendors.plain(payload[column["name"]]) == vendors.plain(expected), (original, column["name"])
    if report["rejected"] == 0:
        assert work.digest(source, target) == report["digest"]
