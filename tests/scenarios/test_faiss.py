"""FAISS: what the vendor's package wrote is read, and what is written is opened and searched by it."""
import base64
import json
import os
import pickle
import struct
import subprocess

import numpy as np
import pytest

import faiss_kinds as kinds
import harness
from faiss_kinds import faiss
from qdrant_judge import Server


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def read(work, source, code=0):
    """A dataset as JSON lines, in the source's order."""
    out = work.folder / "out.jsonl"
    out.unlink(missing_ok=True)
    work.forget()
    work.ok("copy", source, f"jsonl:{out}", "-j", "1", "-q", code=code)
    return kinds.lines(out)


def write_lines(work, x, name="in.jsonl", metric="l2", ids=None, kind="string"):
    """The vectors as a dataset of JSON lines; its location."""
    path = work.folder / name
    schema = {"id_kind": kind, "tenant": False, "document": True, "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": x.shape[1], "metric": metric}]}
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({"vecferry": 1, "schema": schema}, separators=(",", ":")) + "\n")
        for i, row in enumerate(x):
            record = {"id": str(ids[i]) if ids is not None else f"doc-{i}", "document": f"text {i} ünï",
                      "metadata": {"n": i, "nested": {"list": [1, 2.5, None, True]}, "tag": f"t{i % 3}"}, "vectors": {"vector": [float(v) for v in row]}}
            file.write(json.dumps(record) + "\n")
    return f"jsonl:{path}"


# ---- reading what the package wrote ----

@pytest.mark.parametrize("kind", kinds.READ)
def test_every_kind_that_is_read(work, kind):
    x, ids = kinds.vectors(), kinds.labels(kind)
    index = kinds.build(kind, x, ids)
    path = kinds.save(index, work.folder / "v.index")
    header, records = read(work, f"faiss:{path}")
    assert [r["id"] for r in records] == [str(i) for i in (ids if ids is not None else range(len(x)))]
    told = kinds.told_vectors(records)
    wanted = kinds.reconstructed(kind, index, x)
    if kind in kinds.EXACT:
        assert told.tobytes() == x.tobytes()
    else:
        np.testing.assert_allclose(told, wanted, atol=2e-5)
    assert header["schema"]["vectors"][0]["metric"] == "l2"
    assert work.json("verify", f"faiss:{path}", f"jsonl:{work.folder}/out.jsonl")["ok"]


@pytest.mark.parametrize("kind", kinds.REFUSED)
def test_what_is_not_read_is_refused_by_name(work, kind):
    try:
        path = kinds.save(kinds.build(kind, kinds.vectors()), work.folder / "v.index")
    except RuntimeError as error:
        pytest.skip(f"this package does not make it: {str(error)[:80]}")
    done = work.run("copy", f"faiss:{path}", f"jsonl:{work.folder}/out.jsonl")
    assert done.returncode == 8 and "is not read" in done.stderr and "reconstruct" in done.stderr, (done.returncode, done.stderr)


@pytest.mark.parametrize("kind", ["BFlat", "BIVF4", "BHNSW8", "BIDMap2"])
def test_binary_indexes(work, kind):
    index, codes = kinds.binary(kind)
    path = kinds.save(index, work.folder / "v.index")
    header, records = read(work, f"faiss:{path}")
    assert header["schema"]["vectors"][0]["element"] == "bit" and header["schema"]["vectors"][0]["metric"] == "hamming"
    assert b"".join(base64.b64decode(r["vectors"]["vector"]) for r in records) == codes.tobytes()
    assert records[2]["id"] == ("7" if kind == "BIDMap2" else "2")


def test_metrics_and_what_an_index_cannot_say(work):
    x = kinds.vectors(20)
    for metric, name in ((faiss.METRIC_INNER_PRODUCT, "dot"), (faiss.METRIC_L1, "l1"), (faiss.METRIC_L2, "l2")):
        path = kinds.save(kinds.build("Flat", x, metric=metric), work.folder / "v.index")
        assert read(work, f"faiss:{path}")[0]["schema"]["vectors"][0]["metric"] == name
    path = kinds.save(kinds.build("Flat", x, metric=faiss.METRIC_INNER_PRODUCT), work.folder / "v.index")
    assert read(work, f"faiss:{path}?metric=cosine")[0]["schema"]["vectors"][0]["metric"] == "cosine"
    assert "cosine" in work.ok("inspect", f"faiss:{path}").stdout


