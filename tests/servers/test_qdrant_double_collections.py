"""Collections on the double: settings, names, aliases, payload indexes, shard keys."""
import pytest
from qdrant_client import grpc as pb

from qdrant_fixtures import raw, shared  # noqa: F401
from qdrant_words import Code, ids_of, key_of, point, refused, uid


def test_settings_come_back_whole_with_defaults(raw):
    raw.make(raw.name, shard_number=2, metadata=point(0, a=1, b={"c": None}).payload, vector={
        "hnsw_config": pb.HnswConfigDiff(m=0, memory=pb.Memory.Cold), "datatype": pb.Datatype.Float16, "on_disk": True},
        optimizers_config=pb.OptimizersConfigDiff(indexing_threshold=0), strict_mode_config=pb.StrictModeConfig(enabled=False, max_query_limit=7),
        quantization_config=pb.QuantizationConfig(scalar=pb.ScalarQuantization(type=pb.QuantizationType.Int8, quantile=0.5)))
    config = raw.info(raw.name).config
    vector = config.params.vectors_config.params
    assert (vector.hnsw_config.m, vector.hnsw_config.HasField("m"), vector.hnsw_config.HasField("memory"), vector.datatype, vector.on_disk) == (0, True, False, 3, True)
    assert (config.params.shard_number, config.params.replication_factor, config.params.on_disk_payload) == (2, 1, True)
    assert (config.hnsw_config.m, config.hnsw_config.ef_construct, config.hnsw_config.full_scan_threshold) == (16, 100, 10000)
    assert (config.optimizer_config.indexing_threshold, config.optimizer_config.deleted_threshold, config.wal_config.wal_capacity_mb) == (0, 0.2, 32)
    assert config.quantization_config.scalar.quantile == 0.5 and config.strict_mode_config.max_query_limit == 7
    raw.Update(pb.UpdateCollection(collection_name=raw.name, metadata=point(0, b=2, d=3).payload, optimizers_config=pb.OptimizersConfigDiff(
        indexing_threshold=5, max_optimization_threads=pb.MaxOptimizationThreads(value=2))))
    config = raw.info(raw.name).config
    assert {key: value.integer_value for key, value in config.metadata.items()} == {"a": 1, "b": 2, "d": 3}
    assert (config.optimizer_config.indexing_threshold, config.optimizer_config.deprecated_max_optimization_threads, config.optimizer_config.deleted_threshold) == (5, 2, 0.2)
    refused(raw.make(raw.name), Code.ALREADY_EXISTS, f"Wrong input: Collection `{raw.name}` already exists!")
    refused(raw.Update(pb.UpdateCollection(collection_name="nope")), Code.NOT_FOUND)


@pytest.mark.parametrize("more, code, text", [
    ({"size": 0}, Code.INVALID_ARGUMENT, "[vectors_config.config.size: value 0 invalid, must be from 1 to 65536]"),
    ({"distance": 0}, Code.INVALID_ARGUMENT, "Malformed distance parameter: UnknownDistance"),
    ({"vector": {"datatype": 4}}, Code.INTERNAL, "turbo4"), ({"vector": {"datatype": 5}}, Code.INVALID_ARGUMENT, "Cannot convert datatype: 5"),
    ({"sparse_vectors_config": pb.SparseVectorConfig(map={"": pb.SparseVectorParams()})}, Code.INVALID_ARGUMENT, "duplicate found with ''"),
    ({"hnsw_config": pb.HnswConfigDiff(ef_construct=1)}, Code.INVALID_ARGUMENT, "Validation error in body"),
    ({"shard_number": 0}, Code.INVALID_ARGUMENT, "Validation error in body")])
def test_collections_that_are_refused(raw, more, code, text):
    refused(raw.make("refused", **more), code, text)


def test_names(raw):
    for char in '/\\:*?<>|"':
        refused(raw.make(f"a{char}b"), Code.INVALID_ARGUMENT, f'collection name cannot contain "{char}" char')
    refused(raw.make("é" * 200), Code.INTERNAL, "Can't create directory for collection")
    assert raw.make(" blank\nand .\U0001f600# ").result
    assert not raw.CollectionExists(pb.CollectionExistsRequest(collection_name="a*b")).result.exists


