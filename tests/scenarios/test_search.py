"""Proof by search over files and the stores of this machine: what passes, what fails and why, against numpy and FAISS."""
import json

import numpy
import pytest

import harness
import search_data as data
from faiss_kinds import faiss

ROWS = 600


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def search(work, source, target, *flags, code=0):
    report = work.json("verify", source, target, "--level", "search", *flags, code=code)
    assert report["level"] == "none"
    return report["search"]


def codes(column):
    return {finding["code"] for finding in column["findings"] if finding["failure"]}


def test_the_same_data_passes_on_both_sides(work):
    x = data.vectors(ROWS)
    source = data.jsonl(work.folder / "a.jsonl", x)
    work.ok("copy", source, f"parquet:{work.folder}/b", "-q")
    report = search(work, source, f"parquet:{work.folder}/b")
    column, = report["columns"]
    assert report["ok"] and column["ok"] and column["queries"] == 100
    assert column["top_overlap"] == column["overlap"] == column["rank_agreement"] == column["target"]["recall"] == 1
    assert column["source"]["how"] == column["target"]["how"] == "scan"
    assert report["k"] == 10 and report["top"] == 5 and report["min_overlap"] == 0.99


def test_levels_combine(work):
    x = data.vectors(100)
    source, target = data.jsonl(work.folder / "a.jsonl", x), f"parquet:{work.folder}/b"
    copied = work.json("copy", source, target, "--verify", "content,search", "--query-count", "7")
    assert copied["verify"]["level"] == "content" and copied["verify"]["search"]["columns"][0]["queries"] == 7
    assert {check["name"] for check in copied["verify"]["checks"]} >= {"content", "search vector"}
    told = work.ok("verify", source, target, "--level", "count,search").stdout
    assert "Verification (count, search): passed" in told and "search vector: overlap 1.0000" in told
    assert work.run("verify", source, target, "--level", "content,nonsense").returncode == 2
    assert work.run("copy", source, target, "--verify", "none,search").returncode == 2


def test_shuffled_vectors_fail_and_say_why(work):
    x = data.vectors(ROWS)
    source = data.jsonl(work.folder / "a.jsonl", x)
    target = data.jsonl(work.folder / "b.jsonl", numpy.random.default_rng(5).permutation(x))
    report = search(work, source, target, code=4)
    column, = report["columns"]
    assert not report["ok"] and column["top_overlap"] < 0.2
    assert codes(column) == {"vectors-differ"}
    assert column["worst"] and column["worst"][0]["missing"] and column["worst"][0]["query"].startswith("like doc-")


def test_missing_records_fail_and_are_named(work):
    x = data.vectors(ROWS)
    source = data.jsonl(work.folder / "a.jsonl", x)
    target = data.jsonl(work.folder / "b.jsonl", x[: ROWS - 60])
    done = work.run("verify", source, target, "--level", "search")
    assert done.returncode == 4
    assert "nearest records are not in the target" in done.stdout and "FAIL" in done.stdout
    # A tenth is missing: whoever asks for less is content.
    assert search(work, source, target, "--min-overlap", "0.5")["ok"]


@pytest.mark.parametrize("unit", [False, True])
def test_another_metric_is_named(work, unit):
    x = data.vectors(ROWS, unit=unit)
    if not unit:
        x *= numpy.random.default_rng(1).uniform(0.2, 5, (ROWS, 1)).astype(numpy.float32)
    source = data.jsonl(work.folder / "a.jsonl", x, "cosine")
    target = data.jsonl(work.folder / "b.jsonl", x, "l2")
    column, = search(work, source, target, code=0 if unit else 4)["columns"]
    if unit:
        assert [f["code"] for f in column["findings"]] == ["metric-mismatch"]
    else:
        assert codes(column) == {"metric-differs"}
        assert column["findings"][-1]["message"] == "the target ranks by l2, the source by cosine"


def test_equal_vectors_are_interchangeable(work):
    x = numpy.repeat(data.vectors(20), 30, axis=0)
    order = numpy.random.default_rng(2).permutation(len(x))
    source = data.jsonl(work.folder / "a.jsonl", x)
    target = data.jsonl(work.folder / "b.jsonl", x[order], ids=[f"doc-{i}" for i in order])
    column, = search(work, source, target)["columns"]
    assert column["top_overlap"] == 1 and column["overlap"] == 1


def test_each_named_vector_is_searched(work):
    a, b = data.vectors(200), data.vectors(200, 8, seed=3)
    source = data.jsonl(work.folder / "a.jsonl", None, columns={"title": a, "body": b})
    target = data.jsonl(work.folder / "b.jsonl", None, columns={"title": a, "body": numpy.roll(b, 1, axis=0)})
    title, body = search(work, source, target, code=4)["columns"]
    assert (title["column"], title["ok"]) == ("vector:title", True)
    assert (body["column"], body["ok"]) == ("vector:body", False)
    gone = data.jsonl(work.folder / "c.jsonl", None, columns={"title": a})
    columns = {c["column"]: c for c in search(work, source, gone, code=4)["columns"]}
    assert codes(columns["vector:body"]) == {"no-column"} and columns["vector:title"]["ok"]


