"""Columns of the wire as lists of values and back. A value is None, a number, a text, bytes of JSON or of a vector, or a ScalarField of an array."""
import numpy as np
from pymilvus.client.types import DataType as T
from pymilvus.grpc_gen import schema_pb2 as schema

_SCALARS = {T.BOOL: "bool_data", T.INT8: "int_data", T.INT16: "int_data", T.INT32: "int_data", T.INT64: "long_data", T.FLOAT: "float_data", T.DOUBLE: "double_data",
            T.VARCHAR: "string_data", T.ARRAY: "array_data", T.JSON: "json_data", T.TIMESTAMPTZ: "string_data"}
_BYTES = {T.BINARY_VECTOR: "binary_vector", T.FLOAT16_VECTOR: "float16_vector", T.BFLOAT16_VECTOR: "bfloat16_vector", T.INT8_VECTOR: "int8_vector"}


def width(field):
    dim = int(dict((p.key, p.value) for p in field.type_params).get("dim", 0))
    return {T.FLOAT_VECTOR: dim * 4, T.BINARY_VECTOR: dim // 8, T.INT8_VECTOR: dim, T.FLOAT16_VECTOR: dim * 2, T.BFLOAT16_VECTOR: dim * 2}[field.data_type]


def is_vector(kind):
    return kind >= 100


def read(data, field, rows):
    """The column's values, one a row; ValueError for a column that does not fit its field."""
    kind = field.data_type
    if data.type != kind:
        raise ValueError(f"the field {field.name} is {T(kind).name}, not {T(data.type).name}")
    if is_vector(kind):
        if kind == T.SPARSE_FLOAT_VECTOR:
            values = list(data.vectors.sparse_float_vector.contents)
        else:
            flat = np.asarray(data.vectors.float_vector.data, "<f4").tobytes() if kind == T.FLOAT_VECTOR else getattr(data.vectors, _BYTES[kind])
            size = width(field)
            if len(flat) % size:
                raise ValueError(f"the dimension of {field.name} is wrong")
            values = [flat[at:at + size] for at in range(0, len(flat), size)]
            if kind == T.FLOAT_VECTOR and not np.isfinite(np.frombuffer(flat, "<f4")).all():
                raise ValueError("value is not a number or infinity")
    else:
        values = list(getattr(data.scalars, _SCALARS[kind]).data)
    valid = list(data.valid_data)
    if valid:
        if not field.nullable:
            raise ValueError(f"the field {field.name} takes no nulls")
        if len(values) != sum(valid):
            raise ValueError(f"{field.name} has {len(values)} values for {sum(valid)} rows")
        values = iter(values)
        values = [next(values) if ok else None for ok in valid]
    if len(values) != rows:
        raise ValueError(f"{field.name} has {len(values)} rows and not {rows}")
    most = dict((p.key, p.value) for p in field.type_params).get("max_length")
    for value in values:
        if kind == T.VARCHAR and value is not None and most and len(value.encode()) > int(most):
            raise ValueError(f"length of varchar field {field.name} exceeds max length")
        if kind == T.JSON and value is not None and len(value) > 65536:
            raise ValueError(f"the length of json field {field.name} exceeds max length")
    return values


def write(field, values):
    """Nulls of scalars take a place, those of vectors take none: as servers answer."""
    data = schema.FieldData(type=field.data_type, field_name=field.name, field_id=field.fieldID, is_dynamic=field.is_dynamic)
    kind = field.data_type
    if field.nullable:
        data.valid_data.extend(value is not None for value in values)
    if is_vector(kind):
        there = [value for value in values if value is not None]
        if kind == T.SPARSE_FLOAT_VECTOR:
            data.vectors.sparse_float_vector.contents.extend(there)
            data.vectors.dim = data.vectors.sparse_float_vector.dim = 1
            return data
        data.vectors.dim = int(dict((p.key, p.value) for p in field.type_params)["dim"])
        if kind == T.FLOAT_VECTOR:
            data.vectors.float_vector.data.extend(np.frombuffer(b"".join(there), "<f4").tolist())
        else:
            setattr(data.vectors, _BYTES[kind], b"".join(there))
        return data
    array = getattr(data.scalars, _SCALARS[kind])
    zero = {"bool_data": False, "int_data": 0, "long_data": 0, "float_data": 0.0, "double_data": 0.0, "string_data": "", "json_data": b"", "array_data": schema.ScalarField()}[_SCALARS[kind]]
    array.data.extend(zero if value is None else value for value in values)
    array.SetInParent()
    if kind == T.ARRAY:
        array.element_type = field.element_type
    return data


def as_floats(kind, raw):
    if kind == T.FLOAT_VECTOR:
        return np.frombuffer(raw, "<f4").astype("f8")
    if kind == T.FLOAT16_VECTOR:
        return np.frombuffer(raw, "<f2").astype("f8")
    if kind == T.BFLOAT16_VECTOR:
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4").astype("f8")
    if kind == T.INT8_VECTOR:
        return np.frombuffer(raw, "i1").astype("f8")
    return np.unpackbits(np.frombuffer(raw, "u1")).astype("f8")