def test_aliases(raw):
    one, two, alias = raw.name + "1", raw.name + "2", raw.name + "a"
    raw.make(one), raw.make(two)

    def act(*actions):
        return raw.UpdateAliases(pb.ChangeAliases(actions=actions))

    def create(name, collection):
        return pb.AliasOperations(create_alias=pb.CreateAlias(alias_name=name, collection_name=collection))

    def target():
        answer = raw.ListAliases(pb.ListAliasesRequest())
        return {a.alias_name: a.collection_name for a in answer.aliases}.get(alias)

    assert act(create(alias, one)).result and target() == one
    assert act(create(alias, two)).result and target() == two  # re-pointed without a word
    raw.put(alias, point(1))
    assert raw.info(two).points_count == 1
    assert not raw.Delete(pb.DeleteCollection(collection_name=alias), stub=1).result and raw.info(alias).points_count == 1
    refused(act(create("x", "nope")), Code.NOT_FOUND)
    refused(act(create("x", alias)), Code.NOT_FOUND)
    refused(act(create(one, two)), Code.ALREADY_EXISTS)
    refused(raw.make(alias), Code.INVALID_ARGUMENT, "Alias with the same name already exists")
    rename = pb.AliasOperations(rename_alias=pb.RenameAlias(old_alias_name="nope", new_alias_name="y"))
    refused(act(create(alias, one), rename), Code.NOT_FOUND, "Not found: Alias nope does not exists!")
    assert target() == one  # what came before the failure stays
    assert raw.Delete(pb.DeleteCollection(collection_name=one), stub=1).result and target() is None
    assert not raw.Delete(pb.DeleteCollection(collection_name=one), stub=1).result
    assert list(raw.ListCollectionAliases(pb.ListCollectionAliasesRequest(collection_name="nope")).aliases) == []


def test_payload_indexes(raw):
    raw.make(raw.name)
    raw.put(raw.name, point(1, k="a"), point(2, k="b"), point(3))

    def index(field="k", **more):
        return raw.CreateFieldIndex(pb.CreateFieldIndexCollection(collection_name=raw.name, wait=True, field_name=field, **more))

    keyword = pb.PayloadIndexParams(keyword_index_params=pb.KeywordIndexParams(is_tenant=True, nested="x"))
    refused(index(field_index_params=keyword), Code.INVALID_ARGUMENT, "cannot convert field_type")
    refused(index(field_type=1, field_index_params=keyword), Code.INVALID_ARGUMENT, "field_type (Integer) and field_index_params do not match")
    refused(index(field_type=4, field_index_params=pb.PayloadIndexParams(text_index_params=pb.TextIndexParams())), Code.INVALID_ARGUMENT, "unknown tokenizer type")
    refused(index(field="", field_type=0), Code.INVALID_ARGUMENT)
    refused(index(field="a..b", field_type=0), Code.INVALID_ARGUMENT)
    index(field_type=0)
    schema = raw.info(raw.name).payload_schema["k"]
    assert (schema.data_type, schema.points, schema.HasField("params")) == (1, 2, False)
    index(field_type=0, field_index_params=keyword)
    params = raw.info(raw.name).payload_schema["k"].params.keyword_index_params
    assert params.is_tenant and not params.HasField("nested")  # newer than this server: dropped without a word
    raw.DeleteFieldIndex(pb.DeleteFieldIndexCollection(collection_name=raw.name, field_name="k"))
    assert not raw.info(raw.name).payload_schema
    refused(raw.scroll(raw.name, order_by=pb.OrderBy(key="k")), Code.INVALID_ARGUMENT, "No range index for `order_by` key: `k`")


def test_shard_keys(raw):
    refused(raw.make(raw.name, sharding_method=pb.ShardingMethod.Auto) and raw.put(raw.name, point(1), shard_key_selector=key_of("x")),
            Code.INVALID_ARGUMENT, 'Wrong input: Shard key "x" not found')
    name = raw.name + "c"
    raw.make(name, sharding_method=pb.ShardingMethod.Custom)
    refused(raw.put(name, point(1)), Code.INVALID_ARGUMENT, "Wrong input: Shard key not specified")
    for key in ("a", "b"):
        raw.CreateShardKey(pb.CreateShardKeyRequest(collection_name=name, request=pb.CreateShardKey(shard_key=pb.ShardKey(keyword=key))))
        raw.put(name, point(1, of=key), point(5 if key == "a" else 3, of=key), shard_key_selector=key_of(key))
    text = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    raw.put(name, point(uid(text)), shard_key_selector=key_of("b"))
    assert ids_of(raw.scroll(name)) == [1, 3, 5, text]
    [one, three, _] = raw.scroll(name, shard_key_selector=key_of("b")).result
    assert (one.shard_key.keyword, one.payload["of"].string_value, three.id.num) == ("b", "b", 3)
    shards = raw.CollectionClusterInfo(pb.CollectionClusterInfoRequest(collection_name=name)).local_shards
    assert [(s.shard_key.keyword, s.points_count) for s in shards] == [("a", 2), ("b", 3)]
