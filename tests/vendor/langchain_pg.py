"""Acts of langchain-postgres on a database, in the environment langchain_pg; asked as in served.py, to [DSN].

An act: {"store": "collection" (PGVector) or "table" (PGVectorStore), "name": ..., "add": [[id, text, metadata, vector]], "search": [vector], "k": n,
"dims": for a table or a collection's column that is made, "columns": {name: type} of a table that is made, "more": arguments for the store}.
It gives, for each vector, [[id, text, metadata, distance]].
"""
from langchain_core.embeddings import Embeddings
from langchain_postgres import PGEngine, PGVector, PGVectorStore
from langchain_postgres.v2.engine import Column

from served import serve


class NoModel(Embeddings):
    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        return [0.5, 0.25, 1.0, float(len(text))]


def opened(url, act):
    more = act.get("more", {})
    if act["store"] == "collection":
        return PGVector(embeddings=NoModel(), collection_name=act["name"], connection=url, use_jsonb=True, embedding_length=act.get("dims"), **more)
    engine = PGEngine.from_connection_string(url)
    columns = act.get("columns", {})
    if "dims" in act:
        engine.init_vectorstore_table(table_name=act["name"], vector_size=act["dims"], metadata_columns=[Column(*column) for column in columns.items()])
    return PGVectorStore.create_sync(engine, embedding_service=NoModel(), table_name=act["name"], metadata_columns=list(columns), **more)


def done(to, act):
    store = opened(to[0].replace("postgresql://", "postgresql+psycopg://"), act)
    if act.get("add"):
        ids, texts, metadatas, vectors = (list(column) for column in zip(*act["add"]))
        store.add_embeddings(texts=texts, embeddings=vectors, metadatas=metadatas, ids=ids)
    found = [store.similarity_search_with_score_by_vector(vector, k=act.get("k", 1000), **({"filter": act["filter"]} if "filter" in act else {})) for vector in act.get("search", [])]
    return [[[document.id, document.page_content, document.metadata, float(score)] for document, score in one] for one in found]


serve(done)
