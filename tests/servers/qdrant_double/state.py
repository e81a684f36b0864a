"""Collections, shards and points."""
import bisect
import heapq
import itertools

from . import ids, vectors, wire
from .errors import no_collection, wrong_input


class Point:
    """`payload`: encoded entries; `vectors`: name -> encoded VectorOutput."""
    __slots__ = ("key", "payload", "vectors")

    def __init__(self, key, payload, named):
        self.key, self.payload, self.vectors = key, payload, named

    def encoded(self, payload, named, shard_key=None):
        """The bytes of a RetrievedPoint; a point without vectors still carries an empty `vectors{vectors{}}` when they are asked for."""
        parts = [wire.field(1, ids.encoded(self.key)), payload]
        if named is not None:
            parts.append(vectors.encode_all(named))
        if shard_key is not None:
            parts.append(wire.field(5, shard_key.SerializeToString()))
        return b"".join(parts)


class Shard:
    """Points by id, and the ids in the server's order: numbers ascending, then UUIDs."""

    def __init__(self, shard_id, shard_key=None):
        self.shard_id, self.shard_key = shard_id, shard_key
        self.points = {}
        self._order, self._added, self._stale = ([], []), [], False

    def put(self, point):
        if point.key not in self.points:
            self._added.append(point.key)
        self.points[point.key] = point

    def remove(self, key):
        if self.points.pop(key, None) is not None:
            self._stale = True

    def ordered(self):
        """(numbers, uuids), both ascending."""
        if self._stale:
            self._order, self._added = ([], []), list(self.points)
        if self._added:
            for key in self._added:
                self._order[0 if isinstance(key, int) else 1].append(key)
            for part in self._order:  # two sorted runs merge in linear time
                part.sort()
        self._added, self._stale = [], False
        return self._order

    def keys_from(self, start=None):
        """Ids in order, from the first that is not before `start`; that id need not exist."""
        numbers, uuids = self.ordered()
        if start is None:
            return itertools.chain(numbers, uuids)
        if isinstance(start, int):
            return itertools.chain(itertools.islice(numbers, bisect.bisect_left(numbers, start), None), uuids)
        return itertools.islice(uuids, bisect.bisect_left(uuids, start), None)


def shard_name(key):
    """A hashable form of a ShardKey message."""
    return key.keyword if key.WhichOneof("key") == "keyword" else key.number


class Collection:
    def __init__(self, name, config, optimizer, limits):
        self.name, self.config, self.optimizer, self.limits = name, config, optimizer, limits
        self.schema = {}
        self.shards = {} if self.custom else {None: Shard(0)}
        self.specs = vectors.specs_of(config.params)
        self.operation = 0
        self.revision = 0
        self.scores = {}

    @property
    def custom(self):
        return self.config.params.sharding_method == 1

    @property
    def count(self):
        return sum(len(shard.points) for shard in self.shards.values())

    def next_operation(self):
        """Grows with every logged operation; one that fails while it is applied consumes a number too."""
        self.revision += 1
        self.operation += 1
        return self.operation - 1

    def shards_for(self, request, writing=False):
        """The shards that a request's selector names; all of them for a reader that names none."""
        keys = list(request.shard_key_selector.shard_keys) if request.HasField("shard_key_selector") else []
        if not keys:
            if self.custom and writing:
                raise wrong_input("Shard key not specified")
            return list(self.shards.values())
        found = []
        for key in keys:
            shard = None if not self.custom else self.shards.get(shard_name(key))
            if shard is None:
                text = f'"{key.keyword}"' if key.WhichOneof("key") == "keyword" else key.number
                raise wrong_input(f"Shard key {text} not found")
            found.append(shard)
        return found


def _run(shard, at, start):
    return ((ids.order(key), at) for key in shard.keys_from(start))


def points_in_order(shards, start=None):
    """(shard, point) by id; an id that several shards hold comes once."""
    if len(shards) == 1:
        points = shards[0].points
        return ((shards[0], points[key]) for key in shards[0].keys_from(start))
    runs = [_run(shard, at, start) for at, shard in enumerate(shards)]
    merged = heapq.merge(*runs)
    firsts = (next(group) for _, group in itertools.groupby(merged, key=lambda entry: entry[0]))
    return ((shards[at], shards[at].points[order[1]]) for order, at in firsts)


class Store:
    def __init__(self):
        self.collections, self.aliases = {}, {}

    def find(self, name):
        """A collection by its name or an alias of it, or None."""
        return self.collections.get(name) or self.collections.get(self.aliases.get(name))

    def get(self, name):
        found = self.find(name)
        if found is None:
            raise no_collection(name)
        return found
