"""Acts of LlamaIndex's PGVectorStore on a database, in the environment llama_index_pg; asked as in served.py, to [HOST, PORT, DATABASE].

An act: {"name": of the table without data_, "dims": n, "more": arguments for the store, "add": [[id, text, metadata, vector, id of the document it is from]],
"search": [vector], "k": n, "where": {key: value} that the found ones have}. It gives, for each vector, [[id, text, metadata, similarity, id of the document]].
"""
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import ExactMatchFilter, MetadataFilters, VectorStoreQuery
from llama_index.vector_stores.postgres import PGVectorStore

from served import serve


def node(name, text, metadata, vector, document):
    relationships = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)} if document else {}
    return TextNode(id_=name, text=text, metadata=metadata, embedding=vector, relationships=relationships)


def done(to, act):
    host, port, database = to
    store = PGVectorStore.from_params(host=host, port=port, user="postgres", password="", database=database, table_name=act["name"], embed_dim=act["dims"], **act.get("more", {}))
    if act.get("add"):
        store.add([node(*one) for one in act["add"]])
    filters = MetadataFilters(filters=[ExactMatchFilter(key=key, value=value) for key, value in act["where"].items()]) if act.get("where") else None
    found = [store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=act.get("k", 1000), filters=filters)) for vector in act.get("search", [])]
    return [[[one.node_id, one.text, one.metadata, score, one.ref_doc_id] for one, score in zip(result.nodes, result.similarities)] for result in found]


serve(done)
