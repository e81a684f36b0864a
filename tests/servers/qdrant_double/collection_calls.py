"""The Collections service."""
from . import config
from .errors import Code, Refused, bad_request, no_collection, not_found, validation, wrong_input
from .limits import Limits
from .optimizer import Optimizer
from .state import Collection, Shard, shard_name
from .vendor import pb

DONE = pb.CollectionOperationResponse(result=True)
NOTHING_DONE = pb.CollectionOperationResponse(result=False)


def list_collections(server, _):
    return pb.ListCollectionsResponse(collections=[pb.CollectionDescription(name=name) for name in server.store.collections])


def exists(server, request):
    """Validates less than creation does: most bad names just do not exist."""
    name = request.collection_name
    if not name or len(name) > config.LONGEST_NAME or "/" in name or "\0" in name:
        config.check_name(name)
    return pb.CollectionExistsResponse(result=pb.CollectionExists(exists=server.store.find(name) is not None))


def create(server, request):
    store, name = server.store, request.collection_name
    config.drop_unknown(request, server.version)
    config.check_create(request)
    if name in store.collections:
        raise Refused(Code.ALREADY_EXISTS, f"Wrong input: Collection `{name}` already exists!")
    if name in store.aliases:
        raise wrong_input(f"Can't create collection with name {name}. Alias with the same name already exists")
    limits = Limits()
    limits.replaying = server.replaying
    store.collections[name] = Collection(name, config.created(request), Optimizer(server.index_seconds), limits)
    return DONE


def update(server, request):
    collection = server.store.get(request.collection_name)
    config.drop_unknown(request, server.version)
    config.update(collection.config, request)
    server.touched(collection)
    return DONE


def delete(server, request):
    """A missing collection is no error, and an alias is no collection: nothing is deleted, and the answer is OK."""
    store = server.store
    if store.collections.pop(request.collection_name, None) is None:
        return NOTHING_DONE
    store.aliases = {alias: name for alias, name in store.aliases.items() if name != request.collection_name}
    return DONE


def info(server, request):
    collection = server.store.get(request.collection_name)
    status, indexed = server.look(collection)
    found = pb.CollectionInfo(
        status=status, optimizer_status=pb.OptimizerStatus(ok=True), segments_count=2, config=collection.config,
        points_count=collection.count, indexed_vectors_count=indexed, update_queue=pb.UpdateQueueInfo(length=0))
    config.told(found.config, server.version)
    for field, schema in collection.schema.items():
        found.payload_schema[field].CopyFrom(schema)
        found.payload_schema[field].points = server.points_holding(collection, field)
    return pb.GetCollectionInfoResponse(result=found)


def cluster_info(server, request):
    collection = server.store.get(request.collection_name)
    shards = [pb.LocalShardInfo(shard_id=shard.shard_id, points_count=len(shard.points), state=pb.ReplicaState.Active, shard_key=shard.shard_key)
              for shard in collection.shards.values()]
    return pb.CollectionClusterInfoResponse(peer_id=1, shard_count=len(shards), local_shards=shards)


# ---- shard keys

def create_shard_key(server, request):
    """A single node has none; `--distributed` makes the double one of a cluster of one."""
    collection = server.store.get(request.collection_name)
    if not server.options.distributed:
        raise bad_request("Distributed mode disabled")
    if not collection.custom:
        raise bad_request("Shard Key cannot be created with Auto sharding method")
    key = request.request.shard_key
    if shard_name(key) in collection.shards:
        raise bad_request(f"Sharding key {shard_name(key)} already exists for collection {collection.name}")
    kept = pb.ShardKey()
    kept.CopyFrom(key)
    collection.shards[shard_name(key)] = Shard(len(collection.shards), kept)
    return pb.CreateShardKeyResponse(result=True)


def delete_shard_key(server, request):
    collection = server.store.get(request.collection_name)
    if not server.options.distributed:
        raise bad_request("Distributed mode disabled")
    if collection.shards.pop(shard_name(request.request.shard_key), None) is None:
        raise not_found(f"Shard key {shard_name(request.request.shard_key)} does not exist")
    collection.revision += 1
    return pb.DeleteShardKeyResponse(result=True)


def list_shard_keys(server, request):
    collection = server.store.get(request.collection_name)
    keys = [pb.ShardKeyDescription(key=shard.shard_key) for shard in collection.shards.values() if shard.shard_key is not None]
    return pb.ListShardKeysResponse(shard_keys=keys)


# ---- aliases

def update_aliases(server, request):
    """Actions before one that fails stay done."""
    for done, action in enumerate(request.actions):
        try:
            _alias_action(server.store, action)
        except Refused as refused:
            refused.applied = done > 0
            raise
    return DONE


def _alias_action(store, action):
    which = action.WhichOneof("action")
    if which == "create_alias":
        _create_alias(store, action.create_alias)
    elif which == "rename_alias":  # onto the name of a collection too, which then hides the alias
        old, new = action.rename_alias.old_alias_name, action.rename_alias.new_alias_name
        if old not in store.aliases:
            raise not_found(f"Alias {old} does not exists!")
        store.aliases[new] = store.aliases.pop(old)
    elif which == "delete_alias":
        store.aliases.pop(action.delete_alias.alias_name, None)
    else:
        raise validation("actions[].action: malformed alias action")


def _create_alias(store, wanted):
    """An alias that points elsewhere is re-pointed without a word; one cannot point at another alias."""
    if wanted.collection_name not in store.collections:
        raise no_collection(wanted.collection_name)
    if wanted.alias_name in store.collections:
        raise Refused(Code.ALREADY_EXISTS, f"Wrong input: Collection `{wanted.alias_name}` already exists!")
    store.aliases[wanted.alias_name] = wanted.collection_name


def list_aliases(server, _):
    return _aliases(server.store.aliases.items())


def list_collection_aliases(server, request):
    """Empty, and no error, for a collection that does not exist."""
    return _aliases((alias, name) for alias, name in server.store.aliases.items() if name == request.collection_name)


def _aliases(pairs):
    return pb.ListAliasesResponse(aliases=[pb.AliasDescription(alias_name=alias, collection_name=name) for alias, name in pairs])
