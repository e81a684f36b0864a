"""Search and Query: exact, by the distance functions of the vendor's local mode."""
import random

import numpy as np

from . import filters, ids, vectors, wire
from .errors import invalid, not_found, wrong_input
from .read_calls import Rows, check_order_by, order_values
from .state import points_in_order
from .vendor import local, models, pb

_DISTANCES = {pb.Distance.Cosine: "COSINE", pb.Distance.Euclid: "EUCLID", pb.Distance.Dot: "DOT", pb.Distance.Manhattan: "MANHATTAN"}


def _table(collection, name):
    """(key -> row, what the scoring takes) of one vector, kept until the collection changes."""
    if collection.scores.get("revision") != collection.revision:
        collection.scores = {"revision": collection.revision}
    if name not in collection.scores:
        held = [(shard.shard_id, point) for shard in collection.shards.values() for point in shard.points.values() if name in point.vectors]
        data = [vectors.components(point.vectors[name]) for _, point in held]
        if collection.specs[name].kind == "dense":
            data = np.array(data).reshape(len(data), collection.specs[name].size)
        collection.scores[name] = {(shard, point.key): row for row, (shard, point) in enumerate(held)}, data
    return collection.scores[name]


def _scores(spec, query, data):
    """(scores, whether larger is better)."""
    if spec.kind == "sparse":
        sparse = models().SparseVector
        rows = [sparse(indices=indices.tolist(), values=values.tolist()) for indices, values in data]
        return local("sparse_distances").calculate_distance_sparse(sparse(indices=query[0].tolist(), values=query[1].tolist()), rows), True
    distance = getattr(models().Distance, _DISTANCES[spec.distance])
    larger = local("distances").distance_to_order(distance) == local("distances").DistanceOrder.BIGGER_IS_BETTER
    if spec.kind == "multi":
        matrix = query if isinstance(query, list) else [query]
        return local("multi_distances").calculate_multi_distance(np.array(matrix), data, distance), larger
    return local("distances").calculate_distance(query, data, distance), larger


def _nearest(server, collection, request, name, query, limit, offset, exclude=None):
    spec = collection.specs[name]
    rows_of, data = _table(collection, name)
    if not len(data):
        return []
    scores, larger = _scores(spec, query, data)
    matches = filters.of(request, server.version)
    threshold = request.score_threshold if request.HasField("score_threshold") else None
    found = []
    for shard in collection.shards_for(request):
        for point in shard.points.values():
            row = rows_of.get((shard.shard_id, point.key))
            if row is None or point.key == exclude or np.isneginf(scores[row]) or (matches is not None and not matches(point)):
                continue
            if server.search_misses and not request.params.exact and row % server.search_misses == 0:
                continue
            score = float(scores[row])
            if threshold is None or (score >= threshold if larger else score <= threshold):
                found.append((score, shard, point))
    found.sort(key=lambda entry: (-entry[0] if larger else entry[0], ids.order(entry[2].key)))
    return found[offset:offset + limit]


def _encoded(collection, request, found):
    rows = Rows(collection, request, payload_by_default=False)
    parts = []
    for score, shard, point in found:
        payload, named = rows.parts(point)
        body = [wire.field(1, ids.encoded(point.key)), payload, wire.float_field(3, score)]
        if named is not None:
            body.append(_vectors_of_scored(named))
        if shard.shard_key is not None:
            body.append(b"\x3a" + wire.varint(shard.shard_key.ByteSize()) + shard.shard_key.SerializeToString())
        parts.append(wire.field(1, b"".join(body)))
    return b"".join(parts) + pb.QueryResponse(usage=pb.Usage()).SerializeToString()


def _vectors_of_scored(named):
    encoded = vectors.encode_all(named)  # field 4 of a RetrievedPoint, field 6 of a ScoredPoint
    return b"\x32" + encoded[1:]


def _check(collection, request, name, kind, data):
    if name not in collection.specs:
        raise wrong_input(f"Not existing vector name error: {name}")
    wrong = vectors.mismatch(collection.specs, {name: (kind, data)})
    if wrong:
        raise wrong_input(wrong)
    vectors.check_sizes(collection.specs, {name: (kind, data)})
    if kind == "dense" and np.isnan(data).any():
        raise invalid("Query vector must not contain NaN")


def search(server, request):
    collection = server.store.get(request.collection_name)
    collection.limits.reading(collection, request, request.limit)
    name = request.vector_name if request.HasField("vector_name") else ""
    data, kind = np.array(request.vector, np.float32), "dense"
    if request.HasField("sparse_indices"):
        kind, data = "sparse", (np.array(request.sparse_indices.data, np.uint32), data)
    _check(collection, request, name, kind, data)
    return _encoded(collection, request, _nearest(server, collection, request, name, data, request.limit, request.offset))


def query(server, request):
    """Nearest to a vector or to a point, a random sample, an order, or without a query the points by id."""
    collection = server.store.get(request.collection_name)
    limit = request.limit if request.HasField("limit") else 10
    collection.limits.reading(collection, request, limit)
    which = request.query.WhichOneof("variant") if request.HasField("query") else None
    if request.prefetch or which not in (None, "nearest", "sample", "order_by"):
        raise invalid(f"this double answers no {which or 'prefetch'} queries")
    if which == "nearest":
        return _query_nearest(server, collection, request, limit)
    matches = filters.of(request, server.version)
    found = [(0.0, shard, point) for shard, point in points_in_order(collection.shards_for(request)) if matches is None or matches(point)]
    if which == "sample":
        found = random.sample(found, min(limit, len(found)))
    elif which == "order_by":
        check_order_by(collection, request.query.order_by.key)
        found = [(0.0, *entry) for _, entry in order_values(request.query.order_by, [entry[1:] for entry in found])]
    return _encoded(collection, request, found[request.offset:request.offset + limit])


def _query_nearest(server, collection, request, limit):
    name = request.using if request.HasField("using") else ""
    if name not in collection.specs:
        raise wrong_input(f"Not existing vector name error: {name}")
    given, exclude = request.query.nearest, None
    which = given.WhichOneof("variant")
    if which == "id":
        exclude = ids.parse(given.id)
        holder = next((shard.points[exclude] for shard in collection.shards.values() if exclude in shard.points), None)
        if holder is None or name not in holder.vectors:
            raise not_found(f"No point with id {exclude} found")
        data, kind = vectors.components(holder.vectors[name]), collection.specs[name].kind
        data = list(data) if kind == "multi" else data
    elif which in ("dense", "sparse", "multi_dense"):
        kind, data = vectors.decode(pb.Vector(**{which: getattr(given, which)}), True, "query.nearest")
    else:
        raise invalid("InferenceService is not initialized. Please check if it was properly configured and initialized during startup.")
    _check(collection, request, name, kind, data)
    return _encoded(collection, request, _nearest(server, collection, request, name, data, limit, request.offset, exclude))
