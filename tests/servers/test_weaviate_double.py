"""The imitation is judged by the vendor's own client: what it does there is what it does on the vendor's server."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from weaviate_fixtures import class_name, weaviate, weaviate_double, weaviate_real  # noqa: E402,F401


def test_a_class_of_every_type_is_seen_as_it_was_made(weaviate, class_name):
    weaviate.act("make_every", class_name)
    seen = weaviate.act("look", class_name)
    assert seen["properties"]["wholes"] == "int[]" and seen["properties"]["phone"] == "phoneNumber" and seen["properties"]["thing"] == "object"
    assert {name: kind[0] for name, kind in seen["vectors"].items()} == {"title": "cosine", "body": "l2-squared", "tokens": "cosine"}
    first, second = (seen["objects"][f"00000000-0000-4000-8000-{i:012x}"] for i in (1, 2))
    properties, vectors = first
    assert properties["whole"] == 9007199254740992 and properties["number"] == {"float": (1.0).hex()} and properties["flag"] is False
    assert properties["text"] == "x\u0000y \u2028 Ü" and properties["texts"] == ["a", ""] and properties["bytes"] == "AAEC"
    assert properties["numbers"] == [{"float": each.hex()} for each in (0.5, 1.0, -0.0)] and properties["things"][1]["count"] == 2
    assert vectors["title"] == [{"float": (3.0).hex()}, {"float": (4.0).hex()}] and len(vectors["tokens"]) == 3
    assert second[0]["text"] == "second" and second[0]["whole"] is None and set(second[1]) == {"body"}


def test_tenants_sleep_and_what_they_hold_is_not_seen(weaviate, class_name):
    weaviate.act("make_many", class_name, 5, 3, "dot", ["one", "two"], ["two"])
    seen = weaviate.act("look", class_name)
    assert seen["tenants"] == {"one": "ACTIVE", "two": "INACTIVE"} and len(seen["objects"]["one"]) == 5


def test_the_nearest_are_found_in_order(weaviate, class_name):
    weaviate.act("make_many", class_name, 50, 4, "l2")
    seen = weaviate.act("look", class_name)["objects"]
    identity, (_, vectors) = next(iter(seen.items()))
    found = weaviate.act("near", class_name, [float.fromhex(x["float"]) for x in vectors["default"]], 5)
    assert found[0][0] == identity and found[0][1] == 0 and [each[1] for each in found] == sorted(each[1] for each in found)


def test_a_reference_needs_what_it_points_to(weaviate, class_name):
    weaviate.act("make_references", class_name)
    assert set(weaviate.act("look", class_name)["objects"]) == {f"00000000-0000-4000-8000-{i:012x}" for i in (1, 2)}