def test_a_removed_vector_leaves_the_others_their_ids(work):
    x = kinds.vectors(40)
    index = kinds.build("IVF4,Flat", x)
    index.remove_ids(np.array([3, 17], dtype="int64"))
    path = kinds.save(index, work.folder / "v.index")
    _, records = read(work, f"faiss:{path}")
    kept = [i for i in range(40) if i not in (3, 17)]
    assert [r["id"] for r in records] == [str(i) for i in kept]
    assert kinds.told_vectors(records).tobytes() == x[kept].tobytes()
    # The application's list still has an entry for each id.
    with open(work.folder / "v.meta", "wb") as file:
        pickle.dump([{"id": f"e{i}", "properties": {"n": i}} for i in range(40)], file)
    assert "join=id" in work.ok("copy", f"faiss:{path}", f"jsonl:{work.folder}/o.jsonl", code=1).stderr
    _, records = read(work, f"faiss:{path}?join=id")
    assert [(r["id"], r["metadata"]["n"]) for r in records] == [(f"e{i}", i) for i in kept]


# ---- side-cars ----

def test_the_pickled_list_of_the_guides(work):
    """The index and the .meta file that a migration from Weaviate leaves."""
    x = kinds.vectors(300)
    path = kinds.save(kinds.build("HNSW32,Flat", x), work.folder / "weaviate_migration.index")
    with open(work.folder / "weaviate_migration.meta", "wb") as file:
        pickle.dump([{"id": f"0000{i:04}-1111-4222-8333-444455556666", "properties": {"title": f"T{i}", "n": i, "f": np.float64(i) / 4, "none": None}} for i in range(300)], file)
    header, records = read(work, f"faiss:{path}")
    assert header["schema"]["id_kind"] == "uuid" and records[7]["id"] == "00000007-1111-4222-8333-444455556666"
    assert records[7]["metadata"] == {"title": "T7", "n": 7, "f": 1.75, "none": None}
    assert kinds.told_vectors(records).tobytes() == x.tobytes()


def test_plain_lines_and_parquet_beside_an_index(work):
    import pyarrow as pa
    import pyarrow.parquet as pq
    path = kinds.save(kinds.build("Flat", kinds.vectors(5)), work.folder / "v.index")
    side = work.folder / "side.jsonl"
    side.write_text("".join(json.dumps({"id": i + 10, "text": f"t{i}", "metadata": {"n": i}}) + "\n" for i in range(5)))
    header, records = read(work, f"faiss:{path}?metadata={side}")
    assert header["schema"]["id_kind"] == "u64" and records[4] == records[4] | {"id": "14", "document": "t4", "metadata": {"n": 4}}
    side = work.folder / "side.parquet"
    pq.write_table(pa.table({"id": [f"p{i}" for i in range(5)], "document": [f"d{i}" for i in range(5)], "n": pa.array([1, None, 3, 4, 5], pa.int64()), "f": [0.5] * 5}), side)
    _, records = read(work, f"faiss:{path}?metadata={side}")
    assert (records[0]["id"], records[0]["document"], records[0]["metadata"]) == ("p0", "d0", {"n": 1, "f": 0.5}) and records[1]["metadata"] == {"f": 0.5}
    side.write_text('{"a":1}\n')
    done = work.run("copy", f"faiss:{path}?metadata={side}", f"jsonl:{work.folder}/o.jsonl")
    assert done.returncode != 0 and "5 vectors and its side-car 1 entries" in done.stderr


def test_nothing_of_a_pickle_is_executed(work):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {work.folder}/executed",)
    path = kinds.save(kinds.build("Flat", kinds.vectors(1)), work.folder / "v.index")
    with open(work.folder / "v.meta", "wb") as file:
        pickle.dump([{"id": "a", "x": Evil()}], file)
    done = work.run("copy", f"faiss:{path}", f"jsonl:{work.folder}/o.jsonl")
    assert done.returncode != 0 and "not allowed" in done.stderr
    assert not (work.folder / "executed").exists()


# ---- writing ----

