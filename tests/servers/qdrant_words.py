"""Short words for the vendor's messages, and its stubs."""
import grpc
from qdrant_client import grpc as pb
from qdrant_client.conversions.conversion import json_to_value

Code = grpc.StatusCode


class Raw:
    """The vendor's stubs; each call answers its response, or the RpcError that it raised."""

    def __init__(self, double, metadata=(), credentials=None):
        address = f"localhost:{double.port}"
        self.channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
        self.stubs = [pb.PointsStub(self.channel), pb.CollectionsStub(self.channel), pb.QdrantStub(self.channel)]
        self.metadata = metadata

    def __getattr__(self, name):
        def call(request, stub=None, **more):
            chosen = self.stubs[stub] if stub is not None else next(s for s in self.stubs if hasattr(s, name))
            try:
                return getattr(chosen, name)(request, metadata=self.metadata, timeout=20, **more)
            except grpc.RpcError as error:
                return error
        return call

    def info(self, name):
        return self.stubs[1].Get(pb.GetCollectionInfoRequest(collection_name=name), metadata=self.metadata).result

    def make(self, name, size=4, distance=pb.Distance.Dot, **more):
        vectors = pb.VectorsConfig(params=pb.VectorParams(size=size, distance=distance, **more.pop("vector", {})))
        return self.Create(pb.CreateCollection(collection_name=name, **{"vectors_config": vectors, **more}))

    def put(self, name, *points, **more):
        return self.Upsert(pb.UpsertPoints(collection_name=name, points=points, **{"wait": True, **more}))

    def scroll(self, name, **more):
        return self.Scroll(pb.ScrollPoints(collection_name=name, with_vectors=pb.WithVectorsSelector(enable=True), **more))


def num(n):
    return pb.PointId(num=n)


def uid(text):
    return pb.PointId(uuid=text)


def plain(*components):
    return pb.Vectors(vector=pb.Vector(dense=pb.DenseVector(data=components)))


def named(**vectors):
    return pb.Vectors(vectors=pb.NamedVectors(vectors=vectors))


def dense(*components):
    return pb.Vector(dense=pb.DenseVector(data=components))


def point(point_id, *components, vectors=None, **payload):
    return pb.PointStruct(id=point_id if isinstance(point_id, pb.PointId) else num(point_id), vectors=vectors or plain(*(components or (1, 2, 3, 4))),
                          payload={key: json_to_value(value) for key, value in payload.items()})


def ids_of(answer):
    return [row.id.uuid or row.id.num for row in answer.result]


def refused(answer, code, text=""):
    assert isinstance(answer, grpc.RpcError), answer
    assert (answer.code(), text in answer.details()) == (code, True), (answer.code(), answer.details())


def sparse(indices, values):
    return pb.Vector(sparse=pb.SparseVector(indices=indices, values=values))


def multi(*rows):
    return pb.Vector(multi_dense=pb.MultiDenseVector(vectors=[pb.DenseVector(data=row) for row in rows]))


def key_of(keyword):
    return pb.ShardKeySelector(shard_keys=[pb.ShardKey(keyword=keyword)])
