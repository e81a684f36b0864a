#!/usr/bin/env python3
"""What weaviate-client does on a server: makes classes of every kind of property and vector, fills them, looks at what there is.

As a program: weaviate_acts.py PORT GRPC_PORT [KEY]; reads one act a line, [NAME, ARGUMENT...] as JSON, and prints a line {"answer": ...} or
{"error": TEXT}."""
import datetime
import json
import sys
import traceback
import uuid
import warnings

warnings.simplefilter("ignore")
import weaviate  # noqa: E402
from weaviate.classes import config as c  # noqa: E402
from weaviate.classes import data as d  # noqa: E402
from weaviate.classes import tenants as t  # noqa: E402
from weaviate.classes.init import AdditionalConfig, Auth, Timeout  # noqa: E402
from weaviate.classes import query as q  # noqa: E402

_ID = "00000000-0000-4000-8000-{:012x}"
_METRICS = {"cosine": c.VectorDistances.COSINE, "dot": c.VectorDistances.DOT, "l2": c.VectorDistances.L2_SQUARED, "l1": c.VectorDistances.MANHATTAN, "hamming": c.VectorDistances.HAMMING}


def connect(port, grpc_port, key=None):
    return weaviate.connect_to_custom(http_host="127.0.0.1", http_port=port, http_secure=False, grpc_host="127.0.0.1", grpc_port=grpc_port, grpc_secure=False,
                                      auth_credentials=Auth.api_key(key) if key else None, skip_init_checks=True,
                                      additional_config=AdditionalConfig(timeout=Timeout(init=10, query=30, insert=60), trust_env=False))


def told(value):
    """A value of the client's as JSON in which 1 is not 1.0."""
    if isinstance(value, dict):
        return {str(key): told(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [told(each) for each in value]
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, uuid.UUID):
        return {"uuid": str(value)}
    if hasattr(value, "model_dump"):
        return told(value.model_dump())
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return told({key: each for key, each in vars(value).items() if not key.startswith("_")})
    return value


_EVERY = [("text", c.DataType.TEXT), ("whole", c.DataType.INT), ("number", c.DataType.NUMBER), ("flag", c.DataType.BOOL), ("day", c.DataType.DATE), ("other", c.DataType.UUID),
          ("bytes", c.DataType.BLOB), ("place", c.DataType.GEO_COORDINATES), ("phone", c.DataType.PHONE_NUMBER), ("texts", c.DataType.TEXT_ARRAY), ("wholes", c.DataType.INT_ARRAY),
          ("numbers", c.DataType.NUMBER_ARRAY), ("flags", c.DataType.BOOL_ARRAY), ("days", c.DataType.DATE_ARRAY), ("others", c.DataType.UUID_ARRAY)]


def make_every(client, name):
    """A class with a property of every type, and two objects; the second lacks nearly all."""
    nested = [c.Property(name="inner", data_type=c.DataType.TEXT), c.Property(name="count", data_type=c.DataType.INT), c.Property(name="list", data_type=c.DataType.NUMBER_ARRAY)]
    properties = [c.Property(name=own, data_type=kind) for own, kind in _EVERY]
    properties += [c.Property(name="thing", data_type=c.DataType.OBJECT, nested_properties=nested), c.Property(name="things", data_type=c.DataType.OBJECT_ARRAY, nested_properties=nested)]
    client.collections.create(name, properties=properties, vector_config=[
        c.Configure.Vectors.self_provided(name="title", vector_index_config=c.Configure.VectorIndex.hnsw(distance_metric=c.VectorDistances.COSINE, ef_construction=64, max_connections=8)),
        c.Configure.Vectors.self_provided(name="body", vector_index_config=c.Configure.VectorIndex.flat(distance_metric=c.VectorDistances.L2_SQUARED)),
        c.Configure.MultiVectors.self_provided(name="tokens")])
    values = {"text": "x\u0000y \u2028 Ü", "whole": 9007199254740992, "number": 1.0, "flag": False, "day": datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, datetime.timezone.utc),
              "other": uuid.UUID(_ID.format(9)), "bytes": "AAEC", "place": {"latitude": 1.5, "longitude": -2.25}, "phone": {"input": "+49 171 1234567"}, "texts": ["a", ""], "wholes": [1, -2],
              "numbers": [0.5, 1.0, -0.0], "flags": [True, False], "days": [datetime.datetime(2024, 5, 6, tzinfo=datetime.timezone.utc)], "others": [uuid.UUID(_ID.format(8))],
              "thing": {"inner": "deep", "count": 3, "list": [1.0, 2.5]}, "things": [{"inner": "one"}, {"count": 2}]}
    collection = client.collections.use(name)
    phone = values.pop("phone")
    from weaviate.classes.data import GeoCoordinate, PhoneNumber
    values["place"] = GeoCoordinate(**values["place"])
    values["phone"] = PhoneNumber(number=phone["input"])
    collection.data.insert(values, uuid=_ID.format(1), vector={"title": [3.0, 4.0], "body": [0.1, -0.2, 1e-30], "tokens": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]})
    collection.data.insert({"text": "second"}, uuid=_ID.format(2), vector={"body": [1.0, 2.0, 3.0]})


