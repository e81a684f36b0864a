"""The collections that tests/vendor/qdrant_acts.py makes: every kind of vector, id, payload value, index and parameter that the
client at hand can say, and each with what it says."""
import uuid

from qdrant_client import models as m

HAS_MULTI = hasattr(m, "MultiVectorConfig")
HAS_DATATYPES = hasattr(m, "Datatype")
HAS_INDEX_PARAMS = hasattr(m, "KeywordIndexParams")
HAS_STRICT_MODE = hasattr(m, "StrictModeConfig")
ROWS = 24
COSINE, DOT, EUCLID, MANHATTAN = m.Distance.COSINE, m.Distance.DOT, m.Distance.EUCLID, m.Distance.MANHATTAN


def numbers(seed, count):
    """Fractions that look random and are the same for the same seed."""
    state, out = seed * 2654435761 % 2**32 or 1, []
    for _ in range(count):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        out.append(state / 2**32 - 0.5)
    return out


def payload(i):
    """A payload of every type; the fields of the indexes are always there."""
    return {"n": i % 12, "group": f"g{i % 3}", "yes": i % 2 == 0, "score": i / 4, "half": i / 2 + 0.25, "text": f"The quick brown fox no. {i} – ünï \U0001f98a",
            "when": f"2024-02-{i % 28 + 1:02d}T01:02:03.5Z", "place": {"lon": 1.5 * i, "lat": -2 * i}, "key": str(uuid.UUID(int=i)),
            "nested": {"list": [1, 1.0, None, {"a": []}, [[]], {}], "big": [2**63 - 1, -2**63, 2**53 + 1], "": "empty key"}, "none": None, "many": list(range(i)),
            "floats": [5e-324, 1e300, -0.0, 0.1], "key.with \"dots\" [0]": "x" * (i * 50), "nul": "a\0b", "empty": "", "deep": deep(28), "date": "2024-02-03"}


def deep(levels):
    value = "bottom"
    for level in range(levels):
        value = {"d": value} if level % 2 else [value]
    return value


EXTREME_IDS = [0, 2**32, 2**63 - 1, 2**63, 2**64 - 1, "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"]


def ids():
    return list(range(1, ROWS + 1)) + EXTREME_IDS + [str(uuid.UUID(int=i * 7919 << 64 | i)) for i in range(1, 9)]


def sparse(i):
    return m.SparseVector(indices=[2**32 - 1 - i, i, i + 50], values=[1.5, -0.25, 0.0 if i % 5 == 0 else i / 3])


def records(vectors):
    """Points with `vectors(i)`; some lack a payload, one has an empty one."""
    found = []
    for i, point_id in enumerate(ids(), 1):
        given = None if i in (4, ROWS + 2) else {} if i == 8 else payload(i)
        found.append(m.PointStruct(id=point_id, vector=vectors(i), payload=given))
    return found


# ---- what a collection is made with

def named_vectors():
    made = {"text": m.VectorParams(size=8, distance=COSINE, on_disk=True, hnsw_config=m.HnswConfigDiff(m=24, ef_construct=77, on_disk=True, payload_m=8),
                                   quantization_config=m.ScalarQuantization(scalar=m.ScalarQuantizationConfig(type="int8", quantile=0.97, always_ram=True))),
            "image": m.VectorParams(size=4, distance=DOT, hnsw_config=m.HnswConfigDiff(m=0), quantization_config=m.ProductQuantization(
                product=m.ProductQuantizationConfig(compression="x32", always_ram=False))),
            "far": m.VectorParams(size=3, distance=EUCLID, on_disk=False), "walk \u00fc\"{}": m.VectorParams(size=3, distance=MANHATTAN)}
    if HAS_DATATYPES:
        made["half"] = m.VectorParams(size=4, distance=EUCLID, datatype=m.Datatype.FLOAT16)
        made["half cosine"] = m.VectorParams(size=4, distance=COSINE, datatype=m.Datatype.FLOAT16)
        made["bytes"] = m.VectorParams(size=4, distance=DOT, datatype=m.Datatype.UINT8)
        made["whole"] = m.VectorParams(size=4, distance=DOT, datatype=m.Datatype.FLOAT32)
    if HAS_MULTI:
        most = m.MultiVectorConfig(comparator=m.MultiVectorComparator.MAX_SIM)
        made["rows"] = m.VectorParams(size=3, distance=COSINE, multivector_config=most, hnsw_config=m.HnswConfigDiff(m=0))
        made["half rows"] = m.VectorParams(size=3, distance=DOT, multivector_config=most, datatype=m.Datatype.FLOAT16)
        made["byte rows"] = m.VectorParams(size=3, distance=DOT, multivector_config=most, datatype=m.Datatype.UINT8)
    return made


