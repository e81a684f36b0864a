"""The calls of the Points service that read points as they are: Scroll, Get, Count."""
import itertools

from . import filters, ids, payloads, wire
from .errors import invalid, validation, wrong_input
from .state import points_in_order
from .vendor import local, pb

_ALL = pb.WithPayloadSelector(enable=True)
_NONE = pb.WithPayloadSelector(enable=False)
_NO_VECTORS = pb.WithVectorsSelector(enable=False)
_RANGES = {pb.PayloadSchemaType.Integer, pb.PayloadSchemaType.Float, pb.PayloadSchemaType.Datetime, pb.PayloadSchemaType.Uuid}


class Rows:
    """Writes points as a request's selectors ask for them."""

    def __init__(self, collection, request, payload_by_default):
        self._payload = request.with_payload if request.HasField("with_payload") else _ALL if payload_by_default else _NONE
        self._vectors = request.with_vectors if request.HasField("with_vectors") else _NO_VECTORS
        self._whole = self._payload.WhichOneof("selector_options") == "enable" and self._payload.enable
        self._included = set(self._vectors.include.names) if self._vectors.WhichOneof("selector_options") == "include" else None
        for name in sorted(self._included or ()):
            if name not in collection.specs:
                raise wrong_input(f"Not existing vector name error: {name}")

    def parts(self, point):
        """(encoded payload, name -> vector or None where none are asked for)."""
        payload = point.payload if self._whole else payloads.selected(point.payload, self._payload)
        if self._included is not None:
            return payload, {name: body for name, body in point.vectors.items() if name in self._included}
        return payload, point.vectors if self._vectors.enable else None

    def encoded(self, shard, point):
        return point.encoded(*self.parts(point), shard.shard_key)


def scroll(server, request):
    """By id from `offset`, which is inclusive and need not exist; `next_page_offset` is the first id of the next page."""
    collection = server.store.get(request.collection_name)
    limit = request.limit if request.HasField("limit") else 10
    if limit == 0:
        raise validation("limit: value 0 invalid, must be 1 or larger")
    start = ids.parse(request.offset) if request.HasField("offset") else None
    rows = Rows(collection, request, payload_by_default=True)
    collection.limits.reading(collection, request, limit)
    matches = filters.of(request, server.version)
    shards = collection.shards_for(request)
    if request.HasField("order_by"):
        return _ordered(collection, request, shards, matches, rows, limit)
    found = points_in_order(shards, start)
    if matches is not None:
        found = (entry for entry in found if matches(entry[1]))
    page = list(itertools.islice(found, limit + 1))
    parts = [wire.field(2, rows.encoded(shard, point)) for shard, point in page[:limit]]
    if len(page) > limit:
        parts.insert(0, wire.field(1, ids.encoded(page[limit][1].key)))
    return b"".join(parts) + pb.ScrollResponse(time=1e-4, usage=pb.Usage()).SerializeToString()


def order_values(order_by, found):
    """[(value, entry)] in the order asked for; points without a value are left out."""
    to_value, by_key = local("order_by").to_order_value, local("payload_value_extractor").value_by_key
    down = order_by.direction == pb.Direction.Desc
    start = _start_from(order_by)
    values = []
    for entry in found:
        for value in by_key(payloads.as_json(entry[1].payload), order_by.key) or ():
            value = to_value(value)
            if value is not None and (start is None or (value <= start if down else value >= start)):
                values.append((value, entry))
    return sorted(values, key=lambda pair: pair[0], reverse=down)


def _start_from(order_by):
    if not order_by.HasField("start_from"):
        return None
    which = order_by.start_from.WhichOneof("value")
    value = getattr(order_by.start_from, which)
    return local("order_by").to_order_value(value.ToDatetime() if which == "timestamp" else value)


def check_order_by(collection, key):
    schema = collection.schema.get(key)
    if schema is None or schema.data_type not in _RANGES or (
            schema.params.HasField("integer_index_params") and not schema.params.integer_index_params.range):
        raise wrong_input(f"No range index for `order_by` key: `{key}`. Please create one to use `order_by`. Check "
                          "https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas support Range conditions")


def _ordered(collection, request, shards, matches, rows, limit):
    """No next page is ever named."""
    if request.HasField("offset"):
        raise invalid("Bad request: Cannot use an `offset` when using `order_by`. The alternative for paging is to use `order_by.start_from`")
    check_order_by(collection, request.order_by.key)
    found = [entry for entry in points_in_order(shards) if matches is None or matches(entry[1])]
    parts = []
    for value, (shard, point) in order_values(request.order_by, found)[:limit]:
        order = pb.OrderValue(int=value) if isinstance(value, int) else pb.OrderValue(float=value)
        parts.append(wire.field(2, rows.encoded(shard, point) + wire.field(6, order.SerializeToString())))
    return b"".join(parts) + pb.ScrollResponse(time=1e-4, usage=pb.Usage()).SerializeToString()


def get(server, request):
    """In the order of the request; missing ids are skipped, repeated ones come once."""
    collection = server.store.get(request.collection_name)
    rows = Rows(collection, request, payload_by_default=False)
    collection.limits.reading(collection, request)
    shards = collection.shards_for(request)
    parts = []
    for key in dict.fromkeys(ids.parse_all(request.ids)):
        holder = next((shard for shard in shards if key in shard.points), None)
        if holder is not None:
            parts.append(wire.field(1, rows.encoded(holder, holder.points[key])))
    return b"".join(parts) + pb.GetResponse(time=1e-4, usage=pb.Usage()).SerializeToString()


def count(server, request):
    collection = server.store.get(request.collection_name)
    collection.limits.reading(collection, request)
    matches = filters.of(request, server.version)
    shards = collection.shards_for(request)
    if matches is None:
        found = sum(len(shard.points) for shard in shards)
    else:
        found = sum(matches(point) for shard in shards for point in shard.points.values())
    return pb.CountResponse(result=pb.CountResult(count=found), usage=pb.Usage())