def make_many(client, name, count, dims, metric="cosine", tenants=(), asleep=()):
    """A class of so many objects with one unnamed vector; of each tenant, where there are any."""
    client.collections.create(name, properties=[c.Property(name="text", data_type=c.DataType.TEXT), c.Property(name="n", data_type=c.DataType.INT)],
                              vectorizer_config=c.Configure.Vectorizer.none(), vector_index_config=c.Configure.VectorIndex.hnsw(distance_metric=_METRICS[metric]),
                              multi_tenancy_config=c.Configure.multi_tenancy(enabled=bool(tenants)))
    collection = client.collections.use(name)
    if tenants:
        collection.tenants.create(list(tenants))
    for tenant in tenants or [None]:
        shard = collection.with_tenant(tenant) if tenant else collection
        for first in range(0, count, 1000):
            done = shard.data.insert_many([d.DataObject(properties={"text": f"{tenant or ''} text {i}", "n": i}, uuid=uuid.uuid5(uuid.NAMESPACE_DNS, str(i)),
                                                        vector=[((i * 7 + k * 3) % 11) / 4 + 0.25 + (i % 97) / 64 for k in range(dims)]) for i in range(first, min(count, first + 1000))])
            assert not done.has_errors, done.errors
    if asleep:
        collection.tenants.update([t.Tenant(name=each, activity_status=t.TenantActivityStatus.INACTIVE) for each in asleep])


def make_references(client, name):
    """A class whose objects refer to those of another."""
    client.collections.create(name + "Target", properties=[c.Property(name="text", data_type=c.DataType.TEXT)], vectorizer_config=c.Configure.Vectorizer.none())
    client.collections.create(name, properties=[c.Property(name="text", data_type=c.DataType.TEXT)], references=[c.ReferenceProperty(name="seeAlso", target_collection=name + "Target")],
                              vectorizer_config=c.Configure.Vectorizer.none())
    client.collections.use(name + "Target").data.insert({"text": "target"}, uuid=_ID.format(0x77), vector=[1.0, 2.0])
    client.collections.use(name).data.insert({"text": "refers"}, uuid=_ID.format(1), vector=[1.0, 2.0], references={"seeAlso": _ID.format(0x77)})
    client.collections.use(name).data.insert({"text": "refers to nothing"}, uuid=_ID.format(2), vector=[2.0, 1.0])


def _objects(collection):
    return {str(each.uuid): [told(each.properties), {name: [told(x) for x in vector] for name, vector in each.vector.items()}]
            for each in collection.iterator(include_vector=True, return_properties=_wanted(collection))}


def _wanted(collection):
    """Blobs are told only where they are asked for."""
    return [each.name for each in collection.config.get().properties if "object" not in each.data_type.value] + [
        q.QueryNested(name=each.name, properties=[nested.name for nested in each.nested_properties]) for each in collection.config.get().properties if "object" in each.data_type.value]


def look(client, name):
    """All that the client sees of a class: objects by id, by tenant where it keeps them apart."""
    collection = client.collections.use(name)
    config = collection.config.get()
    seen = {"properties": {each.name: each.data_type.value for each in config.properties}, "tenants": None, "vectors": _vectors(config)}
    if not config.multi_tenancy_config.enabled:
        return {**seen, "objects": _objects(collection)}
    seen["tenants"] = tenants(client, name)
    seen["objects"] = {tenant: _objects(collection.with_tenant(tenant)) for tenant, status in seen["tenants"].items() if status == "ACTIVE"}
    return seen


def _vectors(config):
    if config.vector_config:
        return {name: [each.vector_index_config.distance_metric.value, type(each.vector_index_config).__name__] for name, each in config.vector_config.items()}
    return {"": [config.vector_index_config.distance_metric.value, type(config.vector_index_config).__name__]}


def tenants(client, name):
    return {each.name: each.activity_status.value for each in client.collections.use(name).tenants.get().values()}


def near(client, name, vector, k, target=None, tenant=None):
    collection = client.collections.use(name)
    if tenant:
        collection = collection.with_tenant(tenant)
    found = collection.query.near_vector(near_vector=vector, limit=k, target_vector=target, return_metadata=q.MetadataQuery(distance=True))
    return [[str(each.uuid), each.metadata.distance] for each in found.objects]


def set_asleep(client, name, names):
    client.collections.use(name).tenants.update([t.Tenant(name=each, activity_status=t.TenantActivityStatus.INACTIVE) for each in names])


def drop_tenants(client, name, names):
    client.collections.use(name).tenants.remove(names)


def change(client, name, identity, properties, tenant=None):
    collection = client.collections.use(name)
    (collection.with_tenant(tenant) if tenant else collection).data.update(identity, properties=properties)


def drop(client, name):
    client.collections.delete(name)


def names(client):
    return sorted(client.collections.list_all())


def add_property(client, name, own):
    client.collections.use(name).config.add_property(c.Property(name=own, data_type=c.DataType.TEXT))


def main():
    client = connect(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
    acts = {each.__name__: each for each in (make_every, make_many, make_references, look, tenants, near, set_asleep, drop_tenants, change, drop, names, add_property)}
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            print(json.dumps({"answer": acts[name](client, *arguments)}), flush=True)
        except Exception:  # noqa: BLE001
            print(json.dumps({"error": traceback.format_exc()[-3000:]}), flush=True)
    client.close()


if __name__ == "__main__":
    main()
