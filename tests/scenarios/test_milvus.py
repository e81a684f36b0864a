"""Milvus by its own servers and client: pymilvus writes what is read and reads what is written."""
import json

import numpy as np
import pytest

from milvus_scenario import double, engine2, floats, jsonl, key, lite, make, name, ok, own, plain, record, rows_of, vector, vendor, work  # noqa: F401

SCALARS = [("b", "BOOL", {}), ("i8", "INT8", {}), ("i16", "INT16", {}), ("i32", "INT32", {}), ("i64", "INT64", {}), ("f", "FLOAT", {}), ("d", "DOUBLE", {}),
           ("s", "VARCHAR", {"max_length": 40}), ("j", "JSON", {}), ("tags", "ARRAY", {"element_type": "VARCHAR", "max_capacity": 5, "max_length": 20}),
           ("nums", "ARRAY", {"element_type": "INT64", "max_capacity": 5}), ("at", "TIMESTAMPTZ", {})]


def scalar_fields():
    types = vendor().DataType
    for field, kind, more in SCALARS:
        more = {k: types[v] if k == "element_type" else v for k, v in more.items()}
        yield {"field_name": field, "datatype": types[kind], "nullable": True, **more}


def full_row(i):
    return {"id": f"k{i}", "vector": vector(i), "b": i % 2 == 0, "i8": -i, "i16": -300 * i, "i32": 70000 * i, "i64": 2**53 + 1 + i, "f": 0.5 + i, "d": 0.1 + i, "s": f"ünï {i}",
            "j": {"a": [1, 2.0, None], "big": 2**60}, "tags": ["x", f"t{i}"], "nums": [i, -1], "at": "2024-05-06T07:08:09.123456Z", "dyn": {"deep": [1]}, "u": None}


@pytest.mark.parametrize("engine", ["lite", "double"])
def test_fields_of_every_scalar_type_there_and_back(engine, name, work, request):
    server = request.getfixturevalue(engine)
    client = server.client()
    make(client, name, [key(), floats(), *scalar_fields()], {"vector": ("FLAT", "COSINE")})
    client.insert(name, [full_row(i) for i in range(1, 21)] + [{"id": "empty", "vector": vector(0), **{f: None for f, _, _ in SCALARS}}])
    file, back = work.folder / "out.jsonl", name + "_2"
    ok(work.run("copy", server.uri(name), f"jsonl:{file}"))
    lines = {row["id"]: row for row in map(json.loads, file.read_text().splitlines()[1:])}
    got = lines["k3"]["metadata"]
    assert got["i64"] == 2**53 + 4 and got["b"] is False and got["f"] == 3.5 and got["j"]["big"] == 2**60 and got["tags"] == ["x", "t3"] and got["u"] is None
    assert got["at"] == {"$vf": "datetime", "v": "2024-05-06T07:08:09.123456Z"} and got["dyn"] == {"deep": [1]}
    assert lines["empty"]["metadata"] == {}
    ok(work.run("copy", server.uri(name), server.uri(back)))
    assert rows_of(client, back) == rows_of(client, name)
    described = {field["name"]: field for field in client.describe_collection(back)["fields"]}
    assert {n: (f["type"], f["params"], f.get("nullable", False)) for n, f in described.items() if n != "vector"} == {
        f["name"]: (f["type"], f["params"], f.get("nullable", False)) for f in client.describe_collection(name)["fields"] if f["name"] != "vector"} | {"id": (described["id"]["type"], described["id"]["params"], False)}
    assert client.describe_index(back, "vector")["metric_type"] == "COSINE"