def test_tenants_are_searched_by_themselves(work):
    x = data.vectors(200)
    tenants = [f"t{i % 3}" for i in range(200)]
    source = data.jsonl(work.folder / "a.jsonl", x, tenants=tenants)
    same = data.jsonl(work.folder / "b.jsonl", x, tenants=tenants)
    assert search(work, source, same)["columns"][0]["top_overlap"] == 1
    other = data.jsonl(work.folder / "c.jsonl", x, tenants=tenants[1:] + tenants[:1])
    assert not search(work, source, other, code=4)["ok"]


@pytest.mark.parametrize("form", ["npy", "jsonl", "txt"])
def test_queries_from_a_file(work, form):
    x, asked = data.vectors(ROWS), data.vectors(9, seed=77)
    path = work.folder / f"queries.{form}"
    if form == "npy":
        numpy.save(path, asked)
    elif form == "jsonl":
        path.write_text("".join(json.dumps({"vector": row.tolist()} if i % 2 else row.tolist()) + "\n" for i, row in enumerate(asked)))
    else:
        path.write_text("# asked\n" + "".join(" ".join(map(str, row)) + "\n" for row in asked))
    source = data.jsonl(work.folder / "a.jsonl", x)
    report = search(work, source, source, "--queries", path)
    assert report["columns"][0]["queries"] == 9 and report["queries"] == str(path)
    path.write_text("1 2 3\n")
    done = work.run("verify", source, source, "--level", "search", "--queries", path)
    assert done.returncode == 2 and "fits no dense vector" in done.stderr


@pytest.mark.parametrize("metric", ["l2", "cosine", "dot", "l1"])
def test_our_search_is_numpys(work, metric):
    """Queries of a file against a target that holds just the neighbours that numpy finds: every one of them is found, and none else is nearer."""
    x, asked = data.vectors(ROWS), data.vectors(5, seed=78)
    numpy.save(work.folder / "q.npy", asked)
    source = data.jsonl(work.folder / "a.jsonl", x, metric)
    keep = sorted({int(row) for query in asked for row in data.nearest(x, query, 5, metric)})
    target = data.jsonl(work.folder / "b.jsonl", x[keep], metric, ids=[f"doc-{i}" for i in keep])
    column, = search(work, source, target, "--queries", work.folder / "q.npy", "--k", "5")["columns"]
    assert column["top_overlap"] == 1
    without = keep[:-1]
    target = data.jsonl(work.folder / "c.jsonl", x[without], metric, ids=[f"doc-{i}" for i in without])
    assert not search(work, source, target, "--queries", work.folder / "q.npy", "--k", "5", code=4)["ok"]


def test_the_sample_is_the_same_each_time(work):
    x = data.vectors(ROWS)
    source = data.jsonl(work.folder / "a.jsonl", x)
    target = data.jsonl(work.folder / "b.jsonl", x[: ROWS - 200])
    first, again = (search(work, source, target, code=4)["columns"][0] for _ in range(2))
    assert first["worst"] == again["worst"] and first["top_overlap"] == again["top_overlap"]
    other = search(work, source, target, "--query-seed", "2", code=4)["columns"][0]
    assert other["worst"] != first["worst"]


def test_transforms_of_the_run_are_honoured(work):
    x = data.vectors(ROWS)
    source, target = data.jsonl(work.folder / "a.jsonl", x), f"parquet:{work.folder}/b"
    work.ok("copy", source, target, "--filter", "n >= 300", "--reduce", "12:truncate", "-q")
    column, = search(work, source, target)["columns"]
    assert column["top_overlap"] == 1 and column["overlap"] == 1
    work.ok("copy", source, f"parquet:{work.folder}/c", "--limit", "250", "-q")
    assert search(work, source, f"parquet:{work.folder}/c")["ok"]


def test_a_dataset_without_metric_needs_one(work):
    x = data.vectors(50)
    numpy.save(work.folder / "a.npy", x)
    done = work.run("verify", f"npy:{work.folder}/a.npy", f"npy:{work.folder}/a.npy", "--level", "search")
    assert done.returncode == 2 and "--metric" in done.stderr
    assert work.json("verify", f"npy:{work.folder}/a.npy", f"npy:{work.folder}/a.npy", "--level", "search", "--metric", "l2")["search"]["ok"]


# ---- FAISS ----

