"""What the vendor's own client does on a server, in the environment chroma: each line of standard input is [name, arguments], each answer a line
{"answer": ...} or {"error": traceback}. The only argument of the program is the server's port."""
import json
import sys
import traceback

import chromadb
from chromadb.config import Settings

ALL = ["embeddings", "documents", "metadatas", "uris"]


class Acts:
    def __init__(self, port):
        self.port = port
        self.clients = {}
        self.client = self.at()

    def at(self, tenant="default_tenant", database="default_database"):
        key = tenant, database
        if key not in self.clients:
            self.clients[key] = chromadb.HttpClient(host="127.0.0.1", port=self.port, tenant=tenant, database=database, settings=Settings(anonymized_telemetry=False))
        return self.clients[key]

    def make(self, name, records=None, tenant="default_tenant", database="default_database", **how):
        """A collection, and records as `add` takes them."""
        collection = self.at(tenant, database).create_collection(name, embedding_function=None, **how)
        for part in records or []:
            collection.add(**part)

    def database(self, name):
        chromadb.AdminClient(Settings(chroma_api_impl="chromadb.api.fastapi.FastAPI", chroma_server_host="127.0.0.1", chroma_server_http_port=self.port,
                                      anonymized_telemetry=False)).create_database(name)

    def _collection(self, name, **where):
        return self.at(**where).get_collection(name, embedding_function=None)

    def upsert(self, name, **records):
        self._collection(name).upsert(**records)

    def delete(self, name, ids):
        self._collection(name).delete(ids=ids)

    def drop(self, name):
        self.client.delete_collection(name)

    def rename(self, name, new_name):
        self._collection(name).modify(name=new_name)

    def names(self, **where):
        return sorted(c.name for c in self.at(**where).list_collections())

    def told(self, name, **where):
        """Its parameters, and every record: id -> [vector, document, metadata, uri]."""
        collection = self._collection(name, **where)
        records, page = {}, 1000
        for offset in range(0, collection.count() + 1, page):
            got = collection.get(include=ALL, limit=page, offset=offset)
            for i, id in enumerate(got["ids"]):
                records[id] = [[float(x) for x in got["embeddings"][i]], got["documents"][i], got["metadatas"][i], got["uris"][i]]
        configuration = {k: v for k, v in collection.configuration_json.items() if k != "embedding_function"}
        return {"configuration": configuration, "metadata": collection.metadata, "count": collection.count(), "records": records}

    def query(self, name, vectors, k=5, **more):
        got = self._collection(name).query(query_embeddings=vectors, n_results=k, include=["distances"], **more)
        return got["ids"]


def serve():
    acts = Acts(int(sys.argv[1]))
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"answer": getattr(acts, name)(**arguments)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


serve()
