#!/usr/bin/env python3
"""What Pinecone's official client does on a service. Runs out of the environment `pinecone` of tools/vendor-env.

As a program: pinecone_acts.py CONTROL_URL KEY; reads one act a line, [NAME, {ARGUMENT: VALUE}] as JSON, and prints a line
{"answer": ...} or {"error": CLASS, "text": TEXT}: the class of the client's own exception."""
import json
import sys
import warnings

warnings.simplefilter("ignore")
from pinecone import Pinecone, PodSpec, RetryConfig, ServerlessSpec, Vector, SparseValues  # noqa: E402


def numbers(values):
    return [float(value) for value in values or []]


def vector_of(record):
    sparse = record.get("sparse_values")
    return Vector(id=record["id"], values=record.get("values") or [], metadata=record.get("metadata"),
                  sparse_values=SparseValues(indices=sparse["indices"], values=sparse["values"]) if sparse else None)


def told(vector):
    sparse = vector.sparse_values
    return {"values": numbers(vector.values), "metadata": vector.metadata or {},
            "sparse": {"indices": list(sparse.indices), "values": numbers(sparse.values)} if sparse and len(sparse.indices) else None}


class Acts:
    def __init__(self, control, key):
        self._client = Pinecone(api_key=key, host=control, retry_config=RetryConfig(max_retries=0))

    def _index(self, name):
        host = self._client.describe_index(name).host
        return self._client.Index(host="http://" + host.removeprefix("https://"))

    def create(self, name, dimension=None, metric="cosine", vector_type="dense", pod=False, tags=None):
        spec = PodSpec(environment="us-east1-gcp", pod_type="p1.x1") if pod else ServerlessSpec(cloud="aws", region="us-east-1")
        dense = {"dimension": dimension, "metric": metric} if vector_type == "dense" else {}
        self._client.create_index(name=name, spec=spec, vector_type=vector_type, **dense, **({"tags": tags} if tags else {}))
        return self.describe(name)

    def describe(self, name):
        model = self._client.describe_index(name)
        return {"name": model.name, "host": model.host.removeprefix("https://"), "ready": model.status.ready, "dimension": getattr(model, "dimension", None),
                "metric": getattr(model, "metric", None), "tags": dict(model.tags or {}), "deployment": type(model.deployment).__name__}

    def indexes(self):
        return sorted(index.name for index in self._client.list_indexes())

    def drop(self, name):
        self._client.delete_index(name)

    def upsert(self, index, records, namespace="", batch=200):
        handle = self._index(index)
        for at in range(0, len(records), batch):
            handle.upsert(vectors=[vector_of(record) for record in records[at:at + batch]], namespace=namespace)
        return len(records)

    def ids(self, index, namespace="", prefix=None):
        handle, found = self._index(index), []
        for page in handle.list(namespace=namespace, **({"prefix": prefix} if prefix else {})):
            found += [item.id for item in page.vectors]
        return found

    def fetch(self, index, ids, namespace=""):
        return {id: told(vector) for id, vector in self._index(index).fetch(ids=ids, namespace=namespace).vectors.items()}

    def everything(self, index, namespace=""):
        ids, found = self.ids(index, namespace), {}
        for at in range(0, len(ids), 100):
            found.update(self.fetch(index, ids[at:at + 100], namespace))
        return found

    def query(self, index, vector, k=5, namespace="", filter=None):
        answer = self._index(index).query(vector=vector, top_k=k, namespace=namespace, filter=filter, include_metadata=True)
        return [[match.id, match.score, match.metadata or {}] for match in answer.matches]

    def stats(self, index):
        stats = self._index(index).describe_index_stats()
        return {"namespaces": {name: summary.vector_count for name, summary in stats.namespaces.items()}, "total": stats.total_vector_count, "dimension": stats.dimension}

    def namespaces(self, index):
        return [[space.name, space.record_count] for page in self._index(index).list_namespaces() for space in getattr(page, "namespaces", [page])]

    def update(self, index, id, metadata, namespace=""):
        self._index(index).update(id=id, set_metadata=metadata, namespace=namespace)

    def delete(self, index, ids=None, namespace=""):
        self._index(index).delete(ids=ids, namespace=namespace) if ids else self._index(index).delete(delete_all=True, namespace=namespace)


def main():
    acts = Acts(sys.argv[1], sys.argv[2])
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"answer": getattr(acts, name)(**arguments)}
        except Exception as error:  # what the client raises is what is asked for
            answer = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