@pytest.mark.parametrize("kind, how, exact", [("Flat", "store, exact", True), ("IVF16,Flat", "store, exact", True), ("HNSW16,Flat", "store, by its index", False)])
def test_an_index_of_faiss_is_searched_by_faiss(work, kind, how, exact):
    x = data.scattered(ROWS)
    index = faiss.index_factory(data.DIMS, kind, faiss.METRIC_L2)
    index.train(x)
    index.add(x)
    faiss.write_index(index, str(work.folder / "v.index"))
    source = data.jsonl(work.folder / "a.jsonl", x, "l2", ids=range(ROWS))
    column, = search(work, source, f"faiss:{work.folder}/v.index", "--min-overlap", "0.9")["columns"]
    assert column["target"]["how"] == how
    assert (column["top_overlap"] == 1) or not exact
    if kind.startswith("IVF"):
        # One list of sixteen is looked into: what the index misses is told, and fails where that is asked for.
        assert column["target"]["index_recall"] < 0.95
        assert [f["code"] for f in column["findings"]] == ["index-misses"]
        assert codes(search(work, source, f"faiss:{work.folder}/v.index", "--min-recall", "0.97", code=4)["columns"][0]) == {"index-misses"}
    back, = search(work, f"faiss:{work.folder}/v.index", source, "--min-overlap", "0.9")["columns"]
    assert back["source"]["how"] == (how if exact else "scan")


def test_an_index_that_faiss_itself_does_not_search_is_searched_over_its_records(work):
    """Lists of L1: FAISS keeps them, and its search would end the process."""
    x = data.scattered(ROWS)
    index = faiss.IndexIVFFlat(faiss.IndexFlat(data.DIMS, faiss.METRIC_L1), data.DIMS, 16, faiss.METRIC_L1)
    index.train(x)
    index.add(x)
    faiss.write_index(index, str(work.folder / "v.index"))
    source = data.jsonl(work.folder / "a.jsonl", x, "l1", ids=range(ROWS))
    column, = search(work, source, f"faiss:{work.folder}/v.index")["columns"]
    assert column["target"]["how"] == "scan" and column["top_overlap"] == 1


def test_a_copy_into_faiss_is_found_under_its_own_ids(work):
    x = data.vectors(ROWS)
    source = data.jsonl(work.folder / "a.jsonl", x, "l2")
    report = work.json("copy", source, f"faiss:{work.folder}/v.index", "--verify", "content,search")
    assert report["verify"]["search"]["columns"][0]["top_overlap"] == 1
    assert report["verify"]["search"]["columns"][0]["target"]["how"].startswith("store")


# ---- sqlite-vec ----

def test_sqlite_vec_is_searched_by_its_extension(work):
    import sqlite_vec
    x = data.vectors(ROWS)
    source, env = data.jsonl(work.folder / "a.jsonl", x), {"VECFERRY_SQLITE_VEC": sqlite_vec.loadable_path()}
    target = f"sqlite-vec:{work.folder}/v.db#docs"
    report = work.json("copy", source, target, "--verify", "content,search", env=env)
    column, = report["verify"]["search"]["columns"]
    assert column["target"]["how"] == "store, exact" and column["top_overlap"] == 1 and column["target"]["recall"] == 1
    # Without the extension it is searched all the same.
    column, = search(work, source, target)["columns"]
    assert column["target"]["how"] == "scan" and column["top_overlap"] == 1


@pytest.mark.parametrize("element", ["float", "int8", "bit"])
def test_elements_of_sqlite_vec(work, element):
    import sqlite3
    import sqlite_vec
    random = numpy.random.default_rng(4)
    db = sqlite3.connect(work.folder / "e.db")
    db.enable_load_extension(True)
    sqlite_vec.load(db)
    rows = {"float": lambda: random.standard_normal(32).astype(numpy.float32).tobytes(), "int8": lambda: random.integers(-128, 127, 32).astype(numpy.int8).tobytes(),
            "bit": lambda: random.integers(0, 255, 4).astype(numpy.uint8).tobytes()}[element]
    make = {"float": "?", "int8": "vec_int8(?)", "bit": "vec_bit(?)"}[element]
    db.execute(f"CREATE VIRTUAL TABLE t USING vec0(id TEXT PRIMARY KEY, v {element}[32])")
    for i in range(300):
        db.execute(f"INSERT INTO t(id, v) VALUES (?, {make})", (f"r{i}", rows()))
    db.commit()
    db.close()
    source = f"sqlite-vec:{work.folder}/e.db#t"
    column, = work.json("verify", source, source, "--level", "search", env={"VECFERRY_SQLITE_VEC": sqlite_vec.loadable_path()})["search"]["columns"]
    assert column["source"]["how"] == "store, exact"
    # The extension's answers, by the truth that Vecferry computes.
    assert column["source"]["recall"] == 1 and column["top_overlap"] == 1