@pytest.mark.parametrize("kind, rejected", [("hnsw", 0), ("ivf", 4), ("sq8", 4), ("fp16", 5), ("pq", 4), ("ivf-sq8", 4), ("ivf-pq", 4), ("ivf-fp16", 5)])
def test_vectors_that_nothing_can_be_trained_on_are_told_apart(work, kind, rejected):
    """FAISS leaves such vectors out of its lists without a word, and has ended the process while it trained on them."""
    x = kinds.vectors(1500)
    x[5], x[77, 3], x[90], x[91] = np.nan, np.inf, 3e38, -3e38
    if kind.endswith("fp16"):
        x[92] = 70000
    np.save(work.folder / "v.npy", x)
    copy = ["copy", f"npy:{work.folder}/v.npy?metric=l2", f"faiss:{work.folder}/docs.index?index={kind}&m=4&tolerance=0.1"]
    if rejected:
        assert "non-finite-vector" in work.run(*copy).stderr
    report = work.json(*copy, "--unsupported", "reject", code=3 if rejected else 0)
    assert report["rejected"] == rejected and report["verify"]["ok"], report
    assert faiss.read_index(str(work.folder / "docs.index")).ntotal == 1500 - rejected


@pytest.mark.parametrize("options, why", [("index=pq&m=3", "8 dimensions are not divisible into 3 parts"), ("index=pq&m=8&nbits=12", "larger than are read again"),
                                          ("index=pq", "needs at least 256 vectors to be trained on, and there are 100"), ("index=ivf&nlist=101", "needs at least 101 vectors")])
def test_an_index_that_cannot_be_built_is_told_before_anything_is_written(work, options, why):
    np.save(work.folder / "v.npy", kinds.vectors(100)[:, :8])
    harness.refused(work.run("copy", f"npy:{work.folder}/v.npy?metric=l2", f"faiss:{work.folder}/docs.index?{options}"), 8, "", why, "")
    assert sorted(p.name for p in work.folder.iterdir() if "docs" in p.name) == []


def search(index, x, k=5):
    return index.search(x[:20], k)


@pytest.mark.parametrize("metric, theirs", [("l2", faiss.METRIC_L2), ("dot", faiss.METRIC_INNER_PRODUCT), ("l1", faiss.METRIC_L1)])
@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_what_is_written_is_searched_by_the_package(work, metric, theirs, kind):
    x = kinds.vectors(400)
    ids = [(i * 7919) % 100003 for i in range(400)]
    source = write_lines(work, x, metric=metric, ids=ids, kind="i64")
    target = f"faiss:{work.folder}/docs.index?index={kind}&m=16"
    report = work.json("copy", source, target)
    assert report["written"] == 400 and report["verify"]["ok"], report
    index = faiss.read_index(str(work.folder / "docs.index"))
    assert index.ntotal == 400 and index.metric_type == theirs
    wanted = kinds.build("IDMap2,Flat", x, np.array(ids, dtype="int64"), theirs)
    distances, found = search(index, x)
    expected_distances, expected = search(wanted, x)
    assert (found[:, 0] == expected[:, 0]).all()
    if kind == "flat":
        assert (found == expected).all()
        np.testing.assert_allclose(distances, expected_distances, rtol=1e-5)
    side = [json.loads(line) for line in open(work.folder / "docs.index.meta.jsonl", encoding="utf-8")]
    assert side[1] == {"id": str(ids[0]), "document": "text 0 ünï", "metadata": {"n": 0, "nested": {"list": [1, 2.5, None, True]}, "tag": "t0"}}
    assert work.json("verify", source, target)["ok"]
    assert not list(work.folder.glob("*.vecferry-*"))


def test_cosine_is_normalised_for_the_inner_product(work):
    x = kinds.vectors(50)
    source = write_lines(work, x, metric="cosine")
    report = work.json("copy", source, f"faiss:{work.folder}/docs.index")
    assert report["verify"]["ok"]
    index = faiss.read_index(str(work.folder / "docs.index"))
    assert index.metric_type == faiss.METRIC_INNER_PRODUCT
    stored = index.reconstruct_n(0, 50)
    np.testing.assert_allclose(stored, x / np.linalg.norm(x, axis=1, keepdims=True), atol=1e-6)
    assert read(work, f"faiss:{work.folder}/docs.index")[0]["schema"]["vectors"][0]["metric"] == "cosine"


@pytest.mark.parametrize("options", ["index=ivf&nlist=4", "index=fp16", "index=sq8", "index=sq4", "index=pq&m=8", "index=ivf-sq8&nlist=4", "index=ivf-fp16&nlist=4",
                                     "index=ivf-pq&nlist=4&m=8", "index=ivf-sq4&nlist=4", "index=pq&m=4&nbits=4&tolerance=0.3"])
