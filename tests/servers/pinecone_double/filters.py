"""Filters over metadata, as far as the tests use them."""
from .errors import invalid

_COMPARE = {"$eq": lambda a, b: a == b, "$ne": lambda a, b: a != b, "$gt": lambda a, b: a > b, "$gte": lambda a, b: a >= b,
            "$lt": lambda a, b: a < b, "$lte": lambda a, b: a <= b, "$in": lambda a, b: a in b, "$nin": lambda a, b: a not in b}


def holds(condition, metadata):
    if not isinstance(condition, dict):
        raise invalid("a filter must be an object")
    return all(_holds(key, wanted, metadata) for key, wanted in condition.items())


def _holds(key, wanted, metadata):
    if key == "$and":
        return all(holds(part, metadata) for part in wanted)
    if key == "$or":
        return any(holds(part, metadata) for part in wanted)
    if not isinstance(wanted, dict):
        wanted = {"$eq": wanted}
    value = metadata.get(key)
    return all(_compare(name, value, other) for name, other in wanted.items())


def _compare(name, value, other):
    if name not in _COMPARE:
        raise invalid(f"{name} is not an operator of filters")
    if isinstance(value, list):
        return any(_compare(name, item, other) for item in value)
    try:
        return _COMPARE[name](value, other)
    except TypeError:
        return False
