"""One index: its namespaces as they are written, and as reads see them by now."""
import collections
import itertools
import time

from . import filters, records
from .errors import Refusal, invalid

MOST_UPSERT = 1000
MOST_IDS = 1000
DEFAULT = "__default__"


def namespace_of(name):
    """The default namespace has two names."""
    if name is not None and not isinstance(name, str):
        raise invalid("namespace must be a string")
    return "" if name in (None, DEFAULT) else name


class Namespace:
    def __init__(self):
        self.records, self._order = {}, None

    def put(self, record):
        if record.id not in self.records:
            self._order = None
        self.records[record.id] = record

    def drop(self, id):
        if self.records.pop(id, None):
            self._order = None

    def order(self):
        """Ids as the service lists them: by their bytes."""
        if self._order is None:
            self._order = sorted(self.records)
        return self._order


class Index:
    def __init__(self, name, dimension, metric, vector_type, spec, tags, ready_at, lag=0.0):
        self.name, self.dimension, self.metric, self.vector_type = name, dimension, metric, vector_type
        self.spec, self.tags, self.ready_at, self.lag = spec, tags, ready_at, lag
        self.deletion_protection, self.port, self.server = "disabled", 0, None
        self.written, self._seen = {}, {}
        self.lsn = self.indexed = 0
        self._pending = collections.deque()   # (when, lsn, act)

    @property
    def is_pod(self):
        return "pod" in self.spec

    # ---- writes: checked against what is written, seen after the lag

    def _apply(self, act):
        self.lsn += 1
        act(self.written)
        self._pending.append((time.monotonic() + self.lag, self.lsn, act))
        return self.lsn

    def namespaces(self):
        """What reads see now."""
        now = time.monotonic()
        while self._pending and self._pending[0][0] <= now:
            _, self.indexed, act = self._pending.popleft()
            act(self._seen)
        return self._seen

    def namespace(self, name):
        return self.namespaces().get(namespace_of(name)) or Namespace()

    def upsert(self, body):
        vectors = body.get("vectors")
        if not isinstance(vectors, list) or not vectors:
            raise invalid("vectors must not be empty")
        if len(vectors) > MOST_UPSERT:
            raise invalid(f"Vector batch size {len(vectors)} exceeds the limit of {MOST_UPSERT}")
        name, made = namespace_of(body.get("namespace")), [records.make(vector, self) for vector in vectors]
        if len({record.id for record in made}) != len(made):
            made = list({record.id: record for record in made}.values())

        def act(spaces):
            space = spaces.setdefault(name, Namespace())
            for record in made:
                space.put(record)
        return {"upsertedCount": len(made)}, self._apply(act)

    def update(self, body):
        id, name = records.check_id(body.get("id")), namespace_of(body.get("namespace"))
        old = self.written.get(name, Namespace()).records.get(id)
        if old is None:
            raise Refusal(404, 5, f"Vector '{id}' not found")
        values = records.check_dense(body["values"], self) if body.get("values") else old.values
        sparse = records.check_sparse(body["sparseValues"], self) if body.get("sparseValues") else old.sparse
        record = records.Record(id, values, sparse, {**old.metadata, **records.check_metadata(body.get("setMetadata"))})
        return {}, self._apply(lambda spaces: spaces.setdefault(name, Namespace()).put(record))

    def delete(self, body):
        name = namespace_of(body.get("namespace"))
        if name not in self.written and name:
            raise Refusal(404, 5, "Namespace not found")
        space = self.written.get(name, Namespace())
        if body.get("deleteAll"):
            ids = None
        elif "filter" in body:
            ids = [record.id for record in space.records.values() if filters.holds(body["filter"], record.metadata)]
        else:
            ids = body.get("ids")
            if not isinstance(ids, list) or not ids or len(ids) > MOST_IDS:
                raise invalid(f"ids must hold 1 to {MOST_IDS} ids")

        def act(spaces):
            if ids is None:
                spaces.pop(name, None)
                return
            for id in ids:
                spaces.get(name, Namespace()).drop(id)
        return {}, self._apply(act)

    # ---- reads

    def fetch(self, ids, name):
        if not ids or len(ids) > MOST_IDS:
            raise invalid(f"ids must hold 1 to {MOST_IDS} ids")
        found = self.namespace(name).records
        return {"vectors": {id: records.shown(found[id]) for id in ids if id in found}, "namespace": namespace_of(name), "usage": {"readUnits": 1}}

    def list(self, name, prefix, limit, after):
        if self.is_pod:
            raise Refusal(501, 12, "List vectors is not supported for pod-based indexes")
        order = self.namespace(name).order()
        low = _after(order, after) if after is not None else 0
        fitting = (id for id in itertools.islice(order, low, None) if id.startswith(prefix))
        page = list(itertools.islice(fitting, limit + 1))
        return page[:limit], len(page) > limit

    def stats(self, body):
        spaces = {name: space for name, space in self.namespaces().items() if space.records}
        if body.get("filter"):
            raise invalid("Serverless and Starter indexes do not support describing index stats with metadata filtering")
        counts = {name: {"vectorCount": len(space.records)} for name, space in sorted(spaces.items())}
        out = {"namespaces": counts, "indexFullness": 0, "totalVectorCount": sum(c["vectorCount"] for c in counts.values()),
               "metric": self.metric, "vectorType": self.vector_type}
        if self.vector_type == "dense":
            out["dimension"] = self.dimension
        return out


def _after(order, id):
    import bisect
    return bisect.bisect_right(order, id)
