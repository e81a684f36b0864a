"""What a target does not hold as it is asked for: where an option would make it, the plan says which."""
import json

import pytest

import harness


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def lines(path, records, **vector):
    spec = {"name": "", "kind": "dense", "element": "f32", "dims": 8, "metric": "cosine", **vector}
    header = {"vecferry": 1, "schema": {"id_kind": "string", "tenant": False, "document": False, "vectors": [spec]}}
    path.write_text("\n".join(json.dumps(each) for each in [header, *records]) + "\n")
    return f"jsonl:{path}"


def told(work, source, target):
    """For each thing in the way, how it would not be."""
    return [issue.get("way") for issue in work.json("plan", source, target, code=8)["issues"] if issue["blocking"]]


@pytest.mark.parametrize("target, option", [("vdf:{}/out#docs", "metadata=json"), ("chroma-local:{}/out#docs", "metadata=json")])
def test_metadata_that_another_option_would_hold(work, target, option):
    vector = {"vector": [1.0, 0, 0, 0, 0, 0, 0, 0]}
    source = lines(work.folder / "a.jsonl", [{"id": "a", "metadata": {"n": 1}, "vectors": vector}, {"id": "b", "metadata": {"none": None}, "vectors": vector}])
    target = target.format(work.folder)
    assert told(work, source, target) == [f"?{option}"]
    harness.refused(work.run("copy", source, target), 8, "target", "#docs", f"say ?{option} at the target")
    place, dataset = target.split("#")
    assert work.json("plan", source, f"{place}?{option}#{dataset}")["issues"] == []


def test_vectors_that_another_option_would_hold(work):
    source = lines(work.folder / "bits.jsonl", [{"id": "a", "metadata": {}, "vectors": {"vector": "/w=="}}], element="bit", metric="hamming")
    said = told(work, source, f"faiss:{work.folder}/bits.index")
    assert said and set(said) == {"?index=binary"}, said
    assert work.json("plan", source, f"faiss:{work.folder}/bits.index?index=binary")["issues"] == []


def test_what_no_option_holds_has_no_hint(work):
    source = lines(work.folder / "s.jsonl", [{"id": "a", "metadata": {}, "vectors": {"sparse": {"indices": [1], "values": [1.0]}}}], kind="sparse", dims=0, name="sparse")
    said = told(work, source, f"faiss:{work.folder}/s.index")
    assert said and set(said) == {None}, said


def test_a_form_of_file_that_would_hold_it(work):
    odd = lines(work.folder / "d.jsonl", [{"id": "a", "metadata": {"d": {"$vf": "date", "v": "2024-05-06"}}, "vectors": {"vector": [1.0, 2.0]}}], dims=2)
    assert told(work, odd, f"jsonl:{work.folder}/out?shape=qdrant-scroll") == ["?shape=records"]
