"""Records with every type that a set of features allows, as JSON lines that Vecferry reads."""
import json
import math
import random
import uuid

ALL_JSON = ("nested_object", "array", "nested_array", "mixed_array", "null", "boolean", "int64", "uint64", "real", "non_finite", "bigint", "decimal", "bytes",
            "date", "datetime", "time", "geo", "empty_key", "any_key")
ELEMENTS = ("f32", "f16", "bf16", "u8", "i8", "bit")
METRICS = ("cosine", "dot", "l2", "l1", "hamming", "jaccard", "unknown")
DIMS = 8

FIELDS = {
    "nested_object": lambda n: {"where": {"shelf": {"row": n % 7}, "note": f"n{n}"}},
    "array": lambda n: {"tags": [f"t{n % 3}", "all"]},
    "nested_array": lambda n: {"grid": [[n % 5, 2], [3]]},
    "mixed_array": lambda n: {"mixed": [n, "a", True]},
    "null": lambda n: {"nothing": None},
    "boolean": lambda n: {"open": n % 2 == 0},
    "int64": lambda n: {"big": 9007199254740993 + n, "low": -9223372036854775808 + n},
    "uint64": lambda n: {"huge": 18446744073709551615 - n},
    "real": lambda n: {"whole": float(n), "share": round(n / 7, 6)},
    "non_finite": lambda n: {"odd": {"$vf": "f64", "v": ("NaN", "Infinity", "-Infinity")[n % 3]}},
    "bigint": lambda n: {"bigint": {"$vf": "bigint", "v": str(10 ** 24 + n)}},
    "decimal": lambda n: {"price": {"$vf": "decimal", "v": f"{n}.50"}},
    "bytes": lambda n: {"raw": {"$vf": "bytes", "v": "AAEC"}},
    "date": lambda n: {"day": {"$vf": "date", "v": f"2024-02-{n % 28 + 1:02}"}},
    "datetime": lambda n: {"at": {"$vf": "datetime", "v": f"2024-02-{n % 28 + 1:02}T10:00:00Z"}},
    "time": lambda n: {"hour": {"$vf": "time", "v": f"{n % 24:02}:30:00"}},
    "geo": lambda n: {"place": {"$vf": "geo", "v": f"{n % 80}.5,13.25"}},
    "empty_key": lambda n: {"": n},
    "any_key": lambda n: {'a.b "c" $d \u00e9\u4e2d': n},
}


def uid(n):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"record {n}"))


IDS = {"string": lambda n: f"rec {n} \u00e9", "u64": str, "i64": lambda n: str(n - 100), "uuid": uid, "mixed": lambda n: str(n) if n % 2 else uid(n)}


