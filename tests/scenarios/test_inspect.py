"""The inventory, judged by numpy and json over data that the test made itself."""
import collections
import json
import uuid

import numpy as np
import pytest

import harness

DIMS = 24
ROWS = 700


def records(rng, rows=ROWS):
    """Records with everything that the inventory tells: missing values, equal values, norms of all kinds, several tenants."""
    made = []
    for i in range(rows):
        vector = rng.normal(size=DIMS).astype(np.float32)
        if i % 3 == 0:
            vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        if i % 17 == 3:
            vector = (vector * 1.01 / np.linalg.norm(vector)).astype(np.float32)  # near 1 is not at 1
        if i % 50 == 1:
            vector = np.zeros(DIMS, np.float32)
        if i % 100 == 7:
            vector = made[0]["vector"]
        metadata = {"n": i % 40, "mixed": i if i % 2 else f"text {i % 5}", "at": f"2026-01-{1 + i % 28:02d}T10:00:00Z"}
        if i % 4 == 0:
            metadata["rate"] = i / 8
        if i % 10 == 0:
            metadata["nothing"] = None
        if i % 20 == 0:
            metadata["big"] = 2**53 + 1 + i
        if i % 7 == 0:
            metadata["tags"] = ["a", str(i % 3)]
        if i % 9 == 0:
            metadata["nested"] = {"deep": {"n": i}, "x": None}
        if i % 11 == 0:
            metadata["when"] = {"$vf": "datetime", "v": f"2025-02-{1 + i % 20:02d}T00:00:00Z"}
        record = {"id": [str(i), str(uuid.UUID(int=i)), f"name-{i}", f"-{i + 1}"][i % 4], "tenant": f"t{i % 3 if i % 5 else 0}", "metadata": metadata, "vector": vector}
        if i % 6:
            record["document"] = "" if i % 30 == 1 else f"document {i // 2}"
        if i % 13 == 0:
            record["vector"] = None
        if i % 8 == 0:
            record["sparse"] = {"indices": list(range(i % 5 + 1)), "values": [0.5] * (i % 5 + 1)}
        made.append(record)
    for i in range(0, 12):  # equal ids, in the same tenant
        made.append(dict(made[i]))
    return made


def write(path, made):
    schema = {"id_kind": "string", "tenant": True, "document": True,
              "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": DIMS, "metric": "l2"}, {"name": "s", "kind": "sparse", "element": "f32", "dims": 0, "metric": "dot"}]}
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps({"vecferry": 1, "schema": schema}, separators=(",", ":")) + "\n")
        for record in made:
            line = {k: v for k, v in record.items() if k not in ("vector", "sparse")}
            line["vectors"] = {}
            if record["vector"] is not None:
                line["vectors"]["vector"] = [float(x) for x in record["vector"]]
            if "sparse" in record:
                line["vectors"]["sparse:s"] = record["sparse"]
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
    return path


