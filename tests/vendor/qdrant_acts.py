#!/usr/bin/env python3
"""What qdrant-client does on a server: makes collections of every kind that it knows, looks at one, works with one.

Runs under any version from 1.7 on, each making as much as it can say. As a program: qdrant_acts.py GRPC_PORT REST_PORT; reads one
act a line, [NAME, ARGUMENT...] as JSON, and prints a line {"answer": ...} or {"error": TEXT}. What is answered compares by type:
floats are told by their digits in base 16."""
import json
import sys
import traceback
import uuid
import warnings

warnings.simplefilter("ignore")
from qdrant_client import QdrantClient, models as m  # noqa: E402

import qdrant_made as made  # noqa: E402


def connect(grpc, rest, **more):
    return QdrantClient(host="127.0.0.1", grpc_port=grpc, port=rest, prefer_grpc=True, https=False, timeout=30, **more)


def told(value):
    """A value of the client's as JSON in which 1 is not 1.0, -0.0 not 0.0, and every NaN the same."""
    if isinstance(value, dict):
        return {str(key): told(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [told(x) for x in value]
    if isinstance(value, float):
        return {"float": value.hex()}
    if hasattr(value, "model_dump") or hasattr(value, "dict"):
        return told(value.model_dump() if hasattr(value, "model_dump") else value.dict())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return getattr(value, "value", value)


def points(client, name, **more):
    found, offset = {}, None
    while True:
        page, offset = client.scroll(name, limit=7, offset=offset, with_payload=True, with_vectors=True, **more)
        found.update({f"{type(p.id).__name__} {p.id}": [told(p.payload), told(p.vector)] for p in page})
        if offset is None:
            return found


def look(client, name):
    """All that the client sees of a collection: parameters, indexes, aliases, points."""
    info = client.get_collection(name)
    return {"config": told(info.config), "indexes": told(info.payload_schema), "count": info.points_count, "status": str(info.status),
            "aliases": sorted(a.alias_name for a in client.get_collection_aliases(name).aliases), "points": points(client, name)}


def look_at_shards(client, name, keys):
    """A scroll over all shards gives one point of each id, whichever: points are told by shard."""
    return {"collection": {**look(client, name), "points": None}, "shards": {str(key): points(client, name, shard_key_selector=key) for key in keys}}


def scored(found):
    return [[str(p.id), told(p.score), told(p.payload)] for p in found]


def nearest(client, name, vector, using="", **more):
    """By the call that this version has."""
    if hasattr(client, "query_points"):
        return scored(client.query_points(name, query=vector, using=using or None, limit=5, **more).points)
    if hasattr(vector, "indices"):
        vector = m.NamedSparseVector(name=using, vector=vector)
    elif using:
        vector = (using, vector)
    more["query_filter"] = more.pop("query_filter", None)
    return scored(client.search(name, vector, limit=5, with_payload=True, **more))


def queries(client, name):
    """The answers to one query of each vector, with and without a filter on the indexed fields."""
    filters = [None, m.Filter(must=[m.FieldCondition(key="group", match=m.MatchValue(value="g1"))]),
               m.Filter(must=[m.FieldCondition(key="n", range=m.Range(gte=3, lt=9))], must_not=[m.FieldCondition(key="yes", match=m.MatchValue(value=True))])]
    answers = {}
    for using, vector in made.probes(client, name).items():
        answers[using] = [nearest(client, name, vector, using, query_filter=wanted) for wanted in filters]
    for at, wanted in enumerate(filters):
        page, _ = client.scroll(name, scroll_filter=wanted, limit=50)
        answers[f"scroll {at}"] = [str(p.id) for p in page]
        answers[f"count {at}"] = client.count(name, count_filter=wanted, exact=True).count
    return answers


def work(client, name):
    """Reads, queries and changes a collection that has the points of `made.records`, and answers with what came of it."""
    answers = {"before": queries(client, name)}
    dense, new = made.dense_vector(client, name), str(uuid.UUID(int=2**127 + 5))
    client.set_payload(name, {"set": {"by": "the client"}, "n": 5}, points=[3, 7], wait=True)
    client.overwrite_payload(name, {"group": "g1", "alone": True}, points=[5], wait=True)
    client.delete_payload(name, keys=["group"], points=[9], wait=True)
    client.upsert(name, [m.PointStruct(id=new, vector=dense, payload={"group": "g1", "n": 4, "yes": False}),
                         m.PointStruct(id=1, vector=dense, payload={"replaced": True})], wait=True)
    client.delete(name, points_selector=m.PointIdsList(points=[11]), wait=True)
    client.delete(name, points_selector=m.FilterSelector(filter=m.Filter(must=[m.FieldCondition(key="n", match=m.MatchValue(value=6))])), wait=True)
    client.create_payload_index(name, "made.later", m.PayloadSchemaType.KEYWORD, wait=True)
    answers["after"] = queries(client, name)
    answers["read"] = sorted([str(p.id), told(p.payload), told(p.vector)] for p in client.retrieve(name, [1, 3, 5, 9, 11, new], with_vectors=True))
    return answers


ACTS = {"make": made.make, "make_rows": made.rows, "make_sharded": made.make_sharded, "look": look, "look_at_shards": look_at_shards, "work": work,
        "alias": lambda client, name, names: made.alias(client, name, *names),
        "aliases": lambda client: {a.alias_name: a.collection_name for a in client.get_aliases().aliases},
        "drop": lambda client, name: client.delete_collection(name),
        "names": lambda client: sorted(c.name for c in client.get_collections().collections)}


def main():
    client = connect(*map(int, sys.argv[1:]))
    for line in sys.stdin:
        act, *words = json.loads(line)
        try:
            answer = {"answer": ACTS[act](client, *words)}
        except Exception:  # told to the test, which fails with it
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
