#!/usr/bin/env python3
"""An independent reading of docs/reference/digest.md: prints the digest of its test vectors.

usage: digest_reference.py        (needs PyPI xxhash)
"""
import decimal
import struct
import sys

import xxhash

MASK = (1 << 128) - 1


def number(value):
    """One spelling per type and value: integers plain, doubles in their shortest form, never as an integer."""
    if isinstance(value, int):
        return str(value)
    negative, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, digits)).lstrip("0")
    exponent += len(digits) - len(digits.rstrip("0"))
    digits = digits.rstrip("0")
    point = len(digits) + exponent
    if not digits:
        text = "0"
    elif exponent >= 0:
        text = str(int(abs(value)))
    elif point > 0:
        text = digits[:point] + "." + digits[point:]
    else:
        text = "0." + "0" * -point + digits
    if digits:
        scientific = digits[0] + ("." + digits[1:] if digits[1:] else "") + "e%+03d" % (point - 1)
        text = scientific if len(scientific) < len(text) else text
    text = ("-" if negative else "") + text
    return text if set(text) & set(".e") else text + ".0"


def canonical(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        out = ['"']
        short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
        for c in value:
            out.append(short.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 0x20 else c))
        return "".join(out) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    items = sorted(value.items(), key=lambda kv: kv[0].encode())
    return "{" + ",".join(canonical(k) + ":" + canonical(v) for k, v in items) + "}"


def text(b):
    return struct.pack("<Q", len(b)) + b


def optional(s):
    return b"\0" if s is None else b"\1" + text(s.encode())


def f32(values):
    out = b""
    for v in values:
        if v != v:
            out += struct.pack("<I", 0x7FC00000)
        else:
            out += struct.pack("<f", 0.0 if v == 0 else v)
    return out


def xxh(b):
    return int.from_bytes(xxhash.xxh3_128_digest(b), "big")


def column(kind, name):
    """The name of the record's column for a vector."""
    if kind == "dense":
        return "vector:" + name if name else "vector"
    return kind + ":" + name


def record(r):
    key = xxh(b"K" + optional(r.get("tenant")) + text(r["id"].encode()))
    head = struct.pack("<QQ", key & (2**64 - 1), key >> 64)
    content = xxh(b"C" + head + optional(r.get("document")) + canonical(r.get("metadata") or {}).encode())
    body = b""
    for name, kind, vector in sorted(r.get("vectors", []), key=lambda v: column(v[1], v[0])):
        if kind == "dense":
            body += struct.pack("<BBi", 0, 0, len(vector)) + text(name.encode()) + f32(vector)
        else:
            pairs = sorted(zip(*vector))
            body += struct.pack("<BBi", 1, 0, 0) + text(name.encode()) + struct.pack("<Q", len(pairs))
            body += b"".join(struct.pack("<I", i) + f32([v]) for i, v in pairs)
    return key, content, xxh(b"V" + head + body)


def fingerprint(records):
    lanes = [0, 0, 0]
    for r in records:
        for i, h in enumerate(record(r)):
            lanes[i] = (lanes[i] + h) & MASK
    return "vf1:%d:%032x:%032x:%032x" % (len(records), *lanes)


VECTORS = {
    "one record": [{"id": "a", "document": "hello", "metadata": {"n": 1, "f": 1.0, "t": ["x", "y"]},
                    "vectors": [("", "dense", [1.0, -0.0, float("nan")])]}],
    "tenant and sparse vector": [{"id": "7", "tenant": "eu", "vectors": [("s", "sparse", ([9, 2], [0.5, -1.5]))]}],
    "nested metadata with unicode": [{"id": "\u00e9", "document": "\u65e5\u672c",
                                      "metadata": {"\u00e9": {"b": [True, None, -0.0], "a": "tab\tquote\"\u0001"},
                                                   "big": 9007199254740993, "e": [1e300, 100000.0, 0.0001, 1e-05, 2.5, 1180591620717411303424.0], "": []}}],
    "no document": [{"id": "a"}],
    "empty document": [{"id": "a", "document": ""}],
    "two records": [{"id": "a", "document": "x"}, {"id": "b", "document": "y", "vectors": [("v", "dense", [0.25, 2.0])]}],
    "no records": [],
}

if __name__ == "__main__":
    for title, records in VECTORS.items():
        print(f"{title}: {fingerprint(records)}")
    sys.exit(0)
