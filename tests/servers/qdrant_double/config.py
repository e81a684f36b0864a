"""Collection settings: checked at creation, filled in with the server's defaults, echoed whole, merged by updates."""
from .errors import Code, Refused, bad_request, invalid, validation, wrong_input
from .vendor import pb

NAME_REFUSES = '/\\:*?<>|"\0'
LONGEST_NAME = 255

# Fields that servers before the version do not know: they are dropped silently, so a client that must be sure reads the settings back.
_SINCE = {
    "memory": (1, 19), "nested": (1, 19), "prefix": (1, 19), "scoring": (1, 19), "payload": (1, 19), "id_tracker": (1, 19), "disabled": (1, 19),
    "metadata": (1, 16), "strict_mode_config": (1, 13), "turboquant": (1, 18), "inline_storage": (1, 16), "is_tenant": (1, 11),
    "max_optimization_threads": (1, 13), "is_principal": (1, 11), "multivector_config": (1, 10), "modifier": (1, 10),
}
_NOT_DROPPED = {("QuantizationConfigDiff", "disabled")}


def drop_unknown(message, version):
    """Clears the settings that a server of this version does not know, in place."""
    for field, value in message.ListFields():
        since = _SINCE.get(field.name)
        if since and version < since and (message.DESCRIPTOR.name, field.name) not in _NOT_DROPPED:
            message.ClearField(field.name)
        elif field.type == field.TYPE_MESSAGE and field.name != "metadata":
            for inner in _messages(field, value):
                drop_unknown(inner, version)


def _messages(field, value):
    if field.message_type.GetOptions().map_entry:
        return list(value.values()) if field.message_type.fields_by_name["value"].type == field.TYPE_MESSAGE else []
    return list(value) if not hasattr(value, "DESCRIPTOR") else [value]


def check_name(name):
    if not name or len(name) > LONGEST_NAME:
        raise validation(f"collection_name: value length {len(name)} invalid, must be from 1 to {LONGEST_NAME} characters")
    for char in name:
        if char in NAME_REFUSES:
            raise invalid(f'collection name cannot contain "{char}" char')
    if len(name.encode()) > LONGEST_NAME or name in (".", ".."):
        raise Refused(Code.INTERNAL, "Service internal error: Can't create directory for collection")


# ---- creation

def _check_vector(size, distance, datatype, path):
    if not 1 <= size <= 65536:
        raise validation(f"{path}size: value {size} invalid, must be from 1 to 65536")
    if distance == pb.Distance.UnknownDistance:
        raise invalid("Malformed distance parameter: UnknownDistance")
    if not 1 <= distance <= 4:
        raise invalid(f"Cannot convert distance: {distance}")
    check_datatype(datatype)


def check_datatype(datatype):
    if datatype == pb.Datatype.Turbo4:
        raise Refused(Code.INTERNAL, "Service internal error: not implemented: turbo4 datatype storage not yet wired up")
    if not 0 <= datatype <= 3:
        raise invalid(f"Cannot convert datatype: {datatype}")


def _check_hnsw(hnsw, path):
    if hnsw.HasField("ef_construct") and hnsw.ef_construct < 4:
        raise validation(f"{path}.ef_construct: value {hnsw.ef_construct} invalid, must be 4 or larger")


def check_create(request):
    check_name(request.collection_name)
    vectors = request.vectors_config
    named = {"": vectors.params} if vectors.WhichOneof("config") == "params" else vectors.params_map.map
    for name, params in named.items():
        _check_vector(params.size, params.distance, params.datatype, "vectors_config.config.")
        _check_hnsw(params.hnsw_config, "vectors_config.config.hnsw_config")
        if name in request.sparse_vectors_config.map:
            raise wrong_input(f"Dense and sparse vector names must be unique - duplicate found with '{name}'")
    _check_hnsw(request.hnsw_config, "hnsw_config")
    for number in ("shard_number", "replication_factor", "write_consistency_factor"):
        if request.HasField(number) and getattr(request, number) == 0:
            raise validation(f"{number}: value 0 invalid, must be 1 or larger")
    if request.wal_config.HasField("wal_capacity_mb") and request.wal_config.wal_capacity_mb == 0:
        raise validation("wal_config.wal_capacity_mb: value 0 invalid, must be 1 or larger")


def created(request):
    """The CollectionConfig that info returns: whatever was set, and defaults for the rest, indistinguishably."""
    config = pb.CollectionConfig()
    params = config.params
    params.shard_number = request.shard_number or 1
    params.replication_factor = request.replication_factor or 1
    params.write_consistency_factor = request.write_consistency_factor or 1
    params.on_disk_payload = request.on_disk_payload if request.HasField("on_disk_payload") else True
    for optional in ("vectors_config", "sparse_vectors_config", "payload", "id_tracker"):
        if request.HasField(optional):
            getattr(params, optional).CopyFrom(getattr(request, optional))
    if request.HasField("sharding_method"):
        params.sharding_method = request.sharding_method
    config.hnsw_config.CopyFrom(pb.HnswConfigDiff(m=16, ef_construct=100, full_scan_threshold=10000, max_indexing_threads=0, on_disk=False))
    config.hnsw_config.MergeFrom(request.hnsw_config)
    config.wal_config.CopyFrom(pb.WalConfigDiff(wal_capacity_mb=32, wal_segments_ahead=0, wal_retain_closed=1))
    config.wal_config.MergeFrom(request.wal_config)
    config.optimizer_config.CopyFrom(pb.OptimizersConfigDiff(
        deleted_threshold=0.2, vacuum_min_vector_number=1000, default_segment_number=0, indexing_threshold=10000, flush_interval_sec=5))
    _merge_optimizer(config.optimizer_config, request.optimizers_config)
    for optional in ("quantization_config", "strict_mode_config"):
        if request.HasField(optional):
            getattr(config, optional).CopyFrom(getattr(request, optional))
    _merge_metadata(config, request)
    return config