def sparse_vectors():
    made = {"words": m.SparseVectorParams(index=m.SparseIndexParams(full_scan_threshold=123, on_disk=True)), "bare": m.SparseVectorParams()}
    if HAS_DATATYPES:
        made["counted"] = m.SparseVectorParams(modifier=m.Modifier.IDF, index=m.SparseIndexParams(on_disk=False, datatype=m.Datatype.FLOAT16))
        made["uncounted"] = m.SparseVectorParams(modifier=m.Modifier.NONE, index=m.SparseIndexParams(datatype=m.Datatype.UINT8))
    return made


def vectors_of(params, i):
    """Values that the storage keeps, rounds or normalises; every point lacks some, and some lack all."""
    if i % 9 == 0:
        return {}
    found = {}
    for at, (name, vector) in enumerate(sorted(params.items())):
        values = numbers(100 * i + at, vector.size * 2)
        if (i + at) % 5 == 0:
            continue
        if str(getattr(vector, "datatype", None) or "").lower().endswith("uint8"):
            values = [abs(x) * 600 for x in values]
        if getattr(vector, "multivector_config", None):
            rows = [values[:vector.size], values[vector.size:], [0.0] * vector.size]
            found[name] = rows[:i % 3 + 1]
        else:
            found[name] = values[:vector.size]
    return found


def settings():
    """The collection's own parameters, none of them the server's default."""
    made = {"hnsw_config": m.HnswConfigDiff(m=18, ef_construct=90, full_scan_threshold=20000, max_indexing_threads=2, on_disk=True, payload_m=4),
            "wal_config": m.WalConfigDiff(wal_capacity_mb=16, wal_segments_ahead=1), "shard_number": 2, "replication_factor": 1, "write_consistency_factor": 1,
            "on_disk_payload": False,
            "optimizers_config": m.OptimizersConfigDiff(deleted_threshold=0.35, vacuum_min_vector_number=900, default_segment_number=3, max_segment_size=200000,
                                                        memmap_threshold=30000, indexing_threshold=4321, flush_interval_sec=7, max_optimization_threads=3),
            "quantization_config": m.BinaryQuantization(binary=m.BinaryQuantizationConfig(always_ram=True))}
    if HAS_STRICT_MODE:
        made["strict_mode_config"] = m.StrictModeConfig(
            enabled=True, max_query_limit=50, max_timeout=600, unindexed_filtering_retrieve=True, unindexed_filtering_update=True, search_max_hnsw_ef=512,
            search_allow_exact=True, search_max_oversampling=3.5, upsert_max_batchsize=10, max_collection_vector_size_bytes=2**40, read_rate_limit=10**6,
            write_rate_limit=10**6, filter_max_conditions=20, condition_max_size=40, max_points_count=10**9, max_payload_index_count=90,
            sparse_config={"words": m.StrictModeSparse(max_length=1000)}, multivector_config={"rows": m.StrictModeMultivector(max_vectors=10)})
        made["metadata"] = {"owner": "somebody", "n": 7, "x": 7.0, "list": [1, 2.5, None, {"a": "b"}], "none": None, "123": "456", "digits": "789", "yes": False,
                            "ünï": {}}
    return made


def index(client, name, field, **params):
    """One with parameters, where this client has them for the type."""
    known = {"keyword": "KeywordIndexParams", "integer": "IntegerIndexParams", "float": "FloatIndexParams", "geo": "GeoIndexParams", "text": "TextIndexParams",
             "bool": "BoolIndexParams", "datetime": "DatetimeIndexParams", "uuid": "UuidIndexParams"}
    kind = params["type"]
    if kind not in [t.value for t in m.PayloadSchemaType]:
        return
    maker = getattr(m, known[kind], None)
    if maker is None or len(params) == 1:
        client.create_payload_index(name, field, m.PayloadSchemaType(kind), wait=True)
        return
    fields = getattr(maker, "model_fields", None) or maker.__fields__
    client.create_payload_index(name, field, maker(**{key: value for key, value in params.items() if key in fields}), wait=True)


def indexes(client, name):
    """All types with parameters, and all without."""
    index(client, name, "group", type="keyword", is_tenant=True, on_disk=False, enable_hnsw=False)
    index(client, name, "n", type="integer", lookup=True, range=True, is_principal=True, on_disk=True)
    index(client, name, "many[]", type="integer", lookup=True, range=False)
    index(client, name, "score", type="float", is_principal=False, on_disk=True)
    index(client, name, "place", type="geo", on_disk=True)
    index(client, name, "yes", type="bool", on_disk=True)
    index(client, name, "when", type="datetime", is_principal=True)
    index(client, name, "key", type="uuid", is_tenant=False, on_disk=True)
    index(client, name, "text", type="text", tokenizer="multilingual", min_token_len=2, max_token_len=15, lowercase=False, phrase_matching=True,
          ascii_folding=True, stopwords={"languages": ["english"], "custom": ["fox", "12"]},
          stemmer={"type": "snowball", "language": "english"} if HAS_STRICT_MODE else None, on_disk=True)
    index(client, name, "date", type="text", tokenizer="prefix")
    for kind in ("keyword", "integer", "float", "geo", "bool", "datetime", "uuid", "text"):
        index(client, name, f"bare.{kind}", type=kind)
    index(client, name, "nested.\"\".x", type="keyword")