def test_kinds_that_are_trained(work, options):
    x = kinds.vectors(600)
    source = write_lines(work, x)
    report = work.json("copy", source, f"faiss:{work.folder}/docs.index?{options}")
    assert report["written"] == 600 and report["verify"]["ok"], report
    index = faiss.read_index(str(work.folder / "docs.index"))
    assert index.ntotal == 600
    if "pq" not in options:
        assert (index.search(x[:20], 1)[1][:, 0] == np.arange(20)).all()
    again = work.json("verify", source, f"faiss:{work.folder}/docs.index?{options}")
    assert again["ok"]
    if options.startswith("index=ivf&"):
        assert work.digest(source, f"faiss:{work.folder}/docs.index?{options}")
    _, records = read(work, f"faiss:{work.folder}/docs.index")
    assert [r["id"] for r in records] == [f"doc-{i}" for i in range(600)]


def test_a_tolerance_that_is_not_kept_is_a_difference(work):
    source = write_lines(work, kinds.vectors(600))
    done = work.run("copy", source, f"faiss:{work.folder}/docs.index?index=pq&m=4&nbits=4&tolerance=0.9999")
    assert done.returncode == 4, done.stderr


def test_bits_go_into_a_binary_index(work):
    index, codes = kinds.binary("BIDMap2")
    path = kinds.save(index, work.folder / "v.index")
    refused = work.run("copy", f"faiss:{path}", f"faiss:{work.folder}/w.index")
    assert refused.returncode == 8 and "bit" in refused.stderr
    work.json("copy", f"faiss:{path}", f"faiss:{work.folder}/w.index?index=binary")
    written = faiss.read_index_binary(str(work.folder / "w.index"))
    assert written.metric_type == index.metric_type
    a, b = index.search(codes[:9], 3), written.search(codes[:9], 3)
    assert (a[0] == b[0]).all() and (a[1] == b[1]).all()


@pytest.mark.parametrize("format, ending", [("parquet", "index.meta.parquet"), ("pickle", "meta")])
def test_other_side_cars(work, format, ending):
    source = write_lines(work, kinds.vectors(30))
    target = f"faiss:{work.folder}/docs.index?metadata={format}"
    work.json("copy", source, target)
    side = work.folder / f"docs.{ending}"
    if format == "pickle":
        with open(side, "rb") as file:
            entries = pickle.load(file)
        assert entries[3] == {"id": "doc-3", "document": "text 3 ünï", "properties": {"n": 3, "nested": {"list": [1, 2.5, None, True]}, "tag": "t0"}}
    else:
        import pyarrow.parquet as pq
        table = pq.read_table(side).to_pylist()
        assert table[3]["id"] == "doc-3" and json.loads(table[3]["metadata"])["n"] == 3
    assert work.digest(source, target) == work.digest(source, f"faiss:{work.folder}/docs.index")


LANGCHAIN_READS = """
import json, sys
from langchain_community.vectorstores import FAISS
from langchain_core.embeddings import Embeddings
class E(Embeddings):
    def embed_documents(self, texts): return [self.embed_query(t) for t in texts]
    def embed_query(self, text): return json.loads(text)
store = FAISS.load_local(sys.argv[1], E(), allow_dangerous_deserialization=True)
out = [[[d.id, d.page_content, d.metadata, float(s)] for d, s in store.similarity_search_with_score(q, k=3)] for q in json.load(sys.stdin)]
print(json.dumps(out))
"""
LANGCHAIN_WRITES = """
import datetime, json, sys
from langchain_community.vectorstores import FAISS
from langchain_core.embeddings import Embeddings
class E(Embeddings):
    def embed_documents(self, texts): return [[float(len(t)), 1.0, float(ord(t[0]))] for t in texts]
    def embed_query(self, text): return self.embed_documents([text])[0]
store = FAISS.from_texts(["hello", "w\\u00f6rld!!", "gone"], E(), metadatas=[{"a": 1, "n": {"k": [None]}}, {"when": datetime.datetime(2024, 5, 6, 7, 8, 9), "day": datetime.date(2024, 5, 6)}, {}], ids=["id1", "id2", "id3"])
store.delete(["id3"])
store.add_texts(["third"], ids=["id4"])
store.save_local(sys.argv[1])
"""


@pytest.fixture(scope="module")
def langchain():
    made = subprocess.run([str(harness.ROOT / "tools/vendor-env"), "langchain_faiss"], stdout=subprocess.PIPE, check=True, text=True)
    return made.stdout.split()[-1]


