"""Single mutations of a qdrant-client directory, made with Python's own sqlite3 and pickle on the vendor's models."""
import pickle
import random
import sqlite3


# The key of point 1, where the service keeps notes of its own: no record, and outside count and digest.
BOOKKEEPING = "gARLAS4="


class Mutator:
    """Each kind changes one thing in storage.sqlite and says whether the vendor's own reader would notice."""

    KINDS = ("bit", "type", "missing", "extra", "swapped", "text", "vector", "key")

    def __init__(self, storage, seed):
        self.storage = storage
        self.pick = random.Random(seed)

    def apply(self, kind):
        """Returns a description, or None where the change means nothing to the vendor's reader."""
        with sqlite3.connect(self.storage) as db:
            rows = db.execute("SELECT count(*) FROM points WHERE id <> ?", (BOOKKEEPING,)).fetchone()[0]
            row = self.pick.randrange(rows)
            key, blob = db.execute("SELECT id, point FROM points WHERE id <> ? LIMIT 1 OFFSET ?", (BOOKKEEPING, row)).fetchone()
            text = getattr(self, "_" + kind)(db, key, blob)
            db.commit()
            return text

    def _put(self, db, key, blob):
        db.execute("UPDATE points SET point = ? WHERE id = ?", (blob, key))

    def _bit(self, db, key, blob):
        at, bit = self.pick.randrange(len(blob)), self.pick.randrange(8)
        changed = bytearray(blob)
        changed[at] ^= 1 << bit
        try:
            if pickle.loads(bytes(changed)) == pickle.loads(blob):
                return None
        except Exception:
            pass
        self._put(db, key, bytes(changed))
        return f"bit {bit} of byte {at} of {key}"

    def _edit(self, db, key, blob, change):
        point = pickle.loads(blob)
        what = change(point)
        self._put(db, key, pickle.dumps(point, protocol=4))
        return f"{what} of {key}"

    def _type(self, db, key, blob):
        def change(point):
            point.payload["created_at"] = str(point.payload["created_at"])
            return "a number became text"
        return self._edit(db, key, blob, change)

    def _text(self, db, key, blob):
        def change(point):
            text = point.payload["content"]
            at = self.pick.randrange(len(text))
            point.payload["content"] = text[:at] + chr((ord(text[at]) ^ 1) or 65) + text[at + 1:]
            return f"character {at}"
        return self._edit(db, key, blob, change)

    def _vector(self, db, key, blob):
        def change(point):
            at = self.pick.randrange(len(point.vector))
            point.vector[at] = point.vector[at] * (1 + 2.0 ** -30) or 1e-30
            return f"the last bits of element {at}"
        return self._edit(db, key, blob, change)

    def _missing(self, db, key, blob):
        db.execute("DELETE FROM points WHERE id = ?", (key,))
        return f"{key} deleted"

    def _extra(self, db, key, blob):
        import base64
        import uuid
        point = pickle.loads(blob)
        point.id = str(uuid.UUID(int=self.pick.getrandbits(128)))
        point.payload["content_hash"] = point.id.replace("-", "") * 2
        db.execute("INSERT INTO points VALUES (?, ?)", (base64.b64encode(pickle.dumps(point.id, protocol=4)).decode(), pickle.dumps(point, protocol=4)))
        return f"{point.id} added"

    def _swapped(self, db, key, blob):
        other, other_blob = db.execute("SELECT id, point FROM points WHERE id NOT IN (?, ?) ORDER BY random() LIMIT 1", (key, BOOKKEEPING)).fetchone()
        self._put(db, key, other_blob)
        self._put(db, other, blob)
        return f"{key} and {other} swapped"

    def _key(self, db, key, blob):
        def change(point):
            point.payload["taqs"] = point.payload.pop("tags")
            return "a field was renamed"
        return self._edit(db, key, blob, change)
