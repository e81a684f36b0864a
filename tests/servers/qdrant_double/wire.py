"""A little of the protobuf wire format: answers with thousands of points are joined from bytes that are kept encoded."""
import struct

import numpy as np


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_TAGS = {number: varint(number << 3 | 2) for number in (1, 2, 3, 4, 5, 6, 8, 101, 102, 103)}


def field(number, body):
    """A length-delimited field."""
    return _TAGS[number] + varint(len(body)) + body


def float_field(number, value):
    return varint(number << 3 | 5) + struct.pack("<f", value)


def floats(dense):
    """The components of a DenseVector as float32, without an object for each: they lie packed in its encoding."""
    raw = dense.SerializeToString()
    if not raw or raw[0] != 0x0A:
        return np.empty(0, np.float32)
    at, length, shift = 1, 0, 0
    while True:
        length |= (raw[at] & 0x7F) << shift
        shift += 7
        at += 1
        if raw[at - 1] < 0x80:
            break
    return np.frombuffer(raw, "<f4", length // 4, at)