def test_a_folder_of_langchain_is_read(work, langchain):
    folder = work.folder / "lc"
    subprocess.run([langchain, "-c", LANGCHAIN_WRITES, str(folder)], check=True, timeout=120)
    header, records = read(work, f"faiss:{folder}")
    assert [r["id"] for r in records] == ["id1", "id2", "id4"] and [r["document"] for r in records] == ["hello", "w\u00f6rld!!", "third"]
    assert records[0]["metadata"] == {"a": 1, "n": {"k": [None]}}
    assert records[1]["metadata"] == {"when": {"$vf": "datetime", "v": "2024-05-06T07:08:09"}, "day": {"$vf": "date", "v": "2024-05-06"}}
    assert kinds.told_vectors(records).tolist() == [[5, 1, 104], [7, 1, 119], [5, 1, 116]]
    assert json.loads(work.ok("inspect", str(folder), "--json").stdout)


def test_langchain_opens_and_searches_what_is_written(work, langchain):
    x = kinds.vectors(60)
    source = write_lines(work, x)
    target = f"faiss:{work.folder}/lc?metadata=langchain"
    work.json("copy", source, target)
    assert sorted(p.name for p in (work.folder / "lc").iterdir()) == ["index.faiss", "index.pkl"]
    queries = [json.dumps([float(v) for v in row]) for row in x[:5]]
    done = subprocess.run([langchain, "-c", LANGCHAIN_READS, str(work.folder / "lc")], input=json.dumps(queries), stdout=subprocess.PIPE, check=True, text=True, timeout=120)
    distances, found = kinds.build("Flat", x).search(x[:5], 3)
    for answers, rows, scores in zip(json.loads(done.stdout), found, distances):
        assert [a[0] for a in answers] == [f"doc-{i}" for i in rows]
        assert [a[1] for a in answers] == [f"text {i} ünï" for i in rows]
        assert answers[0][2] == {"n": int(rows[0]), "nested": {"list": [1, 2.5, None, True]}, "tag": f"t{rows[0] % 3}"}
        np.testing.assert_allclose([a[3] for a in answers], scores, atol=1e-4)
    assert work.digest(source, target) == work.digest(source, f"faiss:{work.folder}/lc")


def test_a_folder_of_llamaindex_is_read(work):
    """The files as LlamaIndex 0.7 persists them; its packages are too many to install for them."""
    folder = work.folder / "li"
    folder.mkdir()
    kinds.save(kinds.build("Flat", kinds.vectors(2)), folder / "default__vector_store.json")
    node = {"id_": "n1", "text": "hello", "metadata": {"k": 1}, "relationships": {}, "class_name": "TextNode"}
    (folder / "docstore.json").write_text(json.dumps({"docstore/data": {"n2": {"__data__": node | {"id_": "n2", "text": "bye", "metadata": {}}, "__type__": "1"}, "n1": {"__data__": node, "__type__": "1"}},
                                                      "docstore/metadata": {"n1": {"doc_hash": "x"}}}))
    (folder / "index_store.json").write_text(json.dumps({"index_store/data": {"i": {"__type__": "vector_store", "__data__": json.dumps({"index_id": "i", "nodes_dict": {"0": "n1", "1": "n2"}})}}}))
    _, records = read(work, f"faiss:{folder}")
    assert [(r["id"], r["document"], r["metadata"]) for r in records] == [("n1", "hello", {"k": 1}), ("n2", "bye", {})]


# ---- what goes wrong ----

