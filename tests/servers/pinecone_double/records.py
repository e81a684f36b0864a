"""What a record may be, and how it is kept."""
import json
import math
import struct

from .errors import invalid

MOST_METADATA = 40 * 1024
MOST_SPARSE = 2048


class Record:
    __slots__ = ("id", "values", "sparse", "metadata")

    def __init__(self, id, values, sparse, metadata):
        self.id, self.values, self.sparse, self.metadata = id, values, sparse, metadata


def check_id(id):
    if not isinstance(id, str) or not id:
        raise invalid("Vector ID must not be empty")
    if not id.isascii() or "\0" in id:
        raise invalid(f"Vector ID must be ASCII, but got '{id[:100]}'")
    if len(id) > 512:
        raise invalid(f"Vector ID length {len(id)} exceeds the maximum of 512 characters")
    return id


def check_metadata(metadata):
    """With numbers as float64."""
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise invalid("Metadata must be an object")
    size = len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MOST_METADATA:
        raise invalid(f"Metadata size is {size} bytes, which exceeds the limit of {MOST_METADATA} bytes per vector")
    return {_key(key): _value(key, value) for key, value in metadata.items()}


def _key(key):
    if key.startswith("$"):
        raise invalid(f"Metadata key '{key}' must not start with '$'")
    return key


def _value(key, value):
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise invalid(f"Metadata value must be a string, number, boolean or list of strings, got '{json.dumps(value)[:100]}' for field '{key}'")


def floats(values, what):
    if not isinstance(values, list):
        raise invalid(f"{what} must be a list of numbers")
    try:
        packed = struct.pack(f"<{len(values)}f", *values)
    except (struct.error, OverflowError, TypeError):
        raise invalid(f"{what} must be numbers of float32") from None
    unpacked = struct.unpack(f"<{len(values)}f", packed)
    if not all(map(math.isfinite, unpacked)):
        raise invalid(f"{what} must be finite")
    return unpacked


def check_sparse(sparse, index):
    if sparse is None:
        return None
    if not isinstance(sparse, dict):
        raise invalid("sparseValues must be an object")
    indices, values = sparse.get("indices"), floats(sparse.get("values"), "Sparse values")
    if not isinstance(indices, list) or not all(isinstance(i, int) and not isinstance(i, bool) and 0 <= i < 1 << 32 for i in indices):
        raise invalid("Sparse indices must be unsigned 32-bit integers")
    if len(indices) != len(values):
        raise invalid("Sparse indices and values must have the same length")
    if not indices:
        raise invalid("Sparse vector must contain at least one value")
    if len(indices) > MOST_SPARSE:
        raise invalid(f"Sparse vector size {len(indices)} exceeds the maximum of {MOST_SPARSE}")
    if len(set(indices)) != len(indices):
        raise invalid("Sparse indices must be unique")
    if index.vector_type == "dense" and index.metric != "dotproduct":
        raise invalid(f"Index configuration does not support sparse values - only indexes that are sparse or using dotproduct are supported, this one uses {index.metric}")
    return indices, values


def check_dense(values, index):
    if index.vector_type == "sparse":
        if values:
            raise invalid("Sparse indexes do not take dense values")
        return ()
    numbers = floats(values, "Dense values")
    if len(numbers) != index.dimension:
        raise invalid(f"Vector dimension {len(numbers)} does not match the dimension of the index {index.dimension}")
    if not any(numbers):
        raise invalid("Dense vectors must contain at least one non-zero value")
    return numbers


def make(vector, index):
    if not isinstance(vector, dict):
        raise invalid("vectors must be objects")
    unknown = set(vector) - {"id", "values", "sparseValues", "sparse_values", "metadata"}
    if unknown:
        raise invalid(f"unknown field '{sorted(unknown)[0]}'")
    sparse = check_sparse(vector.get("sparseValues", vector.get("sparse_values")), index)
    if index.vector_type == "sparse" and sparse is None:
        raise invalid("Sparse indexes need sparse values")
    return Record(check_id(vector.get("id")), check_dense(vector.get("values", []), index), sparse, check_metadata(vector.get("metadata")))


def shown(record, values=True, metadata=True):
    out = {"id": record.id, "values": list(record.values) if values else []}
    if values and record.sparse:
        out["sparseValues"] = {"indices": record.sparse[0], "values": list(record.sparse[1])}
    if metadata and record.metadata:
        out["metadata"] = record.metadata
    return out
