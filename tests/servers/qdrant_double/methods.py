"""The calls that are served: name -> request message, function, and what they need."""
import dataclasses
import typing

from . import collection_calls, read_calls, search_calls, write_calls
from .vendor import pb


@dataclasses.dataclass
class Method:
    request: type
    call: typing.Callable
    writes: bool = False       # logged, and refused to a read-only key
    since: tuple = (0, 0)      # servers before answer UNIMPLEMENTED
    open: bool = False         # answered without a key


def _health(server, _):
    return pb.HealthCheckReply(title="qdrant - vector search engine", version=server.options.version)


METHODS = {
    "/qdrant.Qdrant/HealthCheck": Method(pb.HealthCheckRequest, _health, open=True),
    "/qdrant.Collections/List": Method(pb.ListCollectionsRequest, collection_calls.list_collections),
    "/qdrant.Collections/Get": Method(pb.GetCollectionInfoRequest, collection_calls.info),
    "/qdrant.Collections/CollectionExists": Method(pb.CollectionExistsRequest, collection_calls.exists, since=(1, 8)),
    "/qdrant.Collections/Create": Method(pb.CreateCollection, collection_calls.create, True),
    "/qdrant.Collections/Update": Method(pb.UpdateCollection, collection_calls.update, True),
    "/qdrant.Collections/Delete": Method(pb.DeleteCollection, collection_calls.delete, True),
    "/qdrant.Collections/UpdateAliases": Method(pb.ChangeAliases, collection_calls.update_aliases, True),
    "/qdrant.Collections/ListAliases": Method(pb.ListAliasesRequest, collection_calls.list_aliases),
    "/qdrant.Collections/ListCollectionAliases": Method(pb.ListCollectionAliasesRequest, collection_calls.list_collection_aliases),
    "/qdrant.Collections/CollectionClusterInfo": Method(pb.CollectionClusterInfoRequest, collection_calls.cluster_info),
    "/qdrant.Collections/CreateShardKey": Method(pb.CreateShardKeyRequest, collection_calls.create_shard_key, True, (1, 7)),
    "/qdrant.Collections/DeleteShardKey": Method(pb.DeleteShardKeyRequest, collection_calls.delete_shard_key, True, (1, 7)),
    "/qdrant.Collections/ListShardKeys": Method(pb.ListShardKeysRequest, collection_calls.list_shard_keys, since=(1, 17)),
    "/qdrant.Points/Upsert": Method(pb.UpsertPoints, write_calls.upsert, True),
    "/qdrant.Points/Delete": Method(pb.DeletePoints, write_calls.delete, True),
    "/qdrant.Points/UpdateVectors": Method(pb.UpdatePointVectors, write_calls.update_vectors, True, (1, 2)),
    "/qdrant.Points/SetPayload": Method(pb.SetPayloadPoints, write_calls.set_payload, True),
    "/qdrant.Points/OverwritePayload": Method(pb.SetPayloadPoints, write_calls.overwrite_payload, True),
    "/qdrant.Points/DeletePayload": Method(pb.DeletePayloadPoints, write_calls.delete_payload, True),
    "/qdrant.Points/ClearPayload": Method(pb.ClearPayloadPoints, write_calls.clear_payload, True),
    "/qdrant.Points/CreateFieldIndex": Method(pb.CreateFieldIndexCollection, write_calls.create_field_index, True),
    "/qdrant.Points/DeleteFieldIndex": Method(pb.DeleteFieldIndexCollection, write_calls.delete_field_index, True),
    "/qdrant.Points/Scroll": Method(pb.ScrollPoints, read_calls.scroll),
    "/qdrant.Points/Get": Method(pb.GetPoints, read_calls.get),
    "/qdrant.Points/Count": Method(pb.CountPoints, read_calls.count),
    "/qdrant.Points/Search": Method(pb.SearchPoints, search_calls.search),
    "/qdrant.Points/Query": Method(pb.QueryPoints, search_calls.query, since=(1, 10)),
}
