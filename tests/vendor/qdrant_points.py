#!/usr/bin/env python3
"""Points on the wire, judged by qdrant-client's own messages.

usage: qdrant_points.py make DIR     writes DIR/NAME.scroll (ScrollResponse) of every form, and DIR/told.json with what they say
       qdrant_points.py judge DIR    reads DIR/NAME.upsert (UpsertPoints) and compares with DIR/expected.json; compares DIR/NAME.read with told.json
       qdrant_points.py trio DIR     the same for DIR/trio.upsert alone: for clients that know no newer form
Points are told as {"id", "payload", "vectors"}: numbers keep their kind, a sparse vector is {"indices", "values"}. Exit code 0, or 1
with what is wrong."""
import json
import pathlib
import struct
import sys

from qdrant_client import grpc

problems = []


def value(v):
    kind = v.WhichOneof("kind")
    if kind == "struct_value":
        return {k: value(x) for k, x in v.struct_value.fields.items()}
    if kind == "list_value":
        return [value(x) for x in v.list_value.values]
    return None if kind in (None, "null_value") else getattr(v, kind)


def as_value(v):
    if v is None:
        return grpc.Value(null_value=0)
    if isinstance(v, bool):
        return grpc.Value(bool_value=v)
    if isinstance(v, int):
        return grpc.Value(integer_value=v)
    if isinstance(v, float):
        return grpc.Value(double_value=v)
    if isinstance(v, str):
        return grpc.Value(string_value=v)
    if isinstance(v, list):
        return grpc.Value(list_value=grpc.ListValue(values=[as_value(x) for x in v]))
    return grpc.Value(struct_value=grpc.Struct(fields={k: as_value(x) for k, x in v.items()}))


def vector(v):
    form = v.WhichOneof("vector") if "vector" in v.DESCRIPTOR.oneofs_by_name else None
    if form == "sparse":
        return {"indices": list(v.sparse.indices), "values": list(v.sparse.values)}
    if form == "multi_dense":
        return [list(row.data) for row in v.multi_dense.vectors]
    if form == "dense":
        return list(v.dense.data)
    data = list(v.data)
    if v.HasField("indices"):
        return {"indices": list(v.indices.data), "values": data}
    if v.HasField("vectors_count"):
        dims = len(data) // v.vectors_count
        return [data[i:i + dims] for i in range(0, len(data), dims)]
    return data


def vectors(v):
    which = v.WhichOneof("vectors_options")
    if which == "vector":
        return {"": vector(v.vector)}
    return {name: vector(one) for name, one in v.vectors.vectors.items()}


def told(point):
    which = point.id.WhichOneof("point_id_options")
    return {"id": str(getattr(point.id, which)), "payload": {k: value(x) for k, x in point.payload.items()}, "vectors": vectors(point.vectors)}