class Features:
    """What records may have. `of` reads what `vecferry stores --json` says of a kind of store."""

    def __init__(self, ids, elements, vectors, sparse, multi, named, missing, metrics, document, tenant, json_kinds):
        self.ids, self.elements, self.vectors, self.sparse, self.multi, self.named = ids, elements, vectors, sparse, multi, named
        self.missing, self.metrics, self.document, self.tenant, self.json = missing, metrics, document, tenant, json_kinds

    @classmethod
    def of(cls, capabilities):
        def words(text):
            return {word.strip() for word in text.split(";")[0].split(",")}
        dense, most = capabilities["dense vectors"].split(";")
        sparse, multi, named = (word.strip() == "yes" for word in capabilities["sparse, multi, named"].split(","))
        document, tenant, _ = (word.strip() == "yes" for word in capabilities["document, tenant, extras"].split(","))
        return cls(words(capabilities["ids"]), words(dense), int(most.split()[0]), sparse, multi, named, capabilities["a record may lack a vector"] == "yes",
                   words(capabilities["metrics"]), document, tenant, words(capabilities["metadata values"]))

    def both(self, other, ids_mapped=True):
        """What both hold. Ids that the other side maps stay as they are."""
        return Features(self.ids if ids_mapped else self.ids & other.ids, self.elements & other.elements, min(self.vectors, other.vectors), self.sparse and other.sparse,
                        self.multi and other.multi, self.named and other.named, self.missing and other.missing, self.metrics & other.metrics,
                        self.document and other.document, self.tenant and other.tenant, self.json & other.json)

    def without(self, other):
        """What this side holds and the other does not, in words."""
        lost = [f"vectors of {e}" for e in ELEMENTS if e in self.elements - other.elements and e in self.used_elements()]
        lost += [word for word, mine, others in (("sparse vectors", self.sparse, other.sparse), ("multi-vectors", self.multi, other.multi),
                                                 ("several vectors", self.vectors > 1, other.vectors > 1), ("records without a vector", self.missing, other.missing),
                                                 ("documents", self.document, other.document), ("tenants", self.tenant, other.tenant)) if mine and not others]
        return lost + [kind for kind in ALL_JSON if kind in self.json - other.json]

    def metric(self):
        return next(m for m in METRICS if m in self.metrics)

    def id_kind(self):
        return next(k for k in IDS if k in self.ids)

    def used_elements(self):
        first = next(e for e in ELEMENTS if e in self.elements)
        return [first] + [e for e in ELEMENTS if e in self.elements and e != first and e != "bit" and self.named and self.vectors >= 4][:2]

    def columns(self):
        """(name, kind, element) of each vector."""
        elements = self.used_elements()
        names = [""] if len(elements) == 1 and not (self.sparse or self.multi) else ["text", "second", "third"]
        out = [(names[i], "dense", element) for i, element in enumerate(elements)]
        if self.named and self.vectors >= 4:
            out += [("words", "sparse", "f32")] * self.sparse + [("tokens", "multi", "f32")] * self.multi
        return out


def element_value(element, random_):
    if element in ("u8", "i8"):
        return random_.randint(1, 100)
    return round(random_.uniform(-1, 1) * 64) / 64 + 1 / 64  # exact in f16 and bf16, never a zero vector


def vector(kind, element, random_):
    def one():
        return [element_value(element, random_) for _ in range(DIMS)]
    if kind == "sparse":
        return {"indices": sorted(random_.sample(range(1000), 3)), "values": [0.5, 0.25, 1.5]}
    return [one() for _ in range(2)] if kind == "multi" else one()


def unit(values):
    norm = math.sqrt(sum(v * v for v in values))
    return [v / norm for v in values]


def write(path, features, records):
    """Metadata always has a text, an integer and a text outside ASCII; the rest as the features say."""
    columns, metric, make_id = features.columns(), features.metric(), IDS[features.id_kind()]
    vectors = [{"name": name, "kind": kind, "element": element, "dims": 0 if kind == "sparse" else DIMS,
                "metric": "dot" if kind == "sparse" else metric} for name, kind, element in columns]
    header = {"vecferry": 1, "schema": {"id_kind": features.id_kind(), "tenant": features.tenant, "document": features.document, "vectors": vectors}}
    random_ = random.Random(7)
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps(header) + "\n")
        for n in range(records):
            out.write(json.dumps(record(n, features, columns, make_id, random_), ensure_ascii=False) + "\n")


def record(n, features, columns, make_id, random_):
    metadata = {"title": f"title {n}", "year": 1900 + n % 120, "city": "Z\u00fcrich \u2603"}
    for kind in ALL_JSON:
        if kind in features.json and (n + len(kind)) % 5:  # now and then a field is missing
            metadata.update(FIELDS[kind](n))
    vectors = {}
    for at, (name, kind, element) in enumerate(columns):
        key = {"dense": "vector" + (f":{name}" if name else ""), "sparse": f"sparse:{name}", "multi": f"multi:{name}"}[kind]
        value = vector(kind, element, random_)
        if not (features.missing and at > 0 and n % 9 == 0):
            vectors[key] = value
    out = {"id": make_id(n), "metadata": metadata, "vectors": vectors}
    if features.document:
        out["document"] = f"The text of record {n}, \u00e9\u4e2d\U0001f600."
    if features.tenant:
        out["tenant"] = f"tenant-{n % 3}"
    return out
