"""What a run did to the server: calls per method, sizes of batches, bytes, concurrency, and the compression that clients offered."""
import collections
import json
import os
import threading


class Stats:
    def __init__(self, path):
        self._path, self._lock = path, threading.Lock()
        self._calls, self._refused = collections.Counter(), collections.Counter()
        self._batches, self._encodings = collections.Counter(), collections.Counter()
        self._received = self._sent = self._concurrent = self._most = self._points = 0

    def begin(self, name, size):
        with self._lock:
            self._calls[name] += 1
            self._received += size
            self._concurrent += 1
            self._most = max(self._most, self._concurrent)

    def end(self, sent=0, refused=None):
        with self._lock:
            self._concurrent -= 1
            self._sent += sent
            if refused is not None:
                self._refused[refused] += 1

    def batch(self, points):
        with self._lock:
            self._batches[points] += 1
            self._points += points

    def offered(self, encoding):
        with self._lock:
            self._encodings[encoding] += 1

    def as_dict(self):
        with self._lock:
            return {"calls": dict(self._calls), "refused": dict(self._refused), "points_per_upsert": {str(k): n for k, n in sorted(self._batches.items())},
                    "points_upserted": self._points, "bytes_received": self._received, "bytes_sent": self._sent,
                    "max_concurrent": self._most, "accept_encoding": dict(self._encodings)}

    def write(self):
        partial = f"{self._path}.{threading.get_ident()}"
        with open(partial, "w") as file:
            json.dump(self.as_dict(), file, indent=1)
        os.replace(partial, self._path)
