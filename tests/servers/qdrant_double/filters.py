"""Filters, evaluated by the vendor's local mode.

A condition that the server does not know reaches it as an empty one, and an empty condition matches everything: in `must`, `should`
and `must_not` alike, and in a Delete too. Unknown variants of a match are refused.
"""
from . import ids, payloads
from .errors import invalid
from .vendor import conversion, local, pb

SLICE_SINCE = (1, 20)
_NEW_MATCHES = ("prefix", "substring")


def _known(condition, version):
    which = condition.WhichOneof("condition_one_of")
    if which == "slice":
        return version >= SLICE_SINCE
    if which == "field" and condition.field.HasField("match"):
        match = condition.field.match.WhichOneof("match_value")
        if match is None or (match in _NEW_MATCHES and version < SLICE_SINCE):
            raise invalid("Malformed Match condition")
    return which is not None


def _reduced(given, version):
    """A copy without what the server takes for "everything"."""
    kept = pb.Filter()
    for clause in ("must", "must_not", "should"):
        conditions = getattr(given, clause)
        known = [_reduced_condition(condition, version) for condition in conditions if _known(condition, version)]
        if clause == "should" and len(known) < len(conditions):
            continue  # one alternative matches everything
        getattr(kept, clause).extend(known)
    if given.HasField("min_should"):
        known = [_reduced_condition(condition, version) for condition in given.min_should.conditions if _known(condition, version)]
        missing = max(0, given.min_should.min_count - (len(given.min_should.conditions) - len(known)))
        if missing:
            kept.min_should.CopyFrom(pb.MinShould(conditions=known, min_count=missing))
    return kept


def _reduced_condition(condition, version):
    copy = pb.Condition()
    copy.CopyFrom(condition)
    if condition.HasField("filter"):
        copy.filter.CopyFrom(_reduced(condition.filter, version))
    for has_id in copy.has_id.has_id if copy.HasField("has_id") else ():
        has_id.CopyFrom(ids.message(ids.parse(has_id)))
    if copy.HasField("field"):
        _check_path(copy.field.key)
    return copy


def _check_path(key):
    payloads.path(key)


def predicate(given, version):
    """A function of a point, or None where every point matches."""
    reduced = _reduced(given, version)
    if not reduced.ListFields():
        return None
    only_ids = _only_ids(reduced)
    if only_ids is not None:
        return lambda point: point.key in only_ids
    try:
        wanted = conversion().GrpcToRest.convert_filter(reduced)
        local("payload_filters").validate_filter(wanted)
    except ValueError as error:
        raise invalid(str(error)) from None
    check = local("payload_filters").check_filter
    return lambda point: check(wanted, payloads.as_json(point.payload), point.key, dict.fromkeys(point.vectors, True))


def _only_ids(given):
    """The ids of a filter that is one `has_id`, which needs no payload."""
    if len(given.must) == 1 and not given.should and not given.must_not and not given.HasField("min_should") and given.must[0].HasField("has_id"):
        return set(ids.parse_all(given.must[0].has_id.has_id))
    return None


def of(request, version):
    return predicate(request.filter, version) if request.HasField("filter") else None
