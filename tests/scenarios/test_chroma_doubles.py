"""Chroma's server keeps about one double in five as its neighbour: such a record is told, not altered, and moves with --map digits:FIELD."""
import json
import random
import sys
import urllib.request

import pytest

import harness

sys.path.insert(0, str(harness.ROOT / "tests/servers"))
from chroma_fixtures import Chroma  # noqa: E402

BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"


@pytest.fixture(scope="module")
def chroma(tmp_path_factory):
    server = Chroma(tmp_path_factory.mktemp("chroma"))
    yield server
    server.stop()


def ask(server, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{BASE}{path}", None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def values():
    numbers = random.Random(5)
    return [numbers.uniform(-1000, 1000) for _ in range(1000)] + [numbers.uniform(1, 10) * 10 ** numbers.randint(-6, 6) for _ in range(1000)]


def test_the_server_alters_what_it_is_told_plainly(chroma):
    made = ask(chroma, "", {"name": "plain"})
    sent = values()
    ask(chroma, f"/{made['id']}/add", {"ids": [str(i) for i in range(len(sent))], "embeddings": [[1.0, 2.0]] * len(sent), "metadatas": [{"x": x} for x in sent]})
    got = ask(chroma, f"/{made['id']}/get", {"include": ["metadatas"], "limit": len(sent)})
    altered = sum(found["x"] != sent[int(i)] for i, found in zip(got["ids"], got["metadatas"]))
    assert altered > 100, "the server reads doubles exactly now: chroma_model/doubles.h can go"


def test_doubles_arrive_as_they_were_or_are_told(chroma, tmp_path):
    place, sent = harness.Workplace(tmp_path), values()
    header = {"vecferry": 1, "schema": {"id_kind": "string", "tenant": False, "document": False, "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": 2, "metric": "l2"}]}}
    lines = [header] + [{"id": str(i), "metadata": {"x": x}, "vectors": {"vector": [1, 2]}} for i, x in enumerate(sent)]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")

    def copied(name, *flags, code):
        result = place.json("copy", f"jsonl:{tmp_path / 'd.jsonl'}", f"chroma://127.0.0.1:{chroma.port}#{name}", *flags, code=code)
        assert result["verify"]["ok"] and result["mismatches"] == 0
        got = ask(chroma, f"/{ask(chroma, '/' + name)['id']}/get", {"include": ["metadatas"], "limit": len(sent)})
        return result, {int(i): found["x"] for i, found in zip(got["ids"], got["metadatas"])}
    foreseen = place.json("plan", f"jsonl:{tmp_path / 'd.jsonl'}", f"chroma://127.0.0.1:{chroma.port}#as-they-are", code=8)["issues"]
    result, kept = copied("as-they-are", "--unsupported", "reject", code=3)
    assert [issue["count"] for issue in foreseen if issue["code"] == "inexact-double"] == [result["rejected"]]
    assert 100 < result["rejected"] < 800 and len(kept) == result["written"] == len(sent) - result["rejected"]
    assert all(x == sent[i] for i, x in kept.items())
    rejects = [json.loads(line)["code"] for line in open(result["rejects_file"])]
    assert set(rejects) == {"inexact-double"} and len(rejects) == result["rejected"]
    result, kept = copied("digits", "--map", "digits:x", code=0)
    assert len(kept) == len(sent) and all(x == float(f"{sent[i]:.14e}") for i, x in kept.items())
