"""What the vendors' own packages see: sqlite-vec reads and writes the source, qdrant-client the target. And files as they lie on disk."""
import hashlib
import math
import os
import pathlib
import pickle
import signal
import sqlite3
import struct
import subprocess
import sys
import warnings

import pysqlite3
import sqlite_vec

warnings.simplefilter("ignore")


def open_vec(path):
    """A connection with sqlite-vec loaded; text that is not UTF-8 keeps its bytes as surrogates."""
    db = pysqlite3.connect(str(path), isolation_level=None, timeout=30)
    db.enable_load_extension(True)
    sqlite_vec.load(db)
    db.enable_load_extension(False)
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return db


def drop_triggers(db):
    """The full-text index of the service would take part in every change."""
    for name, in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f'DROP TRIGGER "{name}"')


def add_memory(db, text, vector, **columns):
    """A memory as the service stores one; `vector` is a list, bytes, or None for none. Returns its hash."""
    content_hash = columns.pop("content_hash", hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest())
    values = {"content_hash": content_hash, "content": text, "tags": "made", "memory_type": "note", "metadata": "{}", "created_at": 1700000000.5,
              "updated_at": 1700000001.5, "created_at_iso": "2023-11-14T22:13:20.500000Z", "updated_at_iso": "2023-11-14T22:13:21.500000Z", **columns}
    row = db.execute(f"INSERT INTO memories({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", list(values.values())).lastrowid
    if vector is not None:
        raw = vector if isinstance(vector, bytes) else struct.pack(f"<{len(vector)}f", *vector)
        db.execute("INSERT INTO memory_embeddings(rowid, content_embedding, store) VALUES (?, ?, 'default')", (row, raw))
    return content_hash


def client_of(folder):
    from qdrant_client import QdrantClient
    assert os.path.exists(os.path.join(folder, "meta.json")), f"{folder} is no local directory of qdrant-client"
    return QdrantClient(path=str(folder))


def records(folder, collection="memories", bookkeeping=False):
    """Every point as qdrant-client reads it: id -> (payload, vector). The service's own note, point 1, is left out unless asked for."""
    client = client_of(folder)
    try:
        found, offset = {}, None
        while True:
            page, offset = client.scroll(collection, limit=1000, offset=offset, with_payload=True, with_vectors=True)
            for point in page:
                if bookkeeping or point.id != 1 or "content_hash" in (point.payload or {}):
                    found[point.id] = (point.payload, point.vector)
            if offset is None:
                break
        assert client.count(collection).count == len(found) or not bookkeeping
        return found
    finally:
        client.close()


def by_hash(folder, collection="memories"):
    return {payload["content_hash"]: (payload, vector) for payload, vector in records(folder, collection).values()}


def name_in_uri(name):
    return name.replace("%", "%25").replace("#", "%23").replace("?", "%3F")


def plain(value):
    """What a client gives, as values that compare by type: 1 is not 1.0, NaN is NaN, -0.0 is not 0.0."""
    if isinstance(value, dict):
        return {key: plain(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(x) for x in value]
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else struct.pack("<d", value))
    if hasattr(value, "indices"):
        return {"sparse": sorted(zip(value.indices, value.values))}
    return (type(value).__name__, str(value))


def single(vector, form="<f"):
    """Elements as the client computes with them: single precision, or half where the vector is declared so."""
    if isinstance(vector, dict):
        return {name: single(v, "<e" if name == "half" else form) for name, v in vector.items()}
    if isinstance(vector, list):
        return [single(x, form) for x in vector]
    return struct.pack(form, vector) if isinstance(vector, (int, float)) else plain(vector)


def by_point(folder, collection):
    client = client_of(folder)
    try:
        page, _ = client.scroll(collection, limit=10000, with_payload=True, with_vectors=True)
        return {str(p.id).lower().replace("-", ""): (plain(p.payload or {}), single(p.vector)) for p in page}
    finally:
        client.close()


def collections(folder):
    if not os.path.exists(os.path.join(folder, "meta.json")):
        return set()
    client = client_of(folder)
    try:
        return {c.name for c in client.get_collections().collections}
    finally:
        client.close()


def storage(folder, collection="memories"):
    return pathlib.Path(folder) / "collection" / collection / "storage.sqlite"


def stored(folder, collection="memories"):
    """Point id -> the pickled point as it lies in the file, before the client normalises anything."""
    with sqlite3.connect(storage(folder, collection)) as db:
        points = [pickle.loads(blob) for blob, in db.execute("SELECT point FROM points")]
    return {point.id: point for point in points}


def rows(folder, collection="memories"):
    with sqlite3.connect(storage(folder, collection)) as db:
        return dict(db.execute("SELECT id, point FROM points"))


def point_id(content_hash):
    """The service's own rule: the first 32 digits of the hash."""
    digits = content_hash[:32].lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def f32(values):
    return struct.pack(f"<{len(values)}f", *values)


def same_direction(source, found):
    """As a Cosine collection compares: the client may give the vector as it was stored or at unit length."""
    def unit(vector):
        length = math.sqrt(sum(x * x for x in vector)) or 1.0
        return [x / length for x in vector]
    return len(source) == len(found) and all(abs(a - b) < 1e-6 for a, b in zip(unit(source), unit(found)))


def tree(*folders):
    """Every file and folder with a hash of its content. SQLite's -shm, and a -wal that holds nothing, stand beside any database that is read."""
    told = {}
    for folder in map(pathlib.Path, folders):
        told[str(folder)] = "folder" if folder.exists() else "nothing"
        for path in folder.rglob("*"):
            if path.is_dir():
                told[str(path)] = "folder"
            elif not path.name.endswith("-shm") and (path.stat().st_size or not path.name.endswith("-wal")):
                told[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return told


class Other:
    """Another process, running a piece of Python until the test is through with it. It says "ready" when it has begun."""

    def __init__(self, code, *args):
        self.code, self.args = code, args

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", self.code, *map(str, self.args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().strip() == "ready"
        return self

    @property
    def pid(self):
        return self.process.pid

    def end(self):
        """Asks it to end by closing its input; returns what else it said."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        said = self.process.stdout.read()
        assert self.process.wait(30) == 0
        return said

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
