"""JSON as others export it: Qdrant's scroll by its own client's models, columns as Chroma's get() gives them, lines with fields of any name."""
import gzip
import json

import pytest
from qdrant_client import models

import harness
import qdrant_scenario as scenario
from qdrant_servers import ends, servers  # noqa: F401

ROWS = 250


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def lines_of(path):
    return [json.loads(line) for line in open(path)][1:]


def export(client, folder, limit, indent=None):
    """What export-qdrant.sh leaves: an answer of scroll in each file, numbered without zeros."""
    folder.mkdir()
    at, n = None, 0
    while True:
        page, at = client.scroll("docs", limit=limit, offset=at, with_payload=True, with_vectors=True)
        answer = {"result": models.ScrollResult(points=page, next_page_offset=at).model_dump(mode="json", exclude_none=False), "status": "ok", "time": 0.001}
        (folder / f"batch_{n}.json").write_text(json.dumps(answer, indent=indent))
        n += 1
        if at is None:
            return n


def unit(vector):
    length = sum(x * x for x in vector) ** 0.5
    return [x / length for x in vector]


def close(mine, theirs, one_metric=False):
    """The same points. Where the JSON alone was read, all dense vectors are of one metric, and so all of them have length 1."""
    assert mine.keys() == theirs.keys()
    for key, (payload, vectors) in mine.items():
        assert theirs[key][0] == payload, key
        assert theirs[key][1].keys() == vectors.keys(), key
        for name, vector in vectors.items():
            other = theirs[key][1][name]
            if not isinstance(vector, list):
                assert other == vector, (key, name)
            else:
                assert other == pytest.approx(unit(vector) if one_metric else vector, abs=1e-6), (key, name)


@pytest.mark.parametrize("indent", [None, 2])
def test_what_the_client_exported_is_loaded_again(ends, indent):
    scenario.fill(ends.source, ROWS)
    folder = ends.work.folder / "export"
    assert export(ends.source, folder, 60, indent) == 5
    report = ends.work.json("copy", f"{folder}?metric=cosine", ends.uri(1), "--metric", "cosine")
    assert (report["written"], report["rejected"]) == (ROWS, 0) and report["verify"]["ok"]
    close(scenario.everything(ends.source), scenario.everything(ends.target), one_metric=True)


@pytest.mark.parametrize("words", ["", "&indent=2", "&per-file=60", "&per-file=60&indent=4"])
def test_what_is_written_is_an_answer_of_the_server(ends, words):
    scenario.fill(ends.source, ROWS)
    place = ends.work.folder / ("out" if "per-file" in words else "out.json")
    report = ends.work.json("copy", ends.uri(0), f"jsonl:{place}?shape=qdrant-scroll{words}")
    assert report["written"] == ROWS and report["verify"]["ok"]
    files = sorted(place.glob("batch_*.json")) if place.is_dir() else [place]
    assert len(files) == (5 if "per-file" in words else 1)
    answers = [json.loads(file.read_text()) for file in files]
    pages = [models.ScrollResult.model_validate(answer["result"]) for answer in answers]
    assert [page.next_page_offset for page in pages] == [page.points[0].id for page in pages[1:]] + [None]
    want = scenario.everything(ends.source)
    got = {point.id: (point.payload, point.vector) for page in pages for point in page.points}
    assert got.keys() == want.keys()
    for key, (payload, vectors) in want.items():
        assert got[key][0] == payload
        assert {name: v if isinstance(v, list) else v.model_dump() for name, v in got[key][1].items()} == {
            name: v if isinstance(v, list) else v.model_dump() for name, v in vectors.items()} or all(
            got[key][1][name] == pytest.approx(v) for name, v in vectors.items() if isinstance(v, list))
    if "indent=2" in words:
        # As json.dump writes it.
        assert files[0].read_text().startswith('{\n  "result": {\n    "points": [\n      {\n        "id": ')
    # The side-car keeps what such JSON does not say: the collection comes back with its metrics and parameters.
    assert ends.work.json("copy", f"jsonl:{place}?shape=qdrant-scroll", ends.uri(1))["verify"]["ok"]
    close(want, scenario.everything(ends.target))
    made = ends.target.get_collection("docs").config.params
    assert made.vectors["text"].distance == models.Distance.COSINE and made.vectors["image"].distance == models.Distance.DOT and "words" in made.sparse_vectors


