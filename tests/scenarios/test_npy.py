"""Arrays of NumPy: what numpy saved is read to the bit, what is written is loaded by it."""
import json

import numpy as np
import pytest

import faiss_kinds as kinds
import harness


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def save(work, array, version=(1, 0)):
    path = work.folder / "v.npy"
    with open(path, "wb") as file:
        np.lib.format.write_array(file, array, version=version)
    return path


@pytest.mark.parametrize("dtype, element", [("float32", "f32"), ("float16", "f16"), ("uint8", "u8"), ("int8", "i8")])
def test_there_and_back(work, dtype, element):
    x = (kinds.vectors(50) * 20).astype(dtype)
    path = save(work, x, (2, 0))
    source = f"npy:{path}?metric=l2"
    work.ok("copy", source, f"jsonl:{work.folder}/out.jsonl", "-q")
    header, records = kinds.lines(work.folder / "out.jsonl")
    assert header["schema"]["vectors"][0]["element"] == element and header["schema"]["id_kind"] == "u64"
    assert [r["id"] for r in records] == [str(i) for i in range(50)]
    assert np.array([r["vectors"]["vector"] for r in records]).astype(dtype).tobytes() == x.tobytes()
    work.json("copy", f"jsonl:{work.folder}/out.jsonl", f"npy:{work.folder}/w.npy")
    written = np.load(work.folder / "w.npy", mmap_mode="r")
    assert written.dtype == x.dtype and np.array(written).tobytes() == x.tobytes()
    assert work.digest(source, f"npy:{work.folder}/w.npy")


def test_side_cars(work):
    path = save(work, kinds.vectors(4))
    side = work.folder / "side.jsonl"
    side.write_text("".join(json.dumps({"id": f"a{i}", "document": f"d{i}", "n": i}) + "\n" for i in range(4)))
    work.ok("copy", f"npy:{path}?metadata={side}&metric=dot", f"jsonl:{work.folder}/o.jsonl", "-q")
    _, records = kinds.lines(work.folder / "o.jsonl")
    assert [(r["id"], r["document"], r["metadata"]) for r in records] == [(f"a{i}", f"d{i}", {"n": i}) for i in range(4)]
    for kind in ("parquet", "pickle"):
        target = f"npy:{work.folder}/{kind}.npy?metadata={kind}"
        work.json("copy", f"jsonl:{work.folder}/o.jsonl", target)
        work.digest(f"jsonl:{work.folder}/o.jsonl", target)


def test_doubles_only_where_rounding_is_allowed(work):
    x = kinds.vectors(6).astype("float64")
    x[2, 3] = 0.1
    path = save(work, x)
    done = work.run("copy", f"npy:{path}", f"jsonl:{work.folder}/o.jsonl")
    assert done.returncode == 8 and "f64=round" in done.stderr
    work.run("copy", f"npy:{path}?f64=round", f"jsonl:{work.folder}/o.jsonl", "-q")
    _, records = kinds.lines(work.folder / "o.jsonl")
    assert kinds.told_vectors(records).tobytes() == x.astype("float32").tobytes()


@pytest.mark.parametrize("array", [np.asfortranarray(np.ones((3, 4), "float32")), np.ones((3, 4), ">f4"), np.ones(3, "float32"), np.ones((2, 2, 2), "float32"), np.ones((3, 4), "int64"),
                                   np.ones((3, 4), "complex64"), np.array([["a"]])])
def test_other_arrays_are_refused(work, array):
    path = save(work, array)
    done = work.run("copy", f"npy:{path}", f"jsonl:{work.folder}/o.jsonl")
    assert done.returncode == 8 and "not read" in done.stderr, done.stderr


def test_a_file_that_does_not_hold_what_it_says(work):
    whole = save(work, kinds.vectors(9)).read_bytes()
    path = work.folder / "cut.npy"
    for size in (0, 5, 9, 60, 127, 129, len(whole) - 1):
        path.write_bytes(whole[:size])
        done = work.run("inspect", f"npy:{path}")
        assert done.returncode == 1, (size, done.returncode, done.stderr)
    path.write_bytes(whole.replace(b"(9, 16)", b"(8, 16)"))
    assert work.run("inspect", f"npy:{path}").returncode == 1
