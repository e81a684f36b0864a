"""What the scenarios with Weaviate share: records as JSON lines, and what came back of them."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
from fault_proxy import Cut, FaultProxy, Reset, Status  # noqa: E402,F401
from weaviate_fixtures import Weaviate, class_name, weaviate, weaviate_double, weaviate_real  # noqa: E402,F401


def write_lines(path, records, dims=3, metric="cosine", tenant=False, vectors=None):
    """A file of JSON lines; each record is a dictionary as it stands in a line, a vector being made where it has none."""
    vectors = vectors or [{"name": "", "kind": "dense", "element": "f32", "dims": dims, "metric": metric}]
    header = {"vecferry": 1, "schema": {"id_kind": "string", "tenant": tenant, "document": True, "vectors": vectors}}
    lines = [json.dumps(header, separators=(",", ":"))]
    for i, record in enumerate(records):
        lines.append(json.dumps({"vectors": {"vector": [((i * 7 + k * 3) % 11) / 4 + 0.25 for k in range(dims)]}, **record}, ensure_ascii=False))
    pathlib.Path(path).write_text("\n".join(lines) + "\n")
    return f"jsonl:{path}"


def plain(count, **more):
    return [{"id": f"rec-{i}", "document": f"text {i}", "metadata": {"n": i, "even": i % 2 == 0, "score": i / 8, **more}} for i in range(count)]


def read_lines(path):
    """By (tenant, id)."""
    found = {}
    for line in pathlib.Path(path).read_text().splitlines()[1:]:
        record = json.loads(line)
        key = (record.pop("tenant", None), record.pop("id"))
        assert key not in found, key
        found[key] = record
    return found