POINTS = [{"id": i, "payload": {"document": f"d{i}", "n": i} if i % 3 else None, "vector": [i, 0.5] if i % 4 else None} for i in range(20)]
SHAPES = {
    "answer": json.dumps({"result": {"points": POINTS, "next_page_offset": None}, "status": "ok", "time": 0}),
    "status first": json.dumps({"time": 0, "status": "ok", "result": {"next_page_offset": None, "points": POINTS}}, indent=1),
    "points by id": json.dumps({"result": POINTS, "status": "ok"}),
    "list": json.dumps(POINTS),
    "a point a line": "\n".join(json.dumps(p) for p in POINTS),
    "an answer a line": "\n".join(json.dumps({"result": {"points": POINTS[i:i + 7]}}) for i in range(0, 20, 7)),
    "list of answers": json.dumps([{"result": {"points": POINTS[i:i + 7]}} for i in range(0, 20, 7)]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_points_are_found_wherever_they_are(work, name):
    (work.folder / "x.json").write_text(SHAPES[name])
    (work.folder / "y.json.gz").write_bytes(gzip.compress(SHAPES[name].encode()))
    for file in ("x.json", "y.json.gz"):
        report = work.json("copy", f"jsonl:{work.folder}/{file}?shape=qdrant-scroll", f"jsonl:{work.folder}/{file}.jsonl", "--missing-vector", "keep")
        assert (report["written"], report["rejected"]) == (20, 0)
        got = lines_of(work.folder / f"{file}.jsonl")
        assert [r["id"] for r in got] == [str(i) for i in range(20)]
        assert got[1] == {"id": "1", "document": "d1", "metadata": {"n": 1}, "vectors": {"vector": [1, 0.5]}} and "vectors" not in got[4]


def test_columns_as_chroma_exports_them(work):
    n = 500
    columns = {"ids": [f"i{i}" for i in range(n)], "embeddings": [[i, 0.1, -2.5] if i % 9 else None for i in range(n)], "documents": [f'd "{i}"' if i % 5 else None for i in range(n)],
               "uris": None, "data": None, "metadatas": [{"n": i, "f": i / 3, "ok": True} if i % 4 else None for i in range(n)], "included": ["embeddings"]}
    nested = {k: [v[:200], [], v[200:]] if isinstance(v, list) and k != "included" else v for k, v in columns.items()}
    results = []
    for name, made in {"flat": columns, "nested": nested}.items():
        (work.folder / f"{name}.json").write_text(json.dumps(made))
        report = work.json("copy", f"{work.folder}/{name}.json", f"jsonl:{work.folder}/{name}.jsonl", "--missing-vector", "keep", "--batch-size", "70")
        assert report["written"] == n
        results.append(lines_of(work.folder / f"{name}.jsonl"))
    assert results[0] == results[1]
    assert results[0][1] == {"id": "i1", "document": 'd "1"', "metadata": {"n": 1, "f": 1 / 3, "ok": True}, "vectors": {"vector": [1, 0.1, -2.5]}}
    assert results[0][0] == {"id": "i0"}
    (work.folder / "x.json").write_text(json.dumps({**columns, "documents": ["a"]}))
    harness.refused(work.run("copy", f"jsonl:{work.folder}/x.json?shape=columns", f"jsonl:{work.folder}/o.jsonl"), 1, "source", "500 ids and 1 documents", "which belongs")


def test_lines_with_fields_of_any_name(work):
    (work.folder / "x.jsonl").write_text("\n".join(json.dumps(r) for r in [
        {"key": "a", "text": "hi", "emb": [1, 2.5], "year": 1999, "who": 7, "big": 2**70, "nan": float("nan"), "$vf": {"x": 1}},
        {"key": 5, "emb": None, "text": None, "nested": {"a": [None]}},
        {"key": "c", "emb": [1, 2, 3]}, {"emb": [1, 2]}, [1], {"key": "d", "emb": [3, 4], "meta": {"z": 1}}]))
    base = f"jsonl:{work.folder}/x.jsonl?shape=lines&id=key&document=text&vector=emb&tenant=who"
    report = work.json("copy", base, f"jsonl:{work.folder}/o.jsonl", "--missing-vector", "keep", "--rejects", work.folder / "r.jsonl", code=3)
    assert (report["written"], report["rejected"]) == (3, 3)
    got = lines_of(work.folder / "o.jsonl")
    assert got[0] == {"id": "a", "tenant": "7", "document": "hi", "vectors": {"vector": [1, 2.5]}, "metadata": {
        "year": 1999, "big": {"$vf": "bigint", "v": str(2**70)}, "nan": {"$vf": "f64", "v": "NaN"}, "$vf": {"x": 1}}} or got[0]["metadata"]["$vf"] == "object"
    assert got[1] == {"id": "5", "metadata": {"nested": {"a": [None]}}}
    work.ok("copy", base + "&metadata=meta", f"jsonl:{work.folder}/p.jsonl", "--missing-vector", "keep", code=3)
    assert lines_of(work.folder / "p.jsonl")[2]["metadata"] == {"z": 1}


HOSTILE = {
    "cut off": (b'{"result":{"points":[{"id":1,"vector":[1,2]},{"id":2,"vec', None),
    "deep": (b'{"result":{"points":[{"id":1,"vector":[1,2],"payload":{"a":' + b"[" * 200000 + b"]" * 200000 + b'}},{"id":2,"vector":[1,2]}]}}', 1),
    "deep envelopes": (b'{"result":' * 100000, None),
    "a text of many bytes": (b'{"result":{"points":[{"id":1,"vector":[1,2],"payload":{"a":"' + b"x" * (300 << 20) + b'"}},{"id":2,"vector":[1,2]}]}}', 1),
    "no utf-8": (b'[{"id":1,"payload":{"a":"\xff"},"vector":[1,2]},{"id":2,"vector":[1,2]}]', 1),
    "odd values": (b'[{"id":1.5,"vector":[1,2]},{"id":true,"vector":[1,2]},{"vector":[1,2]},{"id":2,"vector":"x"},{"id":3,"vector":[1,"x"]},{"id":4,"vector":[1,2,3]},{"id":5,"payload":[1],"vector":[1,2]},'
                   b'7,{"id":6,"id":7,"vector":[1,2]},{"id":8,"vector":[1,2]}]', 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_as_they_should(work, name):
    content, written = HOSTILE[name]
    (work.folder / "x.json").write_bytes(content)
    done = work.run("copy", f"jsonl:{work.folder}/x.json?shape=qdrant-scroll", f"jsonl:{work.folder}/o.jsonl", "--json")
    if written is None:
        assert done.returncode == 1 and "byte" in done.stderr and not (work.folder / "o.jsonl").exists(), done.stderr
    else:
        assert done.returncode == 3 and json.loads(done.stdout)["written"] == written, done.stdout + done.stderr


@pytest.mark.parametrize("words", ["", "&per-file=35"])
def test_killed_at_every_failpoint(work, words):
    schema = {"vecferry": 1, "schema": {"id_kind": "u64", "tenant": False, "document": True, "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": 2, "metric": "dot"}]}}
    made = [{"id": str(i), "document": f"d{i}", "metadata": {"n": i}, "vectors": {"vector": [i, 0.1]}} for i in range(200)]
    (work.folder / "in.jsonl").write_text("\n".join(json.dumps(x, separators=(",", ":")) for x in [schema, *made]) + "\n")
    out = work.folder / "out"
    args = ["copy", f"jsonl:{work.folder}/in.jsonl", f"jsonl:{out}?shape=qdrant-scroll{words}", "--batch-size", "50", "-q"]

    def content():
        return {f.relative_to(work.folder).as_posix(): f.read_bytes() for f in work.folder.rglob("*") if f.is_file() and f.relative_to(work.folder).parts[0].startswith("out")}

    hits = harness.failpoints_of(work, *args)
    assert {"scroll.write.before", "scroll.flush.before"} <= set(hits), hits
    whole = content()
    assert len(whole) == (7 if words else 2)
    for name, count in hits.items():
        for n in {1, count // 2 + 1, count}:
            work.forget(*{path.split("/")[0] for path in content() if "/" in path})
            for path in content():
                (work.folder / path).unlink()
            killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:{n}"})
            if killed.returncode == 0 and n > 1 and name.startswith("journal.ack"):
                continue
            assert killed.returncode == harness.KILLED, f"{name}:{n}"
            work.ok(*args)
            assert content() == whole, f"after {name}:{n}"
    work.ok("rollback", "last", "--yes")
    assert not content()
