#!/usr/bin/env python3
"""Makes the small valid databases that fuzz_sqlite_vec damages: fuzz/corpus/sqlite_vec_images/*.image. Needs sqlite-vec and
pysqlite3 (the project's .venv). The images are checked in; run it again only to change them."""
import os
import struct
import sys

import pysqlite3 as sqlite3
import sqlite_vec

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sqlite_vec_images")


def f32(*values):
    return struct.pack(f"<{len(values)}f", *values)


def make(name, fill):
    path = os.path.join(OUT, name + ".image")
    if os.path.exists(path):
        os.unlink(path)
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    sqlite_vec.load(db)
    db.execute("PRAGMA page_size=512")
    fill(db)
    db.execute("VACUUM")
    db.close()


def tables(db):
    db.execute("CREATE VIRTUAL TABLE a USING vec0(emb float[4], chunk_size=8)")
    for i in range(1, 20):
        db.execute("INSERT INTO a(rowid, emb) VALUES (?, ?)", (i * 3, f32(i, i, i, -i)))
    db.execute("DELETE FROM a WHERE rowid IN (6, 33)")
    db.execute("CREATE VIRTUAL TABLE b USING vec0(id text primary key, p text partition key, x int8[8], y bit[16], +note text, +raw blob,"
               " g text, n integer, r float, f boolean, chunk_size=8)")
    for i in range(14):
        db.execute("INSERT INTO b(id, p, x, y, note, raw, g, n, r, f) VALUES (?, ?, vec_int8(?), vec_bit(?), ?, ?, ?, ?, ?, ?)",
                   (f"k{i}", "pq"[i % 2], bytes(range(i, i + 8)), bytes([i, 255 - i]), None if i % 3 else f"note {i}", bytes([i] * i), "g" * (i + 6), -i, i / 3, i % 2))


def memories(db):
    db.execute("CREATE TABLE memories(id INTEGER PRIMARY KEY AUTOINCREMENT, content_hash TEXT UNIQUE NOT NULL, content TEXT NOT NULL, tags TEXT, memory_type TEXT,"
               " metadata TEXT, created_at REAL, updated_at REAL, created_at_iso TEXT, updated_at_iso TEXT, deleted_at REAL DEFAULT NULL, store TEXT DEFAULT 'default')")
    db.execute("CREATE TABLE metadata(key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    db.execute("INSERT INTO metadata VALUES ('schema_version', '19')")
    db.execute("CREATE TABLE tags(id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL)")
    db.execute("CREATE TABLE memory_tags(memory_id INTEGER, tag_id INTEGER, PRIMARY KEY(memory_id, tag_id))")
    db.execute("INSERT INTO tags VALUES (1, 'a,b'), (2, 'c')")
    db.execute("CREATE VIRTUAL TABLE memory_embeddings USING vec0(content_embedding FLOAT[4] distance_metric=cosine, store TEXT partition key, chunk_size=8)")
    for i in range(1, 13):
        db.execute("INSERT INTO memories(id, content_hash, content, tags, memory_type, metadata, created_at, updated_at, created_at_iso, updated_at_iso, deleted_at)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   (i, f"{i:064x}", f"content {i} " * i, "a,b,c", "note" if i % 2 else None, '{"k": {"n": [1, null, 2.5]}, "t": "\\u00e9"}' if i % 3 else "{}",
                    1700000000.25 + i, None if i == 5 else 1.5, "2023-11-14T22:13:20.250000Z", "2023-11-14T22:13:20Z", 1.0 if i == 7 else None))
        db.execute("INSERT INTO memory_tags VALUES (?, 1), (?, 2)", (i, i))
        if i not in (7, 9):
            db.execute("INSERT INTO memory_embeddings(rowid, content_embedding, store) VALUES (?, ?, 'default')", (i, f32(i, 0, 1, -1)))


os.makedirs(OUT, exist_ok=True)
make("tables", tables)
make("memories", memories)
sys.exit(0)
