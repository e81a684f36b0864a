"""The server behind the sockets: one call after the other, from bytes to bytes."""
import contextlib
import hmac
import json
import threading

from google.protobuf.message import DecodeError

from . import payloads
from .errors import Code, Refused, unimplemented
from .faults import Faults
from .log import Log
from .methods import METHODS
from .state import Store
from .stats import Stats

_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
_INDEXED = "index finished"


class Server:
    def __init__(self, options, keys, die):
        """keys: (full access, read only), each None where there is none. die: ends the process at once."""
        self.options, self._keys = options, keys
        self.version = tuple(int(part) for part in options.version.split(".")[:2])
        self.index_seconds = options.index_seconds
        self.search_misses = options.search_misses
        self.store, self.lock, self.replaying = Store(), threading.Lock(), False
        self.stats = Stats(options.dir / "stats.json")
        self._faults = Faults(options.dir / "faults.json", die)
        self._log = Log(options.dir / "log")

    # ---- start

    def replay(self):
        self.replaying = True
        for name, body in self._log.replay():
            if name == _INDEXED:
                self._replay_index(json.loads(body))
                continue
            with contextlib.suppress(Refused):  # one that failed half-way fails half-way again
                METHODS[name].call(self, METHODS[name].request.FromString(body))
        self.replaying = False
        for collection in self.store.collections.values():
            collection.limits.replaying = False
            collection.optimizer.sleep(collection)

    def touched(self, collection):
        """An update came: it wakes the optimizer, and may be what it has work from."""
        if not self.replaying:
            collection.optimizer.wake()
            self.look(collection)

    def look(self, collection):
        """(status, indexed vectors). An index that was finished meanwhile outlives the process."""
        status, indexed, finished = collection.optimizer.look(collection)
        if finished:
            self._log.append(_INDEXED, json.dumps({"collection": collection.name}).encode())
        return status, indexed

    def _replay_index(self, note):
        collection = self.store.collections.get(note["collection"])
        if collection:
            collection.optimizer.finish(collection)

    # ---- calls

    def answer(self, name, raw, metadata):
        """The bytes of the answer, or Refused."""
        if name == _HEALTH:
            return _SERVING
        method = METHODS.get(name)
        if method is None or self.version < method.since:
            raise unimplemented()
        if not method.open:
            self.authorise(metadata, method.writes)
        strike = self._faults.strike(name)
        try:
            request = method.request.FromString(raw)
        except DecodeError:
            raise Refused(Code.INTERNAL, f"failed to decode Protobuf message: {method.request.DESCRIPTOR.name}: invalid wire type") from None
        self._faults.before(strike, method, request, len(raw))
        if name == "/qdrant.Points/Upsert":
            self.stats.batch(len(request.points))
        with self.lock:
            answer = self._apply(name, method, request, raw)
        encoded = answer if isinstance(answer, bytes) else answer.SerializeToString()
        return self._faults.after(strike, method, encoded)

    def _apply(self, name, method, request, raw):
        try:
            answer = method.call(self, request)
        except Refused as refused:
            if method.writes and refused.applied:
                self._log.append(name, raw)
            raise
        if method.writes:
            self._log.append(name, raw)
        return answer

    def authorise(self, metadata, writes):
        full, read_only = self._keys
        if full is None and read_only is None:
            return
        given = metadata.get("api-key")
        if given is None and metadata.get("authorization", "").startswith("Bearer "):
            given = metadata["authorization"][len("Bearer "):]
        if given is None:
            raise Refused(Code.UNAUTHENTICATED, "Must provide an API key or an Authorization bearer token")
        if full is not None and hmac.compare_digest(given.encode(), full.encode()):
            return
        if read_only is None or not hmac.compare_digest(given.encode(), read_only.encode()):
            raise Refused(Code.UNAUTHENTICATED, "Invalid API key or JWT")
        if writes:
            raise Refused(Code.PERMISSION_DENIED, "Forbidden: Global manage access is required")

    def points_holding(self, collection, field):
        return sum(payloads.holds(point.payload, field) for shard in collection.shards.values() for point in shard.points.values())
