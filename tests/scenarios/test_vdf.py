"""VDF: what vector-io's export class wrote is read, and its import class reads what is written."""
import json
import math
import subprocess

import pytest

import harness

ROOT = harness.ROOT


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture(scope="module")
def vendor():
    done = subprocess.run([str(ROOT / "tools/vendor-env"), "vdf_io"], stdout=subprocess.PIPE, text=True, check=True)
    python = done.stdout.strip()

    def run(script, folder):
        return subprocess.run([python, str(ROOT / "tests/vendor" / script), str(folder)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip().splitlines()[-1]
    return run


def lines(path, records, tenant=False, document=False, metric="cosine"):
    header = {"vecferry": 1, "schema": {"id_kind": "string", "tenant": tenant, "document": document, "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": 2, "metric": metric}]}}
    path.write_text("\n".join(json.dumps(r) for r in [header, *records]) + "\n")
    return f"jsonl:{path}"


def read(path):
    return {r["id"]: r for r in map(json.loads, list(open(path, encoding="utf-8"))[1:])}


def test_what_the_vendor_wrote_is_read(work, vendor):
    folder = work.folder / vendor("vdf_export.py", work.folder).strip()
    told = work.json("inspect", f"vdf:{folder}")
    assert work.json("copy", f"vdf:{folder}#idx", f"jsonl:{work.folder}/out.jsonl")["written"] == 3
    header = json.loads(open(work.folder / "out.jsonl", encoding="utf-8").readline())["schema"]
    assert header["vectors"][0]["metric"] == "l2" and header["vectors"][0]["dims"] == 2 and header["vectors"][0]["model"] == "m" and told
    got = read(work.folder / "out.jsonl")
    assert got["1"]["metadata"] == {"txt": "x", "n": {"k": [1]}, "metadata_vector": "clash", "tags": ["p"], "i": 3.0} or got["1"]["metadata"] == {"txt": "x", "n": {"k": [1]}, "vector": "clash", "tags": ["p"], "i": 3.0}
    assert got["b"]["metadata"] == {"j": "s"} and got["c"]["metadata"] == {"extra": 1.5} and got["c"]["vectors"]["vector"] == [5.0, 6.0]


def test_the_vendor_reads_what_is_written(work, vendor):
    records = [{"id": "a", "metadata": {"n": 2**53 + 1, "s": "x", "deep": {"k": ["p"]}, "id": "clash"}, "vectors": {"vector": [0.5, 1.0]}},
               {"id": "b", "metadata": {"n": 7, "t": True}, "vectors": {"vector": [1.5, 2.0]}}]
    source, folder = lines(work.folder / "a.jsonl", records, metric="dot"), work.folder / "out"
    assert work.json("copy", source, f"vdf:{folder}#docs")["written"] == 2
    told = json.loads(vendor("vdf_import.py", folder))["docs"][""]
    assert told["metric"] == "Dot" and told["dimensions"] == 2
    vector, metadata = told["rows"]["a"]
    assert vector == [0.5, 1.0] and metadata["n"] == 2**53 + 1 and metadata["s"] == "x" and metadata["deep"] == {"k": ["p"]} and metadata["metadata_id"] == "clash"
    assert work.digest(source, f"vdf:{folder}#docs")


def test_types_that_clash_go_into_files_of_their_own(work, vendor):
    records = [{"id": str(i), "metadata": {"n": i if i % 2 else i + 0.5}, "vectors": {"vector": [i, 1.0]}} for i in range(10)]
    source, folder = lines(work.folder / "a.jsonl", records), work.folder / "out"
    assert work.json("copy", source, f"vdf:{folder}")["written"] == 10
    rows = json.loads(vendor("vdf_import.py", folder))["index"][""]["rows"]
    assert [rows[str(i)][1]["n"] for i in range(10)] == [i if i % 2 else i + 0.5 for i in range(10)] and isinstance(rows["1"][1]["n"], int)
    assert work.digest(source, f"vdf:{folder}")


def test_tenants_are_namespaces(work, vendor):
    records = [{"id": str(i), "document": f"d{i}", "metadata": {}, "vectors": {"vector": [i, 1.0]}, **({"tenant": f"t/{i % 2}"} if i % 3 else {})} for i in range(12)]
    source, folder = lines(work.folder / "a.jsonl", records, tenant=True, document=True), work.folder / "out"
    assert work.json("copy", source, f"vdf:{folder}#docs")["written"] == 12
    told = json.loads(vendor("vdf_import.py", folder))["docs"]
    assert set(told) == {"", "t/0", "t/1"} and sum(len(space["rows"]) for space in told.values()) == 12
    assert work.digest(source, f"vdf:{folder}#docs")
    meta = json.loads((folder / "VDF_META.json").read_text())
    assert meta["indexes"]["docs"][0]["model_map"]["vector"]["text_column"] == "document"


