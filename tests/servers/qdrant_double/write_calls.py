"""The calls of the Points service that write."""
import random

from . import config, filters, ids, payloads, vectors
from .errors import invalid, not_found, wrong_input
from .state import Point
from .vendor import pb

UpdateStatus = pb.UpdateStatus


def _answer(server, collection, request):
    """wait=true is answered when the write is applied; false and absent, when it is logged."""
    status = UpdateStatus.Completed if request.wait else UpdateStatus.Acknowledged
    result = pb.UpdateResult(operation_id=collection.next_operation(), status=status)
    server.touched(collection)
    return pb.PointsOperationResponse(result=result, usage=pb.Usage())


def _check_ordering(request):
    if request.HasField("ordering") and not 0 <= request.ordering.type <= 2:
        raise invalid(f"cannot convert ordering: {request.ordering.type}")


# ---- upsert

def _decoded(server, request):
    """[(key, encoded payload, name -> vector)]. Refuses what a server refuses before it logs anything."""
    oneof = server.version >= vectors.ONEOF_SINCE
    found = []
    for index, point in enumerate(request.points):
        if not point.HasField("id"):
            raise invalid("Empty ID is not allowed")
        if not point.HasField("vectors"):
            raise invalid("Expected some vectors")
        found.append((ids.parse(point.id), payloads.encode(point.payload), vectors.decode_all(point.vectors, oneof, index)))
    return found


def _applied_order(shard, batch, seed):
    """Existing ids first, then the new ones in an arbitrary order; the last of several equal ids wins."""
    last = {entry[0]: entry for entry in batch}
    existing = [entry for key, entry in last.items() if key in shard.points]
    new = [entry for key, entry in last.items() if key not in shard.points]
    random.Random(seed).shuffle(new)
    return existing + new


def upsert(server, request):
    """A batch is not atomic: names and kinds of vectors that the collection lacks are found half-way, and not reported without wait."""
    collection = server.store.get(request.collection_name)
    _check_ordering(request)
    if not request.points:
        raise invalid("Bad request: Empty update request")
    batch = _decoded(server, request)
    for _, _, named in batch:
        vectors.check_sizes(collection.specs, named)
    shards = collection.shards_for(request, writing=True)
    collection.limits.writing(collection, request, len(batch), sum(len(entry[1]) for entry in batch))
    matches = filters.predicate(request.update_filter, server.version) if request.HasField("update_filter") else None
    wrong = next(filter(None, (vectors.mismatch(collection.specs, named) for _, _, named in batch)), None)
    oneof = server.version >= vectors.ONEOF_SINCE
    for shard in shards:
        ordered = _applied_order(shard, batch, collection.operation) if wrong else batch
        for key, payload, named in ordered:
            if wrong and vectors.mismatch(collection.specs, named):
                break
            if _skipped(request, shard.points.get(key), matches):
                continue
            encoded = {name: vectors.encode(collection.specs[name], *given, oneof) for name, given in named.items()}
            shard.put(Point(key, payload, encoded))
    answer = _answer(server, collection, request)
    if wrong and request.wait:
        raise wrong_input(wrong, applied=True)
    return answer


def _skipped(request, existing, matches):
    if existing is None:
        return request.update_mode == pb.UpdateMode.UpdateOnly
    return request.update_mode == pb.UpdateMode.InsertOnly or (matches is not None and not matches(existing))


def update_vectors(server, request):
    """Other vectors of the point stay. A missing id is reported after the rest was applied."""
    collection = server.store.get(request.collection_name)
    _check_ordering(request)
    oneof = server.version >= vectors.ONEOF_SINCE
    batch = [(ids.parse(entry.id), vectors.decode_all(entry.vectors, oneof, index)) for index, entry in enumerate(request.points)]
    for _, named in batch:
        vectors.check_sizes(collection.specs, named)
        wrong = vectors.mismatch(collection.specs, named)
        if wrong:
            raise wrong_input(wrong)
    collection.limits.writing(collection, request, len(batch))
    missing = None
    for shard in collection.shards_for(request, writing=True):
        for key, named in batch:
            point = shard.points.get(key)
            if point is None:
                missing = key if missing is None else missing
                continue
            point.vectors.update({name: vectors.encode(collection.specs[name], *given, oneof) for name, given in named.items()})
    answer = _answer(server, collection, request)
    if missing is not None:
        raise not_found(f"No point with id {missing} found", applied=True)
    return answer


# ---- points by selector

def _selected(server, collection, shards, selector):
    """([(shard, point)], first missing id or None)."""
    if selector.WhichOneof("points_selector_one_of") == "filter":
        matches = filters.predicate(selector.filter, server.version)
        return [(shard, point) for shard in shards for point in shard.points.values() if matches is None or matches(point)], None
    found, missing = [], None
    for key in ids.parse_all(selector.points.ids):
        holders = [(shard, shard.points[key]) for shard in shards if key in shard.points]
        if not holders and missing is None:
            missing = key
        found.extend(holders)
    return found, missing


def _select(server, request, selector, absent):
    collection = server.store.get(request.collection_name)
    _check_ordering(request)
    if selector is None or selector.WhichOneof("points_selector_one_of") is None:
        raise invalid(absent)
    shards = collection.shards_for(request, writing=True)
    by_filter = selector.filter if selector.HasField("filter") else None
    collection.limits.writing(collection, request, len(selector.points.ids), selector=by_filter)
    return collection, *_selected(server, collection, shards, selector)


def delete(server, request):
    """Missing ids are no error, and an empty filter is every point."""
    selector = request.points if request.HasField("points") else None
    collection, found, _ = _select(server, request, selector, "PointSelector is missing")
    for shard, point in found:
        shard.remove(point.key)
    return _answer(server, collection, request)


def _change_payload(server, request, selector, change, missing_is_error=True):
    collection, found, missing = _select(server, request, selector, "points_selector is expected")
    for _, point in found:
        point.payload = change(point.payload)
    answer = _answer(server, collection, request)
    if missing is not None and missing_is_error:
        raise not_found(f"No point with id {missing} found", applied=True)
    return answer


def _selector_of(request):
    return request.points_selector if request.HasField("points_selector") else None


def set_payload(server, request):
    payloads.encode(request.payload)
    key = request.key if request.HasField("key") else None
    return _change_payload(server, request, _selector_of(request), lambda old: payloads.merge(old, request.payload, key))


def overwrite_payload(server, request):
    encoded = payloads.encode(request.payload)
    if request.HasField("key"):
        return set_payload(server, request)
    return _change_payload(server, request, _selector_of(request), lambda old: encoded)


def delete_payload(server, request):
    return _change_payload(server, request, _selector_of(request), lambda old: payloads.without(old, request.keys))


def clear_payload(server, request):
    selector = request.points if request.HasField("points") else None
    return _change_payload(server, request, selector, lambda old: b"", missing_is_error=False)


# ---- payload indexes

def create_field_index(server, request):
    """The same index again is OK, another type on the same field replaces it."""
    collection = server.store.get(request.collection_name)
    config.drop_unknown(request, server.version)
    payloads.path(request.field_name)
    made = config.index_of(request)
    collection.limits.indexing(collection, request.field_name)
    collection.schema[request.field_name] = made
    return _answer(server, collection, request)


def delete_field_index(server, request):
    collection = server.store.get(request.collection_name)
    collection.schema.pop(request.field_name, None)
    return _answer(server, collection, request)