def _merge_optimizer(kept, diff):
    """`max_optimization_threads` is answered in its old field as well."""
    kept.MergeFrom(diff)
    if diff.max_optimization_threads.WhichOneof("variant") == "value":
        kept.deprecated_max_optimization_threads = diff.max_optimization_threads.value
    elif diff.HasField("max_optimization_threads"):
        kept.ClearField("deprecated_max_optimization_threads")
    elif diff.HasField("deprecated_max_optimization_threads"):
        kept.max_optimization_threads.value = diff.deprecated_max_optimization_threads


def _merge_metadata(config, request):
    for key, value in request.metadata.items():
        config.metadata[key].CopyFrom(value)


def told(config, version):
    """The settings as a server of this version answers them, in place: the threads are one number before 1.13, and before 1.8 always there."""
    optimizer = config.optimizer_config
    if version < (1, 13):
        optimizer.ClearField("max_optimization_threads")
    if version < (1, 8) and not optimizer.HasField("deprecated_max_optimization_threads"):
        optimizer.deprecated_max_optimization_threads = 1


# ---- updates

def update(config, request):
    """Merges an UpdateCollection into the settings; metadata by key. An empty update changes nothing."""
    _check_hnsw(request.hnsw_config, "hnsw_config")
    _update_vectors(config.params, request)
    _merge_optimizer(config.optimizer_config, request.optimizers_config)
    config.hnsw_config.MergeFrom(request.hnsw_config)
    for field, value in request.params.ListFields():
        if field.type == field.TYPE_MESSAGE:
            getattr(config.params, field.name).MergeFrom(value)
        else:
            setattr(config.params, field.name, value)
    if request.HasField("quantization_config"):
        _set_quantization(config, request.quantization_config)
    if request.HasField("strict_mode_config"):
        config.strict_mode_config.MergeFrom(request.strict_mode_config)
    _merge_metadata(config, request)


def _set_quantization(owner, diff):
    which = diff.WhichOneof("quantization")
    owner.ClearField("quantization_config")
    if which not in (None, "disabled"):
        getattr(owner.quantization_config, which).CopyFrom(getattr(diff, which))


def _update_vectors(params, request):
    diff = request.vectors_config
    which = diff.WhichOneof("config")
    changes = {} if which is None else {"": diff.params} if which == "params" else diff.params_map.map
    for name, change in changes.items():
        kept = _vector_named(params, name)
        kept.hnsw_config.MergeFrom(change.hnsw_config) if change.HasField("hnsw_config") else None
        if change.HasField("on_disk"):
            kept.on_disk = change.on_disk
        if change.HasField("memory"):
            kept.memory = change.memory
        if change.HasField("quantization_config"):
            _set_quantization(kept, change.quantization_config)
    for name, change in request.sparse_vectors_config.map.items():
        if name not in params.sparse_vectors_config.map:
            raise wrong_input(f"Not existing vector name error: {name}")
        params.sparse_vectors_config.map[name].MergeFrom(change)


def _vector_named(params, name):
    config = params.vectors_config
    if config.WhichOneof("config") == "params" and name == "":
        return config.params
    if name not in config.params_map.map:
        raise wrong_input(f"Not existing vector name error: {name}")
    return config.params_map.map[name]


# ---- payload indexes

_PARAMS_OF = ("keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid")


def index_of(request):
    """The PayloadSchemaInfo that a CreateFieldIndexCollection makes. Parameters are kept only if they were sent, and then all."""
    given = request.field_index_params.WhichOneof("index_params")
    if not request.HasField("field_type"):
        if given:
            raise invalid("cannot convert field_type")
        raise bad_request("Can't auto-detect field type, please specify `field_schema` in the request")
    if not 0 <= request.field_type < len(_PARAMS_OF):
        raise bad_request("Can't auto-detect field type, please specify `field_schema` in the request")
    kind = _PARAMS_OF[request.field_type]
    info = pb.PayloadSchemaInfo(data_type=request.field_type + 1)
    if given is None:
        return info
    if given != f"{kind}_index_params":
        raise invalid(f"field_type ({kind.capitalize()}) and field_index_params do not match")
    params = getattr(request.field_index_params, given)
    if kind == "text" and params.tokenizer == pb.TokenizerType.Unknown:
        raise invalid("unknown tokenizer type")
    if kind == "integer" and params.HasField("lookup") and params.HasField("range") and not (params.lookup or params.range):
        raise validation("field_index_params: the 'lookup' and 'range' capabilities can't be both disabled")
    info.params.CopyFrom(request.field_index_params)
    return info