def test_truncated_and_hostile_files(work):
    x = kinds.vectors(50)
    for kind in ("Flat", "IDMap2,HNSW8,Flat", "IVF4,Flat", "IVF4,PQ4np", "SQ8", "OPQ4,PQ4np"):
        whole = kinds.save(kinds.build(kind, np.tile(x, (6, 1)), kinds.labels(kind, 300)), work.folder / "v.index").read_bytes()
        path = work.folder / "cut.index"
        for size in sorted({1, 3, 4, 20, 37, 60, len(whole) // 3, len(whole) // 2, len(whole) - 9, len(whole) - 1}):
            path.write_bytes(whole[:size])
            done = work.run("inspect", f"faiss:{path}")
            assert done.returncode in (1, 8) and "internal" not in done.stderr and ("sound index" in done.stderr or "not read" in done.stderr), (kind, size, done.returncode, done.stderr)
        path.write_bytes(whole + b"x")
        assert work.run("inspect", f"faiss:{path}").returncode == 1
    flat = kinds.save(kinds.build("Flat", x), work.folder / "v.index").read_bytes()
    for at, value in ((8, struct.pack("<q", 2**60)), (8, struct.pack("<q", -1)), (4, struct.pack("<i", -5)), (4, struct.pack("<i", 0)), (4, struct.pack("<i", 2**31 - 1)), (37, struct.pack("<Q", 2**63))):
        path.write_bytes(flat[:at] + value + flat[at + len(value):])
        done = work.run("inspect", f"faiss:{path}")
        assert done.returncode == 1 and "sound index" in done.stderr, done.stderr
    nested = b"IxM2" + flat[4:37]
    path.write_bytes(nested * 5000 + flat)
    done = work.run("inspect", f"faiss:{path}")
    assert done.returncode == 1 and "nested too deeply" in done.stderr


def test_killed_and_resumed(work):
    """At every failpoint of the sink: the same command again ends in the same files."""
    source = write_lines(work, kinds.vectors(300), ids=range(300), kind="i64")
    args = ("copy", source, f"faiss:{work.folder}/docs.index", "--batch-size", "50", "-q")
    expected = None
    hits = harness.failpoints_of(work, *args)
    assert {"pair.write.before", "pair.flush.before", "pair.build.before", "pair.rename.before", "pair.rename.between", "pair.rename.after", "pair.remove.before"} <= set(hits), hits
    expected = (work.folder / "docs.index").read_bytes(), (work.folder / "docs.index.meta.jsonl").read_bytes()
    for name, count in hits.items():
        if not name.startswith(("pair.", "journal.ack")):
            continue
        for n in sorted({1, count}):
            work.forget()
            for path in work.folder.glob("docs.index*"):
                path.unlink()
            killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:{n}"})
            if killed.returncode == 0 and name.startswith("journal.ack"):
                continue
            assert killed.returncode == harness.KILLED, f"{name}:{n}"
            if name in ("pair.write.before", "pair.build.before", "pair.rename.before", "pair.rename.between"):
                assert not (work.folder / "docs.index").exists(), name
            again = work.run(*args)
            assert again.returncode == 0, f"after {name}:{n}: {again.stderr}"
            assert ((work.folder / "docs.index").read_bytes(), (work.folder / "docs.index.meta.jsonl").read_bytes()) == expected, f"after {name}:{n}"
            assert not list(work.folder.glob("*.vecferry-*")), f"after {name}:{n}"


def test_replace_and_rollback(work):
    first, second = write_lines(work, kinds.vectors(30)), write_lines(work, kinds.vectors(20, seed=9), name="second.jsonl")
    target = f"faiss:{work.folder}/docs.index"
    work.json("copy", first, target)
    assert work.run("copy", second, target).returncode == 8
    work.json("copy", second, target, "--on-exists", "replace", "--yes")
    assert faiss.read_index(str(work.folder / "docs.index")).ntotal == 20
    work.forget()
    for path in work.folder.glob("docs.index*"):
        path.unlink()
    run = work.json("copy", first, target + "?index=sq8")["run"]
    work.ok("rollback", run, "--yes")
    assert not list(work.folder.glob("docs.index*"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    made.stop()


def test_faiss_to_qdrant_and_back(work, server):
    """What the guides ask for: an index and its .meta file become points of a server, and an index again."""
    x = kinds.vectors(200)
    path = kinds.save(kinds.build("HNSW16,Flat", x), work.folder / "faiss_index.index")
    with open(work.folder / "faiss_index.meta", "wb") as file:
        pickle.dump([{"id": i * 2, "properties": {"title": f"T{i}"}} for i in range(200)], file)
    for target in (f"qdrant-local:{work.folder}/q#docs", server.uri("docs")):
        report = work.json("copy", f"faiss:{path}", target)
        assert report["written"] == 200 and report["verify"]["ok"]
    from qdrant_client import QdrantClient
    client = QdrantClient(path=str(work.folder / "q"))
    point = client.retrieve("docs", [14], with_vectors=True)[0]
    assert point.payload == {"title": "T7"} and np.array(point.vector, dtype="float32").tobytes() == x[7].tobytes()
    client.close()
    work.json("copy", server.uri("docs"), f"faiss:{work.folder}/back.index")
    assert work.digest(f"faiss:{path}", f"faiss:{work.folder}/back.index")
    assert faiss.read_index(str(work.folder / "back.index")).ntotal == 200
