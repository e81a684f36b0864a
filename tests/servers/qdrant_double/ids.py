"""Point ids: an int below 2^64, or a UUID as lower-case hyphenated text. Server order: numbers first, then UUIDs by bytes."""
import re

from . import wire
from .errors import invalid
from .vendor import pb

_HYPHENATED = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# As a server accepts them: hyphenated, in braces, as a URN with a lower-case prefix, or 32 digits. Nothing else, no blanks.
_UUID = re.compile(rf"(?:(?:urn:uuid:)?({_HYPHENATED})|\{{({_HYPHENATED})\}}|([0-9a-fA-F]{{32}}))\Z")


def canonical_uuid(text):
    found = _UUID.match(text)
    if not found:
        raise invalid(f"Unable to parse UUID: {text}")
    digits = (found[1] or found[2] or found[3]).replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def parse(point_id):
    kind = point_id.WhichOneof("point_id_options")
    if kind is None:
        raise invalid("No ID options provided")
    return point_id.num if kind == "num" else canonical_uuid(point_id.uuid)


def parse_all(point_ids):
    return [parse(point_id) for point_id in point_ids]


def message(key):
    return pb.PointId(num=key) if isinstance(key, int) else pb.PointId(uuid=key)


def encoded(key):
    """The bytes of the PointId message; 0 is written too, as it is a member of a oneof."""
    return b"\x08" + wire.varint(key) if isinstance(key, int) else wire.field(2, key.encode())


def order(key):
    return (0, key) if isinstance(key, int) else (1, key)
