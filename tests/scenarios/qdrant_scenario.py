"""What the scenarios with a Qdrant server share: servers that outlive one test, and what a copy left on them."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers"))
from double_fixture import Double  # noqa: E402  (a folder of tests/ is no package)

__all__ = ["Double"]


def uri(double, name="docs", host="127.0.0.1"):
    return f"qdrant://{host}:{double.port}#{name}"


def drop(client):
    """Every collection goes."""
    for collection in client.get_collections().collections:
        client.delete_collection(collection.name)


def threshold(client, name="docs"):
    """The collection's indexing threshold: 0 while a load puts the graph off."""
    return client.get_collection(name).config.optimizer_config.indexing_threshold


def count(client, name="docs"):
    return client.count(name, exact=True).count


def vector(seed, dims):
    """Numbers that look random and are the same for the same seed."""
    state, out = seed * 2654435761 % 2**32 or 1, []
    for _ in range(dims):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        out.append(state / 2**32 - 0.5)
    return out


def fill(client, rows, name="docs", dims=8, first=0):
    """A collection as the vendor's client makes it: numbers and UUIDs for ids, a payload of every type, an alias and an index."""
    import uuid
    from qdrant_client import models
    if not client.collection_exists(name):
        client.create_collection(name, vectors_config={"text": models.VectorParams(size=dims, distance=models.Distance.COSINE),
                                                       "image": models.VectorParams(size=4, distance=models.Distance.DOT)},
                                 sparse_vectors_config={"words": models.SparseVectorParams()})
        client.create_payload_index(name, "group", models.KeywordIndexParams(type="keyword", is_tenant=True))
        client.create_payload_index(name, "n", models.PayloadSchemaType.INTEGER)
    points = []
    for i in range(first, first + rows):
        given = {"text": vector(i + 1, dims)}
        if i % 3:
            given["image"] = [float(i), 0.5, -1.0, i / 7]
        if i % 2:
            given["words"] = models.SparseVector(indices=[i % 50, 60 + i % 9], values=[1.5, -0.25])
        payload = {"n": i, "group": f"g{i % 5}", "document": f"Text {i} – ünï", "nested": {"list": [1, 2.0, None, {"a": []}], "big": 2**53 + 1},
                   "none": None, "yes": i % 2 == 0, "key.with \"dots\"": "x" * (i % 30), "score": i / 4}
        points.append(models.PointStruct(id=i if i % 2 else str(uuid.UUID(int=i * 7919 << 64 | i)), vector=given, payload=payload))
    for at in range(0, len(points), 200):
        client.upsert(name, points[at:at + 200], wait=True)


def collections(client):
    return {collection.name for collection in client.get_collections().collections}


def everything(client, name="docs"):
    """Every point as the vendor's client reads it: id -> (payload, vectors)."""
    points, at = {}, None
    while True:
        page, at = client.scroll(name, limit=1000, offset=at, with_payload=True, with_vectors=True)
        points.update({point.id: (point.payload, point.vector) for point in page})
        if at is None:
            return points


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def stop_all(*doubles):
    for double in doubles:
        double.stop()


def dumped(value):
    return json.dumps(value, sort_keys=True)
