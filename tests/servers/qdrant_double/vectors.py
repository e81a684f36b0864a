"""Vectors as a server takes, keeps and returns them: what is refused, what is rounded, what is normalised.

A vector is kept as the bytes of the VectorOutput message that answers carry. Servers before 1.13 know only the fields 1 to 3 of
that message, in requests too, where the newer fields are unknown to them; newer servers accept the old fields and never send them.
"""
import dataclasses

import numpy as np

from . import wire
from .errors import invalid, validation, wrong_input
from .vendor import pb

ONEOF_SINCE = (1, 13)
_EPSILON = np.float32(1.1920929e-7)
_UNIT = np.float32(1e-6)


@dataclasses.dataclass
class Spec:
    """One vector of a collection: kind is dense, multi or sparse."""
    kind: str
    size: int = 0
    distance: int = 0
    datatype: int = 0


def specs_of(params):
    """Name -> Spec, from CollectionParams; the unnamed vector has the name ""."""
    found = {}
    config = params.vectors_config
    named = {"": config.params} if config.WhichOneof("config") == "params" else config.params_map.map
    for name, vector in named.items():
        kind = "multi" if vector.HasField("multivector_config") else "dense"
        found[name] = Spec(kind, vector.size, vector.distance, vector.datatype)
    for name in params.sparse_vectors_config.map:
        found[name] = Spec("sparse")
    return found


# ---- what arrives

def decode(vector, oneof, path):
    """(kind, data) of a Vector: an array, (indices, values), or a list of rows. Refuses what is malformed whatever the collection."""
    which = vector.WhichOneof("vector") if oneof else None
    if which == "dense":
        kind, data = "dense", wire.floats(vector.dense)
    elif which == "sparse":
        kind, data = "sparse", (list(vector.sparse.indices), np.array(vector.sparse.values, np.float32))
    elif which == "multi_dense":
        kind, data = "multi", [wire.floats(row) for row in vector.multi_dense.vectors]
    elif which is not None:
        raise invalid("InferenceService is not initialized. Please check if it was properly configured and initialized during startup.")
    else:
        kind, data = _decode_deprecated(vector)
    if kind == "dense" and oneof and not len(data):
        raise wrong_input(f"{path}: dense vector must not be empty")
    if kind == "sparse":
        data = _check_sparse(*data)
    if kind == "multi":
        _check_rows(data)
    return kind, data


def _decode_deprecated(vector):
    data = np.array(vector.data, np.float32)
    if vector.HasField("indices"):
        return "sparse", (list(vector.indices.data), data)
    if vector.HasField("vectors_count"):
        rows = vector.vectors_count
        if rows == 0 or len(data) % rows:
            raise validation(_AT + "data: multi vector must not be empty")
        return "multi", list(data.reshape(rows, -1))
    return "dense", data


_AT = "points[0].vectors.vectors_options.vectors.[]."


def _check_sparse(indices, values):
    if len(indices) != len(values):
        raise validation(_AT + "values: Validation error: must be the same length as indices [{}]")
    if len(set(indices)) != len(indices):
        raise validation(_AT + "indices: Validation error: must be unique [{}]")
    order = np.argsort(np.array(indices, np.uint32), kind="stable")  # returned sorted by index
    return np.array(indices, np.uint32)[order], values[order]


def _check_rows(rows):
    if not rows:
        raise validation(_AT + "data: multi vector must not be empty")
    if any(not len(row) for row in rows):
        raise validation(_AT + "data: all vectors must be non-empty")
    for row in rows:
        if len(row) != len(rows[0]):
            raise validation(_AT + f"data: all vectors must have the same dimension, found vector with dimension {len(row)}")


def decode_all(message, oneof, index):
    """Name -> (kind, data) of a Vectors message."""
    which = message.WhichOneof("vectors_options")
    if which is None:
        raise invalid("No Vector Provided")
    if which == "vectors":
        return {name: decode(vector, oneof, f"points[{index}].vector.?.vector") for name, vector in message.vectors.vectors.items()}
    kind, data = decode(message.vector, oneof, f"points[{index}].vector.vector")
    if kind == "sparse":
        raise invalid("Sparse vector must be named")
    return {"": (kind, data)}