def test_every_kind_of_vector_of_one_collection(double, name, work):
    types, client = vendor().DataType, double.client()
    kinds = {"f16": (types.FLOAT16_VECTOR, "IP"), "bf16": (types.BFLOAT16_VECTOR, "L2"), "i8": (types.INT8_VECTOR, "COSINE"), "bits": (types.BINARY_VECTOR, "JACCARD")}
    fields = [key(), floats(), {"field_name": "sparse", "datatype": types.SPARSE_FLOAT_VECTOR, "nullable": True}]
    fields += [{"field_name": field, "datatype": kind, "dim": 16} for field, (kind, _) in kinds.items()]
    make(client, name, fields, {"vector": ("HNSW", "COSINE"), "sparse": ("SPARSE_INVERTED_INDEX", "IP"), **{f: ("AUTOINDEX", m) for f, (_, m) in kinds.items()}})
    ml = np.arange(16)
    bf16 = (ml.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    rows = [{"id": f"r{i}", "vector": vector(i), "f16": (ml + i).astype(np.float16), "bf16": bf16, "i8": (ml - i).astype(np.int8), "bits": bytes([i, 255 - i]),
             "sparse": {3: 0.5, 100000 + i: 1.5} if i % 3 else None} for i in range(40)]
    client.insert(name, rows)
    file, back = work.folder / "out.jsonl", name + "_2"
    ok(work.run("copy", double.uri(name), f"jsonl:{file}"))
    ok(work.run("copy", f"jsonl:{file}", double.uri(back)))
    ok(work.run("verify", double.uri(name), double.uri(back)))
    assert {i: str(row) for i, row in rows_of(client, back).items()} == {i: str(row) for i, row in rows_of(client, name).items()}
    for field, (_, metric) in {**kinds, "sparse": (None, "IP")}.items():
        assert client.describe_index(back, field)["metric_type"] == metric, field


@pytest.mark.parametrize("engine", ["lite", "engine2", "double"])
def test_integer_keys_negative_ones_too(engine, name, work, request):
    server = request.getfixturevalue(engine)
    client = server.client()
    make(client, name, [key(varchar=False), floats()], {"vector": ("FLAT", "IP")})
    ids = [-2**63, -2**63 + 1, -(2**53) - 1, -5, 0, 7, 2**63 - 1, *range(100, 400), *range(-400, -100)]
    client.insert(name, [{"id": i, "vector": vector(i % 1000), "n": i % 9} for i in reversed(ids)])
    ok(work.run("copy", server.uri(name), server.uri(name + "_2"), "--batch-size", "50"))
    ok(work.run("verify", server.uri(name), server.uri(name + "_2")))
    back = {row["id"] for row in client.query(name + "_2", filter="id >= 0 or id < 0", output_fields=["id"], limit=2000, consistency_level="Strong")}
    assert back == set(ids)


@pytest.mark.parametrize("engine", ["lite", "engine2", "double"])
def test_keys_as_texts(engine, name, work, request):
    server = request.getfixturevalue(engine)
    client = server.client()
    make(client, name, [key(), floats()], {"vector": ("FLAT", "L2")})
    ids = ["", " ", "a\"b'c\\d", "tab\tline\nend", "ü/日本", "007", "7", "A", "a", *(f"k{i}" for i in range(300))]
    if engine == "engine2":
        # Its own upsert of a key with a quote, a backslash or a line break fails.
        ids = [i for i in ids if not set(i) & set("\"'\\\n\t")]
    client.insert(name, [{"id": i, "vector": vector(len(i))} for i in reversed(ids)])
    ok(work.run("copy", server.uri(name), server.uri(name + "_2"), "--batch-size", "40"))
    ok(work.run("verify", server.uri(name), server.uri(name + "_2")))
    assert set(rows_of(client, name + "_2", ["id"])) == set(ids)


def test_keys_that_the_engine_in_cpp_stumbles_over_are_rejects(engine2, name, work):
    odd = {5: "a\"b'c\\d", 20: "it's \\ this"}
    records = [record(i, id=odd.get(i, f"k{i}")) for i in range(60)]
    ok(work.run("copy", jsonl(work.folder / "in.jsonl", records), engine2.uri(name), "--batch-size", "30", "--rejects", work.folder / "rejects.jsonl"), 3)
    rejects = [r for r in map(json.loads, (work.folder / "rejects.jsonl").read_text().splitlines()) if "code" in r]
    written = set(rows_of(engine2.client(), name, ["id"]))
    assert {r["id"] for r in rejects} | written == {r["id"] for r in records} and len(rejects) + len(written) == 60
    assert rejects and {r["id"] for r in rejects} <= set(odd.values()) and {r["code"] for r in rejects} == {"refused-by-store"}


def test_bits_on_the_engine_in_cpp(engine2, name, work):
    client = engine2.client()
    make(client, name, [key(), {"field_name": "vector", "datatype": vendor().DataType.BINARY_VECTOR, "dim": 16}], {"vector": ("BIN_FLAT", "HAMMING")})
    client.insert(name, [{"id": f"b{i}", "vector": bytes([i, 7])} for i in range(50)])
    ok(work.run("copy", engine2.uri(name), engine2.uri(name + "_2")))
    assert rows_of(client, name + "_2", ["vector"]) == rows_of(client, name, ["vector"])


@pytest.mark.parametrize("engine", ["lite", "engine2", "double"])
def test_what_is_written_is_read_by_the_vendors_client(engine, name, work, request):
    server = request.getfixturevalue(engine)
    client = server.client()
    records = [record(i, metadata={"n": i, "f": 1.0, "big": 2**60, "none": None, "id": "mine", "vector": "v", "\\id": 1, "nest": {"a": [1, None]}}) for i in range(300)]
    del records[7]["document"]
    target = server.uri(name)
    ok(work.run("copy", jsonl(work.folder / "in.jsonl", records), target))
    rows = rows_of(client, name)
    assert len(rows) == 300
    row = rows["rec-5"]
    assert (row["n"], row["f"], row["big"], row["none"], row["nest"], row["\\id"]) == (5, 1.0, 2**60, None, {"a": [1, None]}, "mine")
    assert row["document"] == "Text 5 – ünï" and plain(row["vector"]) == vector(5)
    assert rows["rec-7"].get("document") is None
    (hits,) = client.search(name, data=[vector(5)], limit=1, anns_field="vector")
    assert plain(rows[hits[0]["id"]]["vector"]) == vector(5)
    ok(work.run("copy", target, f"jsonl:{work.folder / 'out.jsonl'}"))
    ok(work.run("verify", f"jsonl:{work.folder / 'in.jsonl'}", f"jsonl:{work.folder / 'out.jsonl'}"))


def test_tenants_by_partition_key_and_by_partition(double, name, work):
    client = double.client()
    records = [record(i % 50, id=f"same-{i % 50}", tenant=f"t{i // 50}") for i in range(150)]
    source = jsonl(work.folder / "in.jsonl", records, tenant=True)
    ok(work.run("copy", source, double.uri(name)))
    field = next(f for f in client.describe_collection(name)["fields"] if f["name"] == "tenant")
    assert field["is_partition_key"]
    assert len(client.query(name, filter='tenant == "t1"', output_fields=["id"], limit=1000)) == 50
    ok(work.run("verify", source, double.uri(name)))
    # By hand: one partition a tenant, keys as they are.
    apart = jsonl(work.folder / "apart.jsonl", [dict(r, id=f"{r['tenant']}-{r['id']}") for r in records], tenant=True)
    by_hand = double.uri(name + "_2", "?tenant=partition")
    ok(work.run("copy", apart, by_hand))
    assert set(client.list_partitions(name + "_2")) == {"_default", "t0", "t1", "t2"}
    assert len(client.query(name + "_2", filter='id >= ""', output_fields=["id"], partition_names=["t2"], limit=1000)) == 50
    ok(work.run("verify", apart, double.uri(name + "_2")))
    # And kept on the way to another collection.
    ok(work.run("copy", double.uri(name + "_2"), double.uri(name + "_3", "?tenant=partition")))
    assert set(client.list_partitions(name + "_3")) == {"_default", "t0", "t1", "t2"}


def test_auto_id_is_read_and_not_written(double, name, work):
    client = double.client()
    make(client, name, [key(varchar=False), floats()], {"vector": ("FLAT", "IP")}, auto_id=True)
    client.insert(name, [{"vector": vector(i), "n": i} for i in range(30)])
    ok(work.run("copy", double.uri(name), double.uri(name + "_2")))
    ok(work.run("verify", double.uri(name), double.uri(name + "_2")))
    said = ok(work.run("copy", double.uri(name + "_2"), double.uri(name), "--on-exists", "append"), 8)
    assert "makes its own keys" in said


def test_a_collection_that_was_released_is_released_again(own, name, work):
    server = own("double", "--slow-load", "2")
    client = server.client()
    make(client, name, [key(), floats()], {"vector": ("FLAT", "IP")})
    client.insert(name, [{"id": str(i), "vector": vector(i)} for i in range(20)])
    client.release_collection(name)
    ok(work.run("copy", server.uri(name), f"jsonl:{work.folder / 'out.jsonl'}"))
    assert "NotLoad" in str(client.get_load_state(name))
    client.drop_index(name, "vector")
    said = work.run("copy", server.uri(name), f"jsonl:{work.folder / 'out2.jsonl'}")
    assert said.returncode == 8 and "index" in said.stderr


def test_values_that_a_typed_field_cannot_take_are_rejects(double, name, work):
    types, client = vendor().DataType, double.client()
    make(client, name, [key(), floats(), {"field_name": "n", "datatype": types.INT8, "nullable": True}, {"field_name": "s", "datatype": types.VARCHAR, "max_length": 5, "nullable": True},
                        {"field_name": "f", "datatype": types.FLOAT, "nullable": True}, {"field_name": "must", "datatype": types.BOOL}], {"vector": ("FLAT", "COSINE")}, dynamic=False)
    values = [{"n": 1, "must": True}, {"n": 300, "must": True}, {"n": "x", "must": True}, {"s": "12345", "must": True}, {"s": "ü2345", "must": True}, {"f": 0.5, "must": True},
              {"f": 0.1, "must": True}, {"other": 1, "must": True}, {}, {"must": None}]
    records = [{k: v for k, v in record(i, metadata=m).items() if k != "document"} for i, m in enumerate(values)]
    done = work.run("copy", jsonl(work.folder / "in.jsonl", records, document=False), double.uri(name), "--on-exists", "append", "--rejects", work.folder / "rejects.jsonl", "--unsupported", "reject")
    ok(done, 3)
    codes = {r["id"]: r["code"] for r in map(json.loads, (work.folder / "rejects.jsonl").read_text().splitlines()) if "code" in r}
    assert codes == {"rec-1": "field-type", "rec-2": "field-type", "rec-4": "text-too-long", "rec-6": "field-type", "rec-7": "unknown-field", "rec-8": "missing-field", "rec-9": "missing-field"}
    assert set(rows_of(client, name)) == {"rec-0", "rec-3", "rec-5"}


def test_ids_and_texts_that_are_too_long_are_rejects(lite, name, work):
    records = [record(0), record(1, id="k" * 65535), record(2, id="k" * 65536), record(3, document="ü" * 32768), record(4, document="d" * 65535)]
    source = jsonl(work.folder / "in.jsonl", records)
    plan = json.loads(work.run("plan", source, lite.uri(name), "--json").stdout)
    assert {issue["code"]: issue["count"] for issue in plan["issues"] if issue["blocking"]} == {"id-too-long": 1, "text-too-long": 1}, plan
    ok(work.run("copy", source, lite.uri(name)), 8)
    assert not lite.client().has_collection(name)
    done = work.run("copy", source, lite.uri(name), "--unsupported", "reject")
    ok(done, 3)
    assert len(rows_of(lite.client(), name, ["document"])) == 3


def test_names_that_no_collection_has(double, work):
    source = jsonl(work.folder / "in.jsonl", [record(1)])
    for bad in ("with space", "a/b", "a-b", "1x", "日本", "n" * 256):
        done = work.run("copy", source, double.uri(bad.replace("/", "%2F").replace(" ", "%20")))
        assert done.returncode == 2 and "name" in done.stderr, bad
    done = work.run("inspect", double.uri("no_such"))
    assert done.returncode == 5


@pytest.mark.parametrize("engine", ["lite", "double"])
def test_replace_and_rollback(engine, name, work, request):
    server = request.getfixturevalue(engine)
    client = server.client()
    first = jsonl(work.folder / "one.jsonl", [record(i) for i in range(50)])
    second = jsonl(work.folder / "two.jsonl", [record(i, document="new") for i in range(20)])
    ok(work.run("copy", first, server.uri(name)))
    assert work.run("copy", second, server.uri(name)).returncode == 8
    client.create_alias(name, name + "_alias")
    ok(work.run("copy", second, server.uri(name), "--on-exists", "replace", "--yes"))
    assert len(rows_of(client, name, ["id"])) == 20
    assert client.describe_collection(name + "_alias")["collection_name"] == name
    # Through the alias: at once.
    ok(work.run("copy", first, server.uri(name + "_alias"), "--on-exists", "replace", "--yes"))
    assert len(rows_of(client, name + "_alias", ["id"])) == 50
    # Upsert, and back.
    before = rows_of(client, name + "_alias")
    changed = jsonl(work.folder / "three.jsonl", [record(i, document="changed", metadata={"z": [i]}) for i in range(40, 60)])
    done = work.run("copy", changed, server.uri(name + "_alias"), "--on-exists", "upsert", "--json")
    ok(done)
    run = json.loads(done.stdout)["run"]
    assert len(rows_of(client, name + "_alias", ["id"])) == 60
    ok(work.run("rollback", run if isinstance(run, str) else run["id"], "--yes"))
    assert {i: str(r) for i, r in rows_of(client, name + "_alias").items()} == {i: str(r) for i, r in before.items()}


def test_many_rows_are_cut_by_key_and_read_as_of_one_time(double, name, work):
    client = double.client()
    make(client, name, [key(), floats()], {"vector": ("FLAT", "IP")})
    for start in range(0, 20000, 5000):
        client.insert(name, [{"id": f"k{i:06}", "vector": vector(i)} for i in range(start, start + 5000)])
    done = work.run("plan", double.uri(name), f"jsonl:{work.folder / 'p.jsonl'}", "--jobs", "2", "--json")
    ok(done)
    ok(work.run("copy", double.uri(name), f"jsonl:{work.folder / 'out.jsonl'}", "--jobs", "2"))
    assert sum(1 for _ in open(work.folder / "out.jsonl")) == 20001


def test_lists_and_inspects(lite, name, work):
    client = lite.client()
    make(client, name, [key(), floats(), {"field_name": "year", "datatype": vendor().DataType.INT32}], {"vector": ("HNSW", "L2")})
    client.insert(name, [{"id": str(i), "vector": vector(i), "year": i} for i in range(10)])
    said = ok(work.run("inspect", lite.uri(name)))
    for word in ("10", "4", "l2", "HNSW", "year"):
        assert word in said
    assert name in ok(work.run("inspect", f"milvus://127.0.0.1:{lite.port}"))
