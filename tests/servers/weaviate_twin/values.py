"""Values of properties: what a batch says, what is held, what an answer says."""
import base64
import datetime
import re
import struct
import uuid


_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Bad(Exception):
    """A value that its property does not take."""


def plain(value):
    """A google.protobuf.Value as Python has it."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {key: plain(each) for key, each in value.struct_value.fields.items()}
    if kind == "list_value":
        return [plain(each) for each in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def properties_of(message):
    """Those of a batch's object: {name: value}, references as lists of ids."""
    found = {key: plain(each) for key, each in message.non_ref_properties.fields.items()}
    for each in message.number_array_properties:
        found[each.prop_name] = list(struct.unpack(f"<{len(each.values_bytes) // 8}d", each.values_bytes)) or list(each.values)
    for group in (message.int_array_properties, message.text_array_properties, message.boolean_array_properties):
        for each in group:
            found[each.prop_name] = list(each.values)
    for each in message.object_properties:
        found[each.prop_name] = properties_of(each.value)
    for each in message.object_array_properties:
        found[each.prop_name] = [properties_of(value) for value in each.values]
    for name in message.empty_list_props:
        found[name] = []
    return found


def guess(value):
    """The type that the server itself would make a property of; None where it can tell none."""
    if isinstance(value, list):
        first = guess(value[0]) if value else None
        return None if first is None or first.endswith("[]") else first + "[]"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, str):
        return "date" if _DATE.fullmatch(value) else "text"
    return None


def nested_of(value):
    first = value[0] if isinstance(value, list) else value
    return [{"name": key, "dataType": [kind], **({"nestedProperties": nested_of(each)} if kind.startswith("object") else {})}
            for key, each in first.items() if (kind := guess(each))]


def date(text):
    match = _DATE.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise Bad("requires a string with a RFC3339 formatted date")
    try:
        datetime.datetime(*(int(part) for part in match.groups()[:6]))
    except ValueError as error:
        raise Bad("requires a string with a RFC3339 formatted date") from error
    fraction = (match[7] or "").rstrip("0").rstrip(".")[:10]
    zone = "Z" if match[8] in ("+00:00", "-00:00") else match[8]
    return text[:19] + fraction + zone


def _phone(value):
    digits = re.sub(r"\D", "", value.get("input", "")) if isinstance(value, dict) else ""
    if not digits:
        raise Bad("invalid phone number: the phone number supplied is not a number")
    made = {"input": value["input"], "internationalFormatted": "+" + digits, "countryCode": int(digits[:2]), "national": int(digits[2:] or 0), "nationalFormatted": "0" + digits[2:],
            "valid": len(digits) > 7}
    if value.get("defaultCountry"):
        made["defaultCountry"] = value["defaultCountry"].upper()
    return made


def _blob(text):
    try:
        if not text or base64.b64encode(base64.b64decode(text, validate=True)).decode() != text:
            raise ValueError
    except (ValueError, TypeError) as error:
        raise Bad("not a valid blob base64 string") from error
    return text


def _geo(value):
    if not isinstance(value, dict) or set(value) != {"latitude", "longitude"}:
        raise Bad("requires a geoCoordinates object")
    return {key: struct.unpack("<f", struct.pack("<f", each))[0] for key, each in value.items()}


def _of(kinds):
    def check(value):
        if not isinstance(value, kinds) or isinstance(value, bool) and bool not in kinds:
            raise Bad(f"not of the type, but {type(value).__name__}")
        return value
    return check


def _int(value):
    value = float(_of((int, float))(value))
    if not value.is_integer():
        raise Bad("requires an integer")
    return int(value)


_CHECKS = {"text": _of((str,)), "string": _of((str,)), "int": _int, "number": lambda value: float(_of((int, float))(value)), "boolean": _of((bool,)), "date": date, "blob": _blob,
           "uuid": lambda value: str(uuid.UUID(_of((str,))(value))), "geoCoordinates": _geo, "phoneNumber": _phone}


def check(prop, value):
    """The value as it is held."""
    kind = prop["dataType"][0]
    if kind.endswith("[]"):
        if not isinstance(value, list):
            raise Bad("not a list")
        return [check({**prop, "dataType": [kind[:-2]]}, each) for each in value]
    if kind == "object":
        if not isinstance(value, dict):
            raise Bad("not an object")
        nested = {each["name"]: each for each in prop["nestedProperties"]}
        for key, each in value.items():
            if key not in nested and (guessed := guess(each)):  # the server adds nested properties by itself
                made = {"name": key, "dataType": [guessed], **({"nestedProperties": nested_of(each)} if guessed.startswith("object") else {})}
                prop["nestedProperties"].append(made)
                nested[key] = made
        return {key: None if each is None else check(nested[key], each) for key, each in value.items()}
    if kind not in _CHECKS:
        raise Bad("a reference is told otherwise")
    try:
        return _CHECKS[kind](value)
    except ValueError as error:
        raise Bad(str(error)) from error


def answer(prop, value, out, wanted=None):
    """Fills a weaviate.v1.Value. `wanted`: whether a nested property was asked for."""
    kind = prop["dataType"][0]
    if value is None:
        out.null_value = 0
        return
    if kind.endswith("[]"):
        _list(kind[:-2], prop, value, out.list_value, wanted)
    elif kind == "object":
        out.object_value.SetInParent()
        _object(prop, value, out.object_value, wanted)
    elif kind == "geoCoordinates":
        out.geo_value.latitude, out.geo_value.longitude = value["latitude"], value["longitude"]
    elif kind == "phoneNumber":
        phone = out.phone_value
        phone.input, phone.default_country, phone.international_formatted = value["input"], value.get("defaultCountry", ""), value["internationalFormatted"]
        phone.country_code, phone.national, phone.national_formatted, phone.valid = value["countryCode"], value["national"], value["nationalFormatted"], value["valid"]
    else:
        field = {"text": "text", "string": "text", "boolean": "bool"}.get(kind, kind) + "_value"
        setattr(out, field, value)


def _object(prop, value, out, wanted):
    for nested in prop["nestedProperties"]:
        name, kind = nested["name"], nested["dataType"][0]
        if name not in value or (kind == "blob" and wanted is None):
            continue
        answer(nested, value[name], out.fields[name], wanted)


def _list(kind, prop, values, out, wanted):
    if kind in ("number", "int"):
        field = out.number_values if kind == "number" else out.int_values
        field.SetInParent()
        field.values = struct.pack(f"<{len(values)}{'d' if kind == 'number' else 'q'}", *values)
    elif kind == "object":
        out.object_values.SetInParent()
        for each in values:
            _object(prop, each, out.object_values.values.add(), wanted)
    else:
        field = getattr(out, {"text": "text", "string": "text", "boolean": "bool"}.get(kind, kind) + "_values")
        field.SetInParent()
        field.values.extend(values)
