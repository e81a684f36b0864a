"""Payloads: kept as the encoded entries of RetrievedPoint.payload."""
import math
import re

from .errors import invalid
from .vendor import conversion, local, payload_as_json, pb

# A double that is not finite ends in a byte of 0xf0 or more and one of 0x7f or 0xff; such a pair is rare elsewhere and never in text.
_MAYBE_NOT_FINITE = re.compile(rb"[\xf0-\xff][\x7f\xff]")


# A Value without a kind is empty: a field of a map entry or a list, of length 0.
_MAYBE_UNSET = re.compile(rb"[\x0a\x12]\x00")


def _fill(value):
    """Writes null for a Value without a kind."""
    kind = value.WhichOneof("kind")
    if kind is None:
        value.null_value = pb.NullValue.NULL_VALUE
    elif kind == "struct_value":
        for inner in value.struct_value.fields.values():
            _fill(inner)
    elif kind == "list_value":
        for inner in value.list_value.values:
            _fill(inner)


def _finite(value):
    kind = value.WhichOneof("kind")
    if kind == "double_value":
        return math.isfinite(value.double_value)
    if kind == "struct_value":
        return all(map(_finite, value.struct_value.fields.values()))
    if kind == "list_value":
        return all(map(_finite, value.list_value.values))
    return True


def encode(payload):
    """The bytes to keep. NaN and infinities are refused anywhere; a Value without a kind is null."""
    if not payload:
        return b""
    holder = pb.RetrievedPoint()
    holder.payload.MergeFrom(payload)
    encoded = holder.SerializeToString()
    if _MAYBE_NOT_FINITE.search(encoded) and not all(map(_finite, payload.values())):
        raise invalid("cannot convert to json number")
    if _MAYBE_UNSET.search(encoded):
        for value in holder.payload.values():
            _fill(value)
        return holder.SerializeToString()
    return encoded


def decode(encoded):
    return pb.RetrievedPoint.FromString(encoded)


def as_json(encoded):
    return payload_as_json(decode(encoded).payload)


def _from_json(payload):
    to_value = conversion().json_to_value
    return pb.RetrievedPoint(payload={key: to_value(value) for key, value in payload.items()}).SerializeToString()


def path(key):
    """A parsed path such as a.b or a[].b."""
    try:
        return local("json_path_parser").parse_json_path(key)
    except ValueError:
        raise invalid(f"Invalid json path: '{key}'") from None


def merge(encoded, payload, key):
    """SetPayload: merges top-level keys, or below `key`. A null removes its key; nulls further down stay."""
    if key:
        changed = as_json(encoded)
        local("payload_value_setter").set_value_by_key(changed, path(key), payload_as_json(payload))
        return _from_json(changed)
    holder = decode(encoded)
    for name, value in payload.items():
        if value.WhichOneof("kind") in (None, "null_value"):
            holder.payload.pop(name, None)
        else:
            holder.payload[name].CopyFrom(value)
    return holder.SerializeToString()


def without(encoded, keys):
    changed = as_json(encoded)
    for key in keys:
        local("payload_value_setter").delete_value_by_key(changed, path(key))
    return _from_json(changed)


def selected(encoded, selector):
    """The entries that a WithPayloadSelector asks for."""
    which = selector.WhichOneof("selector_options")
    if which == "enable":
        return encoded if selector.enable else b""
    choose = local("payload_value_extractor")
    if which == "include":
        return _from_json(choose.include_payload(as_json(encoded), list(selector.include.fields)))
    return _from_json(choose.exclude_payload(as_json(encoded), list(selector.exclude.fields)))


def holds(encoded, key):
    """Whether the payload has a value under the path, as the count of an index sees it."""
    return bool(local("payload_value_extractor").value_by_key(as_json(encoded), key))
