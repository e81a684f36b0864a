"""Queries, by comparing with every record."""
import numpy

from . import filters, records
from .errors import Refusal, invalid
from .index import namespace_of

_MOST = 10_000


def query(index, body):
    top_k = body.get("topK")
    if not isinstance(top_k, int) or not 1 <= top_k <= _MOST:
        raise invalid(f"topK must be between 1 and {_MOST}")
    space = index.namespace(body.get("namespace"))
    dense, sparse = _asked(index, space, body)
    wanted = [record for record in space.records.values() if not body.get("filter") or filters.holds(body["filter"], record.metadata)]
    scores = _scores(index, wanted, dense, sparse)
    nearest = sorted(zip(scores, wanted), key=lambda pair: (pair[0] if index.metric == "euclidean" else -pair[0], pair[1].id))[:top_k]
    matches = [{**records.shown(record, bool(body.get("includeValues")), bool(body.get("includeMetadata"))), "score": score} for score, record in nearest]
    return {"results": [], "matches": matches, "namespace": namespace_of(body.get("namespace")), "usage": {"readUnits": 1}}


def _asked(index, space, body):
    if body.get("id") is not None:
        record = space.records.get(body["id"])
        if record is None:
            raise Refusal(404, 5, "Vector not found")
        return record.values, record.sparse
    sparse = records.check_sparse(body.get("sparseVector"), index)
    if index.vector_type == "sparse":
        if sparse is None:
            raise invalid("Sparse indexes need a sparse vector")
        return (), sparse
    numbers = records.floats(body.get("vector"), "vector")
    if len(numbers) != index.dimension:
        raise invalid(f"Query vector dimension {len(numbers)} does not match the dimension of the index {index.dimension}")
    return numbers, sparse


def _scores(index, wanted, dense, sparse):
    scores = numpy.zeros(len(wanted))
    if dense and wanted:
        matrix, asked = numpy.array([record.values for record in wanted], dtype=numpy.float64), numpy.array(dense, dtype=numpy.float64)
        if index.metric == "euclidean":
            scores = ((matrix - asked) ** 2).sum(axis=1)
        else:
            scores = matrix @ asked
        if index.metric == "cosine":
            scores = scores / (numpy.linalg.norm(matrix, axis=1) * (numpy.linalg.norm(asked) or 1))
    if sparse:
        weights = dict(zip(*sparse))
        scores = scores + numpy.array([sum(weights.get(i, 0) * v for i, v in zip(*(record.sparse or ((), ())))) for record in wanted])
    return [float(score) for score in scores]
