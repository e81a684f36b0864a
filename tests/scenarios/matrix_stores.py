"""The stores of the matrix: how each is started, and what a new dataset in it is called."""
import sqlite_vec

import harness
import weaviate_control
from double_fixture import Double
from launched import Launched
from postgresql_fixtures import Postgres


class Store:
    """`sample`: of a store that Vecferry only reads, makes a dataset with so many records and gives its URI."""
    POLICIES = {"chroma": "metadata=json", "chroma-local": "metadata=json", "vdf": "metadata=json", "pinecone": "metadata=json", "weaviate": "inexact=text"}

    def __init__(self, scheme, uri, start=None, stop=None, sample=None):
        self.scheme, self.uri, self.start, self.stop, self.sample = scheme, uri, start, stop, sample
        self.policy = self.POLICIES.get(scheme, "")  # the option by which it keeps metadata of every kind


def environment():
    """What the program finds the vendors' own parts by, and the key of the double."""
    return {"VECFERRY_SQLITE_VEC": sqlite_vec.loadable_path(), "VECFERRY_CHROMA": str(harness.ROOT / ".cache/venvs/chroma/bin/chroma"), "PINECONE_API_KEY": "test-key"}


def in_file(scheme, ending, dataset=""):
    return Store(scheme, lambda folder, name: f"{scheme}:{folder / (name + ending)}{dataset}")


def memories(folder, name, records):
    return f"mcp-memory:{harness.make_memories(folder / (name + '.db'), records, dims=8)}"


def served(scheme, server, uri):
    """`uri(server, name)` of a server that has start and stop."""
    return Store(scheme, lambda folder, name: uri(server, name), server.start, server.stop)


def weaviate():
    """The vendor's server where it is installed, else the double."""
    return "weaviate" if weaviate_control.PROGRAM.exists() else "weaviate_double"


class Database:
    """PostgreSQL with one database for all."""

    def __init__(self, folder):
        self.server, self.database = Postgres(folder), None

    def start(self):
        self.server.start()
        self.database = self.server.create("matrix")

    def stop(self):
        self.server.stop()


def stores(folder):
    return [
        in_file("faiss", ".index"), in_file("jsonl", ".jsonl"), in_file("csv", ".csv"), Store("mcp-memory", None, sample=memories), in_file("npy", ".npy"),
        in_file("vdf", "", "#docs"), in_file("parquet", ".parquet"), in_file("qdrant-local", "", "#docs"), in_file("chroma-local", "", "#docs"), in_file("sqlite-vec", ".db", "#docs"),
        served("postgresql", Database(folder / "postgresql"), lambda server, name: server.database.uri(name)),
        served("chroma", Launched("chroma", folder / "chroma"), lambda server, name: f"chroma://127.0.0.1:{server.port}#{name}"),
        served("milvus", Launched("milvus", folder / "milvus", "--engine", "double"), lambda server, name: f"milvus://127.0.0.1:{server.port}#{name}"),
        served("weaviate", Launched(weaviate(), folder / "weaviate"), lambda server, name: f"weaviate://127.0.0.1:{server.port}?grpc-port={server.state['grpc_port']}#{name}"),
        served("pinecone", Launched("pinecone", folder / "pinecone"), lambda server, name: f"pinecone:{name.lower()}?control=http%3A%2F%2F127.0.0.1%3A{server.port}"),
        served("qdrant", Double(folder / "qdrant"), lambda server, name: f"qdrant://127.0.0.1:{server.port}#{name}"),
    ]