def same(a, b):
    """Equal, and of the same kind: 1, 1.0 and True are three, and so are 0.0 and -0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return struct.pack("<d", a) == struct.pack("<d", b) if isinstance(a, float) else a == b


def compare(what, got, wanted):
    if len(got) != len(wanted):
        problems.append(f"{what}: {len(got)} points, wanted {len(wanted)}")
    for g, w in zip(got, wanted):
        for key in w:
            if not same(g.get(key), w[key]):
                problems.append(f"{what}, point {w['id']}, {key}: {str(g.get(key))[:500]} instead of {str(w[key])[:500]}")


UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def nested(objects, lists):
    v = 1
    for _ in range(lists):
        v = [v]
    for _ in range(objects):
        v = {"k": v}
    return v


POINTS = [
    {"id": 0, "payload": {"n": None, "t": True, "f": False, "i": -1, "max": 2**63 - 1, "min": -2**63, "d": 1.0, "minus": -0.0, "tiny": 5e-324},
     "vectors": {"": [1.5, -2.0]}},
    {"id": 2**64 - 1, "payload": {"": "", "a.b": {"o": {}, "l": [], "m": [[1, "two", {"three": [3.5, None]}]]}, "ü\0": "☃😀\0"},
     "vectors": {"": [0.0, 0.5], "half": [1.0, -2.0], "small": [0.0, 127.0, 255.0], "mü": [[1.0, 2.0], [3.0, 4.0]], "s": {"indices": [1, 2**32 - 1], "values": [0.5, -1.0]}}},
    {"id": UUID, "payload": {}, "vectors": {}},
    {"id": 7, "payload": {"long": "x" * 20000, "objects": nested(32, 0), "lists": nested(0, 48), "both": nested(31, 2)}, "vectors": {"s": {"indices": [], "values": []}}},
]


def field(number, content):
    def varint(n):
        out = b""
        while n >= 128:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])
    return varint(number << 3 | 2) + varint(len(content)) + content


def floats(values, packing):
    """A repeated float in field 1."""
    packed = [struct.pack("<f", x) for x in values]
    if packing == "packed":
        return field(1, b"".join(packed)) if packed else b""
    if packing == "pieces":
        half = len(packed) // 2
        return field(1, b"".join(packed[:half])) + field(1, b"".join(packed[half:]))
    return b"".join(b"\x0d" + x for x in packed)


def output(v, form, packing):
    """The bytes of a VectorOutput, read once by the vendor's own class."""
    if isinstance(v, dict):
        indices = b"".join(b"\x10" + grpc.SparseIndices(data=[i]).SerializeToString()[2:] for i in v["indices"])
        trio = grpc.VectorOutput(indices=grpc.SparseIndices(data=v["indices"])).SerializeToString() + floats(v["values"], packing)
        if packing == "unpacked":
            oneof = field(102, floats(v["values"], packing) + indices)
        else:
            oneof = field(102, floats(v["values"], packing) + grpc.SparseVector(indices=v["indices"]).SerializeToString())
    elif v and isinstance(v[0], list):
        trio = floats([x for row in v for x in row], packing) + grpc.VectorOutput(vectors_count=len(v)).SerializeToString()
        oneof = field(103, b"".join(field(1, floats(row, packing)) for row in v))
    else:
        trio, oneof = floats(v, packing), field(101, floats(v, packing))
    message = grpc.VectorOutput.FromString(trio if form == "trio" else oneof)
    assert same(vector(message), v), (form, packing, v, vector(message))
    return trio if form == "trio" else oneof


def retrieved(point, form, packing):
    id_ = grpc.PointId(uuid=point["id"]) if isinstance(point["id"], str) else grpc.PointId(num=point["id"])
    head = grpc.RetrievedPoint(id=id_, payload={k: as_value(v) for k, v in point["payload"].items()}).SerializeToString()
    named = point["vectors"]
    if list(named) == [""]:
        tail = field(1, output(named[""], form, packing))
    else:
        tail = field(2, b"".join(field(1, field(1, k.encode()) + field(2, output(v, form, packing))) for k, v in named.items()))
    return head + field(4, tail)


def make(folder):
    for form in ("oneof", "trio"):
        for packing in ("packed", "pieces", "unpacked"):
            response = b"".join(field(2, retrieved(p, form, packing)) for p in POINTS)
            response += grpc.ScrollResponse(next_page_offset=grpc.PointId(uuid=UUID), time=0.25).SerializeToString()
            assert len(grpc.ScrollResponse.FromString(response).result) == len(POINTS)
            (folder / f"{form}-{packing}.scroll").write_bytes(response)
    whole = grpc.ScrollResponse(result=[grpc.RetrievedPoint.FromString(retrieved(p, "oneof", "packed")) for p in POINTS],
                                next_page_offset=grpc.PointId(uuid=UUID))
    (folder / "vendor.scroll").write_bytes(whole.SerializeToString())
    (folder / "told.json").write_text(json.dumps([dict(p, id=str(p["id"])) for p in POINTS]))


def judge_upsert(folder, name):
    message = grpc.UpsertPoints.FromString((folder / f"{name}.upsert").read_bytes())
    compare(f"{name}.upsert", [told(p) for p in message.points], json.loads((folder / "expected.json").read_text()))


def judge(folder):
    for name in ("oneof", "trio"):
        judge_upsert(folder, name)
        # What was written is read back by this client as it would come from a server.
        message = grpc.ScrollResponse.FromString((folder / f"{name}.answer").read_bytes())
        compare(f"{name}.answer", [told(p) for p in message.result], json.loads((folder / "expected.json").read_text()))
    reads = sorted(folder.glob("*.read"))
    if len(reads) != 7:
        problems.append(f"{len(reads)} answers were read instead of 7")
    for path in reads:
        compare(path.name, [json.loads(line) for line in path.read_text().splitlines()], json.loads((folder / "told.json").read_text()))


if __name__ == "__main__":
    verb, where = sys.argv[1], pathlib.Path(sys.argv[2])
    {"make": make, "judge": judge, "trio": lambda folder: judge_upsert(folder, "trio")}[verb](where)
    print(*problems, sep="\n")
    sys.exit(1 if problems else 0)
