"""Index files as the vendor's package writes them, with what it reconstructs from them."""
import json
import os
import pathlib

# Threads that wait for each other take all of a busy machine; the program under test keeps to this too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import faiss  # noqa: E402
import numpy as np  # noqa: E402

DIMS, ROWS = 16, 600


def vectors(rows=ROWS, dims=DIMS, seed=5):
    return np.random.default_rng(seed).normal(size=(rows, dims)).astype("float32")


# What is read: exactly, or as the package's own reconstructions.
READ = ["Flat", "IDMap,Flat", "IDMap2,Flat", "HNSW8,Flat", "IVF4,Flat", "IDMap2,HNSW8,Flat", "IDMap2,IVF4,Flat", "SQ8", "SQ4", "SQ6", "SQfp16", "PQ4x4np", "PQ4np", "IVF4,SQ8",
        "IVF4,SQfp16", "IVF4,PQ4np", "HNSW8,SQ8", "IDMap2,SQ8", "PQ4np,RFlat", "L2norm,Flat", "PCA16,Flat", "PCAR16,IVF4,Flat", "OPQ4,PQ4np", "RR16,Flat"]
# What is refused by name, before the library is asked.
REFUSED = ["SQbf16", "LSH", "PQ4x4fs", "IVF4,PQ4x4fs", "RQ2x4", "LSQ2x4", "IVF4,RQ2x4", "PRQ2x2x4", "NSG8,Flat", "RaBitQ", "IVF4,RaBitQ", "ITQ16,LSH", "SQ8_direct_signed"]
EXACT = {"Flat", "IDMap,Flat", "IDMap2,Flat", "HNSW8,Flat", "IVF4,Flat", "IDMap2,HNSW8,Flat", "IDMap2,IVF4,Flat", "PQ4np,RFlat"}


def labels(kind, rows=ROWS):
    """The ids that a kind with ids of its own gets: not in order, some large."""
    if kind.startswith("IDMap"):
        return np.array([(i * 7919) % 100003 + (2**40 if i % 5 == 0 else 0) for i in range(rows)], dtype="int64")
    return None


def build(kind, x, ids=None, metric=faiss.METRIC_L2):
    index = faiss.index_factory(x.shape[1], kind, metric)
    index.train(x)
    if ids is None:
        index.add(x)
    else:
        index.add_with_ids(x, ids)
    return index


def reconstructed(kind, index, x):
    """What the package itself gives back, in the order of adding."""
    if kind in EXACT:
        return x
    inner = faiss.downcast_index(index.index) if kind.startswith("IDMap") else index
    ivf = faiss.try_extract_index_ivf(inner)
    if ivf is not None:
        ivf.make_direct_map()
    return inner.reconstruct_n(0, len(x))


def save(index, path):
    (faiss.write_index_binary if isinstance(index, faiss.IndexBinary) else faiss.write_index)(index, str(path))
    return pathlib.Path(path)


def binary(kind, bits=64, rows=300, seed=3):
    codes = np.random.default_rng(seed).integers(0, 256, size=(rows, bits // 8), dtype="uint8")
    if kind == "BIDMap2":
        index = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(bits))
        index.add_with_ids(codes, np.arange(rows, dtype="int64") * 3 + 1)
        return index, codes
    index = faiss.index_binary_factory(bits, kind)
    index.train(codes)
    index.add(codes)
    return index, codes


def lines(path):
    """Header and records of a file of JSON lines."""
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return rows[0], rows[1:]


def told_vectors(records):
    return np.array([r["vectors"]["vector"] for r in records], dtype="float32")
