"""Datasets for the scenarios of search: vectors in clusters, and the files that hold them."""
import json

import numpy

DIMS = 24


def vectors(rows, dims=DIMS, seed=11, unit=False):
    """Clustered, as embeddings are: neighbours are nearer than chance."""
    random = numpy.random.default_rng(seed)
    centres = random.standard_normal((max(2, rows // 20), dims))
    x = (centres[random.integers(len(centres), size=rows)] + 0.4 * random.standard_normal((rows, dims))).astype(numpy.float32)
    return x / numpy.linalg.norm(x, axis=1, keepdims=True) if unit else x


def scattered(rows, dims=DIMS, seed=6):
    """Without clusters: what an index's lists divide is near each other."""
    return numpy.random.default_rng(seed).standard_normal((rows, dims)).astype(numpy.float32)


def jsonl(path, x, metric="cosine", ids=None, tenants=None, columns=None, kind="string"):
    """A file of records with one column, or with the columns given (name -> matrix). Returns how Vecferry is told it."""
    columns = columns or {"": x}
    specs = [{"name": name, "kind": "dense", "element": "f32", "dims": int(matrix.shape[1]), "metric": metric} for name, matrix in columns.items()]
    schema = {"id_kind": kind, "tenant": tenants is not None, "document": False, "vectors": specs}
    rows = len(next(iter(columns.values())))
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps({"vecferry": 1, "schema": schema}, separators=(",", ":")) + "\n")
        for i in range(rows):
            record = {"id": str(ids[i]) if ids is not None else f"doc-{i}", "metadata": {"n": i},
                      "vectors": {f"vector:{name}" if name else "vector": [float(v) for v in matrix[i]] for name, matrix in columns.items()}}
            if tenants is not None:
                record["tenant"] = tenants[i]
            out.write(json.dumps(record) + "\n")
    return f"jsonl:{path}"


def nearest(x, query, k, metric):
    """Rows, by numpy in double precision."""
    a, q = x.astype(numpy.float64), query.astype(numpy.float64)
    if metric == "l2":
        distance = ((a - q) ** 2).sum(1)
    elif metric == "l1":
        distance = numpy.abs(a - q).sum(1)
    elif metric == "dot":
        distance = -(a @ q)
    else:
        distance = 1 - (a @ q) / numpy.linalg.norm(a, axis=1) / numpy.linalg.norm(q)
    return numpy.argsort(distance, kind="stable")[:k]
