"""Strict mode and rate limits of a collection. Nothing here is asked while the log is replayed."""
import math
import time

import numpy as np

from .errors import Code, Refused, bad_request

_PAYLOAD_CHECK_EVERY = 30  # a server measures its storage late: some points over the limit still get in


def _over(given, allowed, name):
    if given > allowed:
        raise bad_request(f'Limit exceeded {given} > {allowed} for "{name}". Help: Reduce the "{name}" parameter to or below {allowed}.')


class _Bucket:
    """Tokens refilled per minute."""

    def __init__(self, clock):
        self._clock, self._limit, self._tokens, self._at = clock, 0, 0.0, 0.0

    def take(self, limit, cost, kind):
        now = self._clock()
        if limit != self._limit:
            self._limit, self._tokens = limit, float(limit)
        else:
            self._tokens = min(limit, self._tokens + (now - self._at) * limit / 60)
        self._at = now
        prefix = f"Rate limiting exceeded: {kind} rate limit exceeded: "
        if cost > limit:  # waiting cannot help, and no retry-after is sent
            raise Refused(Code.RESOURCE_EXHAUSTED, prefix + "request larger than rate limiter capacity, please try to split your request")
        if cost > self._tokens:
            wait = math.ceil((cost - self._tokens) * 60 / limit)
            text = f"Operation requires {cost} tokens but only {self._tokens:.1f} were available. Retry after {wait}s"
            raise Refused(Code.RESOURCE_EXHAUSTED, prefix + text, trailers=[("retry-after", str(wait))])
        self._tokens -= cost


class Limits:
    def __init__(self, clock=time.monotonic):
        self._read, self._write = _Bucket(clock), _Bucket(clock)
        self._payload_bytes, self._unmeasured = 0, _PAYLOAD_CHECK_EVERY
        self.replaying = False

    def _strict(self, collection):
        strict = collection.config.strict_mode_config
        return strict if strict.enabled and not self.replaying else None

    def _timeout(self, strict, request):
        if strict.HasField("max_timeout") and request.HasField("timeout"):
            _over(request.timeout, strict.max_timeout, "timeout")

    def reading(self, collection, request, limit=None):
        """A read costs one token, whatever its limit."""
        strict = self._strict(collection)
        if not strict:
            return
        self._timeout(strict, request)
        if strict.HasField("max_query_limit") and limit is not None:
            _over(limit, strict.max_query_limit, "limit")
        self._filter(collection, strict, request.filter if "filter" in request.DESCRIPTOR.fields_by_name else None,
                     strict.HasField("unindexed_filtering_retrieve") and not strict.unindexed_filtering_retrieve)
        if strict.HasField("read_rate_limit"):
            self._read.take(strict.read_rate_limit, 1, "Read")

    def writing(self, collection, request, points=1, payload_bytes=0, selector=None):
        """A write costs as many tokens as it has points."""
        strict = self._strict(collection)
        if not strict:
            return
        self._timeout(strict, request)
        if strict.HasField("upsert_max_batchsize"):
            _over(points, strict.upsert_max_batchsize, "upsert limit")
        self._filter(collection, strict, selector, strict.HasField("unindexed_filtering_update") and not strict.unindexed_filtering_update)
        if strict.HasField("max_collection_payload_size_bytes"):
            self._payload(strict.max_collection_payload_size_bytes, points, payload_bytes)
        if strict.HasField("write_rate_limit"):
            self._write.take(strict.write_rate_limit, max(1, points), "Write")

    def _payload(self, allowed, points, size):
        if self._unmeasured <= 0 and self._payload_bytes >= allowed:
            raise bad_request(f"Max payload storage size limit of {np.float32(allowed / 1048576)}MB reached!")
        self._payload_bytes += size
        self._unmeasured -= points

    def _filter(self, collection, strict, given, refuse_unindexed):
        if given is None:
            return
        conditions = list(_conditions(given))
        if strict.HasField("filter_max_conditions") and len(conditions) > strict.filter_max_conditions:
            raise bad_request(f"Filter condition limit reached ({len(conditions)} > {strict.filter_max_conditions})")
        for condition in conditions:
            size = _size(condition)
            if strict.HasField("condition_max_size") and size > strict.condition_max_size:
                raise bad_request(f"Condition size limit reached ({size} > {strict.condition_max_size})")
            if refuse_unindexed and condition.HasField("field") and condition.field.key not in collection.schema:
                raise bad_request(f'Index required but not found for "{condition.field.key}" of one of the following types: '
                                  f"[{_index_type(condition.field)}]. Help: Create an index for this key or use a different filter.")

    def indexing(self, collection, field):
        strict = self._strict(collection)
        if strict and strict.HasField("max_payload_index_count") and field not in collection.schema:
            if len(collection.schema) >= strict.max_payload_index_count:
                raise bad_request(f"Collection already has the maximum number of payload indices ({strict.max_payload_index_count})")


def _conditions(given):
    for condition in (*given.should, *given.must, *given.must_not, *given.min_should.conditions):
        if condition.HasField("filter"):
            yield from _conditions(condition.filter)
        else:
            yield condition


def _size(condition):
    if condition.HasField("has_id"):
        return len(condition.has_id.has_id)
    match = condition.field.match
    which = match.WhichOneof("match_value")
    if which in ("keywords", "except_keywords"):
        return len(getattr(match, which).strings)
    return len(getattr(match, which).integers) if which in ("integers", "except_integers") else 1


def _index_type(field):
    which = field.match.WhichOneof("match_value") if field.HasField("match") else None
    if field.HasField("range"):
        return "float"
    return {"integer": "integer", "integers": "integer", "boolean": "bool", "text": "text"}.get(which, "keyword")