def mismatch(specs, given):
    """None, or the error of a name or kind that the collection lacks. A server finds it only while it applies the batch."""
    for name, (kind, _) in given.items():
        spec = specs.get(name)
        if spec is None:
            return f"Not existing vector name error: {name}"
        if (kind == "sparse") != (spec.kind == "sparse"):
            return "Conversion between sparse and regular vectors failed"
        if kind == "multi" and spec.kind == "dense":
            return "Conversion between multi and regular vectors failed"
    return None


def check_sizes(specs, given):
    """Dimensions are checked before anything of a batch is applied."""
    for name, (kind, data) in given.items():
        spec = specs.get(name)
        if spec is None or kind == "sparse" or spec.kind == "sparse":
            continue
        got = len(data[0]) if kind == "multi" else len(data)
        if got != spec.size:
            suffix = f" for vector '{name}'" if name else ""
            raise wrong_input(f"Vector dimension error: expected dim: {spec.size}, got {got}{suffix}")


# ---- what is kept

def normalised(vector):
    """Cosine: in f32; left as it is if short (norm^2 below the epsilon) or already of unit length. A norm^2 that overflows gives zeros."""
    square = np.dot(vector, vector)
    if square < _EPSILON or abs(square - np.float32(1)) <= _UNIT:
        return vector
    return vector / np.sqrt(square)


def kept(vector, spec):
    """The components that a dense row has after storage, as float32."""
    with np.errstate(all="ignore"):
        if spec.distance == pb.Distance.Cosine and spec.datatype != pb.Datatype.Uint8:
            vector = normalised(vector)
        if spec.datatype == pb.Datatype.Float16:
            return vector.astype(np.float16).astype(np.float32)
        if spec.datatype == pb.Datatype.Uint8:  # truncated and clamped; NaN is 0
            return np.trunc(np.clip(np.nan_to_num(vector, nan=0.0, posinf=255.0, neginf=0.0), 0, 255)).astype(np.float32)
    return vector


def encode(spec, kind, data, oneof):
    """The bytes of the VectorOutput that answers will carry."""
    if spec.kind == "sparse":
        return _encode_sparse(*data, oneof)
    if spec.kind == "multi":
        rows = [kept(row, spec) for row in (data if kind == "multi" else [data])]
        return _encode_rows(rows, oneof)
    raw = wire.field(1, kept(data, spec).astype("<f4", copy=False).tobytes())
    return wire.field(101, raw) if oneof else raw


def _encode_sparse(indices, values, oneof):
    if oneof:
        sparse = pb.SparseVector(values=values.tolist(), indices=indices.tolist())
        return wire.field(102, sparse.SerializeToString())
    return pb.VectorOutput(data=values.tolist(), indices=pb.SparseIndices(data=indices.tolist())).SerializeToString()


def _encode_rows(rows, oneof):
    packed = [row.astype("<f4", copy=False).tobytes() for row in rows]
    if oneof:
        return wire.field(103, b"".join(wire.field(1, wire.field(1, row)) for row in packed))
    return wire.field(1, b"".join(packed)) + b"\x18" + wire.varint(len(rows))


def encode_all(vectors):
    """The field `vectors` of a RetrievedPoint from name -> VectorOutput bytes. The unnamed vector alone comes back unnamed."""
    if len(vectors) == 1 and "" in vectors:
        return wire.field(4, wire.field(1, vectors[""]))
    entries = b"".join(wire.field(1, wire.field(1, name.encode()) + wire.field(2, body)) for name, body in vectors.items())
    return wire.field(4, wire.field(2, entries))


def components(encoded):
    """What `encode` kept, for scoring: an array, a matrix, or (indices, values)."""
    output = pb.VectorOutput.FromString(encoded)
    which = output.WhichOneof("vector")
    if which == "dense":
        return wire.floats(output.dense)
    if which == "multi_dense":
        return np.array([wire.floats(row) for row in output.multi_dense.vectors])
    if which == "sparse":
        return np.array(output.sparse.indices, np.uint32), np.array(output.sparse.values, np.float32)
    data = np.array(output.data, np.float32)
    if output.HasField("indices"):
        return np.array(output.indices.data, np.uint32), data
    return data.reshape(output.vectors_count, -1) if output.HasField("vectors_count") else data