def type_of(value):
    if isinstance(value, dict) and set(value) == {"$vf", "v"}:
        return value["$vf"]
    return {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", dict: "object", type(None): "null"}[type(value)]


def repeated(values):
    """How many have an equal one before them."""
    return len(values) - len(set(values))


@pytest.fixture(scope="module")
def made():
    return records(np.random.default_rng(5))


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def told(work, made):
    return work.json("inspect", f"jsonl:{write(work.folder / 'x.jsonl', made)}", "--full")


def test_fields_have_their_types_coverage_and_ranges(told, made):
    fields = collections.defaultdict(list)
    for record in made:
        for key, value in record["metadata"].items():
            fields[key].append(value)
    assert set(told["metadata"]) == set(told["fields"]) == set(fields)
    for name, values in fields.items():
        field = told["metadata"][name]
        assert field["types"] == told["fields"][name] == dict(collections.Counter(map(type_of, values))), name
        assert field["records"] == len(values) and field["coverage"] == pytest.approx(len(values) / len(made))
        assert field["nulls"] == values.count(None)
        assert field["distinct"] == {"count": len({json.dumps(v) for v in values if v is not None}), "exact": True}, name
        numbers = [v for v in values if isinstance(v, (int, float))]
        assert (field["least"], field["greatest"]) == ((json.dumps(min(numbers)), json.dumps(max(numbers))) if numbers else ("", "")), name
        texts = [v for v in values if isinstance(v, str)]
        if texts:
            assert field["longest"] == max(len(t.encode()) for t in texts)
    assert (told["metadata"]["at"]["first_time"], told["metadata"]["at"]["last_time"]) == ("2026-01-01T10:00:00Z", "2026-01-28T10:00:00Z")
    assert told["metadata"]["when"]["first_time"] == "2025-02-01T00:00:00Z" and told["metadata"]["mixed"]["first_time"] == ""


def test_vectors_have_their_norms_and_what_is_odd(told, made):
    vectors = [r["vector"] for r in made if r["vector"] is not None]
    norms = np.array([np.linalg.norm(v.astype(np.float64)) for v in vectors])
    vector = told["vectors"]["vector"]
    assert vector["present"] == len(vectors) and vector["missing"] == len(made) - len(vectors) == told["missing_vectors"]["vector"]
    assert vector["dims"] == DIMS and vector["element"] == "f32" and vector["metric"] == "l2" and vector["bytes"] == len(vectors) * DIMS * 4
    assert vector["norms"]["least"] == 0 and vector["norms"]["of"] == len(vectors)
    assert vector["norms"]["mean"] == pytest.approx(norms.mean()) and vector["norms"]["greatest"] == pytest.approx(norms.max())
    assert vector["unit"] == int((np.abs(norms - 1) <= 1e-3).sum()) > 100 and vector["zero"] == int((norms == 0).sum()) > 5
    assert vector["equal"] == {"count": repeated([v.tobytes() for v in vectors]), "exact": True} == told["duplicates"]["vectors"]["vector"]
    sparse = [r["sparse"] for r in made if "sparse" in r]
    assert told["vectors"]["sparse:s"]["present"] == len(sparse)
    assert told["vectors"]["sparse:s"]["entries"] == {"least": 1, "greatest": 5, "all": sum(len(s["indices"]) for s in sparse)}


def test_ids_documents_tenants_and_duplicates(told, made):
    kinds = collections.Counter(("u64", "uuid", "string", "i64")[i % 4] for i in range(ROWS)) + collections.Counter(("u64", "uuid", "string", "i64")[i % 4] for i in range(12))
    assert told["ids"] == {"kinds": dict(kinds), "longest": 36}
    documents = [r["document"] for r in made if "document" in r]
    assert told["documents"] == {"present": len(documents), "empty": documents.count(""), "longest": max(map(len, documents))}
    assert told["duplicates"]["ids"] == {"count": repeated([(r["tenant"], r["id"]) for r in made]), "exact": True} and told["duplicates"]["ids"]["count"] == 12
    assert told["duplicates"]["documents"] == {"count": repeated([d for d in documents if d]), "exact": True}
    tenants = collections.Counter(r["tenant"] for r in made)
    assert told["tenants"]["distinct"] == {"count": 3, "exact": True}
    assert {t["tenant"]: t["records"] for t in told["tenants"]["largest"]} == dict(tenants)
    assert told["tenants"]["largest"][0]["tenant"] == tenants.most_common(1)[0][0]
    assert told["sizes"]["documents"]["read"] == told["sizes"]["documents"]["whole"] == sum(map(len, documents))
    assert told["sizes"]["ids"]["read"] == sum(len(r["id"]) for r in made)
    assert told["complete"] and told["read"] == len(made) and told["rejects"] == 0


def test_what_is_not_finite_is_counted_and_in_no_norm(work):
    lines = ['{"vecferry":1,"schema":{"id_kind":"string","tenant":false,"document":false,"vectors":[{"name":"","kind":"dense","element":"f32","dims":2,"metric":"l2"}]}}']
    lines += ['{"id":"a","vectors":{"vector":["NaN",1]}}', '{"id":"b","vectors":{"vector":["Infinity",1]}}', '{"id":"c","vectors":{"vector":[3,4]}}', '{"id":"d",']
    (work.folder / "n.jsonl").write_text("\n".join(lines) + "\n")
    told = work.json("inspect", f"jsonl:{work.folder}/n.jsonl")
    assert told["vectors"]["vector"]["non_finite"] == 2 and told["rejects"] == 1
    assert told["vectors"]["vector"]["norms"] == {"least": 5, "mean": 5, "greatest": 5, "of": 1}


def test_a_sample_is_marked_and_its_sizes_are_of_the_whole(work):
    database = harness.make_memories(work.folder / "m.db", 12_000, dims=8)
    sample, full = (work.json("inspect", f"mcp-memory:{database}", *more) for more in ([], ["--full"]))
    assert not sample["complete"] and 10_000 <= sample["read"] < 12_000 and full["complete"] and full["read"] == 12_000
    assert full["sizes"]["vectors"]["whole"] == full["sizes"]["vectors"]["read"] == 12_000 * 8 * 4
    assert sample["sizes"]["vectors"]["whole"] == pytest.approx(12_000 * 8 * 4, rel=0.001) and sample["sizes"]["vectors"]["read"] == sample["read"] * 32
    text = work.ok("inspect", f"mcp-memory:{database}").stdout
    assert "a sample of" in text and "--full reads all" in text and "about" in text.split("content", 1)[1].split("\n", 1)[0]
    assert "all 12,000 records" in work.ok("inspect", f"mcp-memory:{database}", "--full").stdout


def test_the_text_names_what_the_checklist_asks_for(work, made):
    file = write(work.folder / "x.jsonl", made)
    text = work.ok("inspect", f"jsonl:{file}").stdout
    for word in ("24 x f32, l2", "sparse:s", "712", "at 1", "12 ids", "largest t0", "missing", "Metadata:", "integer", "0 to 39", "2026-01-01T10:00:00Z to 2026-01-28T10:00:00Z"):
        assert word in text, text
    one = work.ok("inspect", f"jsonl:{file}", "--id", "name-2").stdout
    assert '"name-2"' in one and "Metadata:" not in one and "Vectors:" not in one


def test_more_fields_than_can_be_kept_are_said(work):
    lines = ['{"vecferry":1,"schema":{"id_kind":"string","tenant":false,"document":false,"vectors":[]}}']
    lines += [json.dumps({"id": str(i), "metadata": {f"f{i}": 1, "all": i}}) for i in range(1200)]
    (work.folder / "f.jsonl").write_text("\n".join(lines) + "\n")
    told = work.json("inspect", f"jsonl:{work.folder}/f.jsonl")
    assert len(told["metadata"]) == 1000 and told["fields_left_out"] == 201
    assert told["metadata"]["all"]["records"] == 1200
    distinct = told["metadata"]["all"]["distinct"]
    assert not distinct["exact"] and abs(distinct["count"] - 1200) < 240