def alias(client, name, *names):
    client.update_collection_aliases([m.CreateAliasOperation(create_alias=m.CreateAlias(collection_name=name, alias_name=n)) for n in names])


# ---- the collections

def rich(client):
    vectors, words = named_vectors(), sparse_vectors()
    client.create_collection("rich", vectors_config=vectors, sparse_vectors_config=words, **settings())
    indexes(client, "rich")

    def both(i):
        given = vectors_of(vectors, i)
        if given and i % 2:
            given.update({name: sparse(i + at) for at, name in enumerate(sorted(words))})
        return given

    put(client, "rich", records(both))
    alias(client, "rich", "rich now", "r\u00fcck%20")


def put(client, name, points):
    for at in range(0, len(points), 10):
        client.upsert(name, points[at:at + 10], wait=True)


def plain(client, name, distance, scale=1, **more):
    """One vector without a name. `scale`: lengths beyond what a cosine collection normalises."""
    client.create_collection(name, vectors_config=m.VectorParams(size=6, distance=distance, **more))
    lengths = [1, scale, 1 / scale, 0]
    put(client, name, records(lambda i: [x * lengths[i % 4] for x in numbers(i, 6)]))


def rows(client, name):
    client.create_collection(name, vectors_config=m.VectorParams(size=3, distance=COSINE, multivector_config=m.MultiVectorConfig(comparator="max_sim")))
    put(client, name, records(lambda i: [numbers(i, 3)] * (i % 4 + 1)))


def make(client):
    """All of them; returns their names."""
    rich(client)
    plain(client, "dot", DOT, 1e15, quantization_config=m.ScalarQuantization(scalar=m.ScalarQuantizationConfig(type="int8")))
    plain(client, "cosine", COSINE, 1e20)
    plain(client, "euclid", EUCLID)
    plain(client, "manhattan", MANHATTAN, hnsw_config=m.HnswConfigDiff(full_scan_threshold=11))
    index(client, "cosine", "group", type="keyword")
    client.create_collection("beside", vectors_config=m.VectorParams(size=3, distance=COSINE), sparse_vectors_config={"words": m.SparseVectorParams()})
    put(client, "beside", records(lambda i: {"": numbers(i, 3), "words": sparse(i)} if i % 3 else {"words": sparse(i)}))
    client.create_collection("words alone", vectors_config={}, sparse_vectors_config={"words": m.SparseVectorParams()})
    put(client, "words alone", records(lambda i: {"words": sparse(i)}))
    client.create_collection("no vectors", vectors_config={})
    put(client, "no vectors", records(lambda i: {}))
    client.create_collection("nothing", vectors_config={"a": m.VectorParams(size=3, distance=DOT)})
    alias(client, "nothing", "nobody")
    names = ["rich", "dot", "cosine", "euclid", "manhattan", "beside", "words alone", "no vectors", "nothing"]
    if HAS_MULTI:
        rows(client, "rows")
        names.append("rows")
    return names


def make_sharded(client, keys):
    """Points under shard keys, the same ids under each."""
    client.create_collection("sharded", vectors_config=m.VectorParams(size=4, distance=DOT), sharding_method=m.ShardingMethod.CUSTOM, shard_number=1)
    for at, key in enumerate(keys):
        client.create_shard_key("sharded", key)
        few = [m.PointStruct(id=i, vector=numbers(at * 100 + i, 4), payload={"n": i, "of": key}) for i in range(1, 9)]
        client.upsert("sharded", few, wait=True, shard_key_selector=key)


# ---- what to ask

SPARSE = {"rich": ["words", "bare"], "beside": ["words"], "words alone": ["words"]}  # clients of 1.7 do not tell of them


def probes(client, name):
    """A query for each vector of a collection: name -> vector."""
    params = client.get_collection(name).config.params
    named = params.vectors if isinstance(params.vectors, dict) else {"": params.vectors} if params.vectors else {}
    found = {}
    for using, vector in named.items():
        values = numbers(42, vector.size * 2)
        found[using] = [values[:vector.size], values[vector.size:]] if getattr(vector, "multivector_config", None) else values[:vector.size]
    for using in params.sparse_vectors or SPARSE.get(name, ()):
        found[using] = m.SparseVector(indices=[1, 52, 60, 2**32 - 8], values=[1.0, 2.0, -0.5, 0.25])
    return found


def dense_vector(client, name):
    """Vectors for a new point: those of `probes`, so that it is found."""
    found = probes(client, name)
    return found[""] if set(found) == {""} else found
