"""A dataset for a store that is only read, its vectors kept by the vendor's own extension: samples.py KIND FILE."""
import hashlib
import json
import struct
import sys

import sqlite_vec
from pysqlite3 import dbapi2 as sqlite

ROWS = 200


def open_db(path):
    db = sqlite.connect(path)
    db.enable_load_extension(True)
    sqlite_vec.load(db)
    return db


def vector(i):
    return struct.pack("<4f", 1 + i % 5, 2, 0.5, i)


def make_mcp_memory(db):
    db.execute("CREATE TABLE memories(id INTEGER PRIMARY KEY AUTOINCREMENT, content_hash TEXT UNIQUE NOT NULL, content TEXT NOT NULL, tags TEXT, "
               "memory_type TEXT, metadata TEXT, created_at REAL, updated_at REAL, created_at_iso TEXT, updated_at_iso TEXT)")
    db.execute("CREATE TABLE metadata(key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    db.execute("INSERT INTO metadata VALUES ('distance_metric', 'cosine')")
    db.execute("CREATE VIRTUAL TABLE memory_embeddings USING vec0(content_embedding FLOAT[4] distance_metric=cosine)")
    for i in range(ROWS):
        content = f"Memory {i}"
        digest = hashlib.sha256(content.strip().lower().encode()).hexdigest()
        row = (i + 1, digest, content, "a,b" if i % 2 else "", "note" if i % 3 else None, json.dumps({"n": i}), 1700000000.25, 1700000100.5,
               "2023-11-14T22:13:20.250000Z", "2023-11-14T22:15:00.500000Z")
        db.execute("INSERT INTO memories VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        db.execute("INSERT INTO memory_embeddings(rowid, content_embedding) VALUES (?, ?)", (i + 1, vector(i)))


def main():
    kind, path = sys.argv[1:]
    db = open_db(path)
    {"mcp-memory": make_mcp_memory}[kind](db)
    db.commit()
    db.close()


if __name__ == "__main__":
    main()