def test_what_it_cannot_hold_is_refused(work):
    sparse = {"vecferry": 1, "schema": {"id_kind": "string", "tenant": False, "document": False, "vectors": [{"name": "", "kind": "dense", "element": "f16", "dims": 2, "metric": "cosine"}]}}
    (work.folder / "s.jsonl").write_text(json.dumps(sparse) + "\n")
    assert work.run("copy", f"jsonl:{work.folder}/s.jsonl", f"vdf:{work.folder}/out").returncode == 8
    assert not (work.folder / "out").exists()


def test_what_no_column_holds_is_one_text_beside_them(work, vendor):
    whole = {"mixed": [1, "x"], "none": None, "empty": {}, "": 5, "_json": "mine", "id": None}
    records = [{"id": "a", "metadata": {"n": 1, **whole}, "vectors": {"vector": [0.5, 1.0]}},
               {"id": "b", "metadata": {"n": 7, "mixed": ["y"], "none": "z"}, "vectors": {"vector": [1.5, 2.0]}}]
    source, folder = lines(work.folder / "a.jsonl", records), work.folder / "out"
    assert work.run("copy", source, f"vdf:{folder}#docs").returncode == 8 and not folder.exists()
    uri = f"vdf:{folder}?metadata=json#docs"
    assert work.json("copy", source, uri)["written"] == 2
    rows = json.loads(vendor("vdf_import.py", folder))["docs"][""]["rows"]
    assert rows["a"][1]["n"] == 1 and json.loads(rows["a"][1]["_json"]) == whole
    assert rows["b"][1]["n"] == 7 and rows["b"][1]["mixed"] == ["y"] and rows["b"][1]["none"] == "z"
    assert work.digest(source, uri) and work.digest(source, f"vdf:{folder}#docs")
    work.json("copy", f"vdf:{folder}#docs", f"jsonl:{work.folder}/back.jsonl")
    assert {key: each["metadata"] for key, each in read(work.folder / "back.jsonl").items()} == {each["id"]: each["metadata"] for each in records}


def test_counts_that_differ_and_bad_folders_are_said(work, vendor):
    folder = work.folder / vendor("vdf_export.py", work.folder).strip()
    meta = json.loads((folder / "VDF_META.json").read_text())
    meta["indexes"]["idx"][0]["exported_vector_count"] = 9
    (folder / "VDF_META.json").write_text(json.dumps(meta))
    assert "9" in json.dumps(work.json("inspect", f"vdf:{folder}#idx"))
    assert work.run("inspect", f"vdf:{folder}#ixd").returncode == 5
    meta["indexes"]["idx"][0]["data_path"] = "../.."
    (folder / "VDF_META.json").write_text(json.dumps(meta))
    assert work.run("inspect", f"vdf:{folder}#idx").returncode != 0
    (folder / "VDF_META.json").write_text("{")
    assert work.run("inspect", f"vdf:{folder}#idx").returncode not in (0, -6, -11)


@pytest.mark.parametrize("point", ["vdf.write.before:3", "vdf.flush.before:1", "vdf.folder.rename.before:1", "vdf.folder.rename.after:1"])
def test_a_killed_copy_goes_on(work, vendor, point):
    records = [{"id": str(i), "metadata": {"n": i}, "vectors": {"vector": [i, 1.0]}} for i in range(200)]
    source, folder = lines(work.folder / "a.jsonl", records), work.folder / "out"
    command = ["copy", source, f"vdf:{folder}#docs", "--batch-size", "20"]
    assert work.run(*command, env={"VECFERRY_FAILPOINT": point}).returncode == harness.KILLED
    assert not folder.exists() or point.endswith("after:1")
    done = work.run(*command)
    assert done.returncode == 0, done.stderr
    rows = json.loads(vendor("vdf_import.py", folder))["docs"][""]["rows"]
    assert len(rows) == 200 and all(math.isclose(rows[str(i)][0][0], i) for i in range(200))
    assert [p.name for p in work.folder.iterdir() if "vecferry-part" in p.name] == []
