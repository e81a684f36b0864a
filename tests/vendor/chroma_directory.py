"""Acts of Chroma's own client on a persistent directory. usage: chroma_directory.py ACT DIR [ARGUMENT...]; answers one JSON object.

read COLLECTION                  every record, as the client shows it
write COLLECTION ROWS DIMS SPACE THRESHOLD   adds records, a batch of 500 at a time, the HNSW files flushed each THRESHOLD writes
busy COLLECTION DIMS             adds, changes and deletes records until it is killed; says "writing" when it has begun
search COLLECTION ID K           ids nearest to a record's vector"""
import json
import os
import random
import sys

os.environ["ANONYMIZED_TELEMETRY"] = "False"
import chromadb
from chromadb.config import Settings


def vector(i, dims):
    random.seed(i)
    return [random.uniform(-4, 4) for _ in range(dims)]


def rows_of(collection):
    got = collection.get(include=["embeddings", "documents", "metadatas", "uris"])
    rows = []
    for at, key in enumerate(got["ids"]):
        row = {"id": key, "vector": [float(x) for x in got["embeddings"][at]]}
        for field, column in (("document", "documents"), ("metadata", "metadatas"), ("uri", "uris")):
            if got[column] is not None and got[column][at] is not None:
                row[field] = got[column][at]
        rows.append(row)
    return {"rows": rows, "configuration": collection.configuration_json, "metadata": collection.metadata}


def write(client, name, count, dims, space, threshold):
    collection = client.create_collection(name, embedding_function=None,
                                          configuration={"hnsw": {"space": space, "sync_threshold": threshold, "batch_size": min(threshold, 100)}})
    for first in range(0, count, 500):
        numbers = range(first, min(count, first + 500))
        collection.add(ids=[f"id{i}" for i in numbers], embeddings=[vector(i, dims) for i in numbers], documents=[f"document {i}" for i in numbers],
                       metadatas=[{"n": i, "half": i / 2, "even": i % 2 == 0, "name": f"v{i % 7}", "tags": ["a", f"t{i % 3}"]} for i in numbers])
    return {"count": collection.count()}


def busy(client, name, dims):
    collection = client.get_collection(name, embedding_function=None)
    print("writing", flush=True)
    at = 1_000_000
    while True:
        numbers = range(at, at + 20)
        collection.add(ids=[f"id{i}" for i in numbers], embeddings=[vector(i, dims) for i in numbers], documents=[f"document {i}" for i in numbers])
        collection.update(ids=[f"id{at % 300}"], embeddings=[vector(at, dims)])
        collection.delete(ids=[f"id{at}"])
        at += 20


def main():
    act, directory, name, *rest = sys.argv[1:]
    client = chromadb.PersistentClient(path=directory, settings=Settings(anonymized_telemetry=False))
    if act == "write":
        answer = write(client, name, int(rest[0]), int(rest[1]), rest[2], int(rest[3]))
    elif act == "busy":
        answer = busy(client, name, int(rest[0]))
    elif act == "search":
        collection = client.get_collection(name, embedding_function=None)
        query = collection.get(ids=[rest[0]], include=["embeddings"])["embeddings"][0]
        answer = {"ids": collection.query(query_embeddings=[query], n_results=int(rest[1]))["ids"][0]}
    else:
        answer = rows_of(client.get_collection(name, embedding_function=None))
    print(json.dumps(answer, ensure_ascii=False))


if __name__ == "__main__":
    main()
