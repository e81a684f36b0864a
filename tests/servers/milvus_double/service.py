"""The calls. What a caller does wrong is answered as the server does: an OK of gRPC with a Status of that code."""
import re

import numpy as np
from cells import as_floats, is_vector, write
from collections_ import Clock, Collection
from expressions import Wrong
from faults import Gate
from pymilvus.client.types import DataType as T
from pymilvus.grpc_gen import common_pb2 as common
from pymilvus.grpc_gen import milvus_pb2 as m
from pymilvus.grpc_gen import milvus_pb2_grpc
from pymilvus.grpc_gen import schema_pb2 as schema

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}\Z")
_METRICS = {T.FLOAT_VECTOR: {"L2", "IP", "COSINE"}, T.FLOAT16_VECTOR: {"L2", "IP", "COSINE"}, T.BFLOAT16_VECTOR: {"L2", "IP", "COSINE"}, T.INT8_VECTOR: {"L2", "IP", "COSINE"},
            T.BINARY_VECTOR: {"HAMMING", "JACCARD"}, T.SPARSE_FLOAT_VECTOR: {"IP", "BM25"}}
_WINDOW = 16384


class Refused(Exception):
    def __init__(self, code, legacy, reason):
        super().__init__(reason)
        self.status = common.Status(code=code, error_code=legacy, reason=reason)


def gone(name):
    return Refused(100, 4, f"can't find collection[database=default][collection={name}]")


def answering(kind):
    """Turns what is raised into the Status of an answer of that kind."""
    def wrap(call):
        def inner(self, request, context):
            try:
                return call(self, request, context)
            except Refused as error:
                status = error.status
            except (ValueError, Wrong) as error:
                status = common.Status(code=1100, error_code=5, reason=f"invalid parameter: {error}")
            except LookupError as error:
                status = common.Status(code=200, error_code=1, reason=f"partition not found[partition={error}]")
            return status if kind is common.Status else kind(status=status)
        return inner
    return wrap


class Milvus(milvus_pb2_grpc.MilvusServiceServicer):
    def __init__(self, options):
        self.options, self.gate, self.clock = options, Gate(options), Clock()
        self.collections, self.aliases = {}, {}
        self.databases = {"default"}
        self.last_page = None

    def database(self, request, context):
        name = getattr(request, "db_name", "") or dict(context.invocation_metadata()).get("dbname", "") or "default"
        if name not in self.databases:
            raise Refused(800, 1, f"database not found[database={name}]")
        return name

    def get(self, request, context, name=None):
        database, name = self.database(request, context), name or request.collection_name
        found = self.collections.get((database, self.aliases.get((database, name), name)))
        if found is None:
            raise gone(name)
        return found

    def loaded(self, request, context):
        found = self.get(request, context)
        if found.load != 3:
            raise Refused(101, 1, f"collection not loaded[collection={found.id}]")
        return found

    # ---- the server
    def Connect(self, request, context):
        return m.ConnectResponse(status=common.Status(), server_info=common.ServerInfo(build_tags=self.options.version), identifier=1)

    def GetVersion(self, request, context):
        return m.GetVersionResponse(status=common.Status(), version=self.options.version)

    def CreateDatabase(self, request, context):
        self.databases.add(request.db_name)
        return common.Status()

    def ListDatabases(self, request, context):
        return m.ListDatabasesResponse(status=common.Status(), db_names=sorted(self.databases))

    # ---- collections
    @answering(common.Status)
    def CreateCollection(self, request, context):
        database, name = self.database(request, context), request.collection_name
        described = schema.CollectionSchema.FromString(request.schema)
        if not _NAME.match(name):
            raise Refused(1100, 9, f"Invalid collection name: {name}")
        if (database, name) in self.collections:
            raise Refused(1100, 1, f"create duplicate collection with different parameters, collection: {name}")
        keys = [field for field in described.fields if field.is_primary_key]
        vectors = [field for field in described.fields if is_vector(field.data_type)]
        if len(keys) != 1 or keys[0].data_type not in (T.INT64, T.VARCHAR):
            raise ValueError("one primary key of int64 or varchar is wanted")
        if not 1 <= len(vectors) <= 10:
            raise ValueError("the number of vector fields is wrong")
        for field in described.fields:
            params = dict((p.key, p.value) for p in field.type_params)
            if not _NAME.match(field.name):
                raise ValueError(f"Invalid field name: {field.name}")
            if field.data_type == T.VARCHAR and not 1 <= int(params.get("max_length", 0)) <= 65535:
                raise ValueError(f"the maximum length of {field.name} should be in (0, 65535]")
            if is_vector(field.data_type) and field.data_type != T.SPARSE_FLOAT_VECTOR and not 2 <= int(params.get("dim", 0)) <= 32768 * (8 if field.data_type == T.BINARY_VECTOR else 1):
                raise ValueError(f"invalid dimension of {field.name}")
            if field.data_type == T.BINARY_VECTOR and int(params["dim"]) % 8:
                raise ValueError("the dimension of binary vectors is a multiple of 8")
            if field.is_partition_key and (field.nullable or field.data_type not in (T.INT64, T.VARCHAR)):
                raise ValueError("a partition key takes no nulls")
        if len({field.name for field in described.fields}) != len(described.fields):
            raise ValueError("a field's name is there twice")
        self.collections[database, name] = Collection(name, described, request, self.clock)
        return common.Status()

    @answering(common.Status)
    def DropCollection(self, request, context):
        database = self.database(request, context)
        if any(key[0] == database and of == request.collection_name for key, of in self.aliases.items()):
            raise Refused(1100, 1, "unable to drop the collection because it has aliases")
        self.collections.pop((database, request.collection_name), None)
        return common.Status()

    @answering(m.ShowCollectionsResponse)
    def ShowCollections(self, request, context):
        database = self.database(request, context)
        names = [name for of, name in self.collections if of == database]
        return m.ShowCollectionsResponse(status=common.Status(), collection_names=names, collection_ids=[self.collections[database, name].id for name in names])

    @answering(m.BoolResponse)
    def HasCollection(self, request, context):
        database = self.database(request, context)
        return m.BoolResponse(status=common.Status(), value=(database, request.collection_name) in self.collections)

    @answering(m.DescribeCollectionResponse)
    def DescribeCollection(self, request, context):
        database, found = self.database(request, context), self.get(request, context)
        return m.DescribeCollectionResponse(
            status=common.Status(), schema=found.schema, collectionID=found.id, shards_num=found.request.shards_num or 1, consistency_level=found.request.consistency_level,
            collection_name=found.name, properties=found.request.properties, num_partitions=len(found.partitions), db_name=database,
            aliases=sorted(alias for (of, alias), to in self.aliases.items() if of == database and to == found.name))

    @answering(common.Status)
    def RenameCollection(self, request, context):
        database = self.database(request, context)
        found = self.collections.get((database, request.oldName))
        if found is None:
            raise gone(request.oldName)
        if (database, request.newName) in self.collections or (database, request.newName) in self.aliases:
            raise Refused(65535, 1, f"duplicated new collection name {request.newName}")
        self.collections[database, request.newName] = self.collections.pop((database, request.oldName))
        found.name = found.schema.name = request.newName
        for alias, to in self.aliases.items():
            if alias[0] == database and to == request.oldName:
                self.aliases[alias] = request.newName
        return common.Status()

    @answering(common.Status)
    def CreateAlias(self, request, context):
        database = self.database(request, context)
        if (database, request.alias) in self.aliases or (database, request.alias) in self.collections:
            raise Refused(1602, 1, f"{request.alias} is alias to another collection")
        self.aliases[database, request.alias] = self.get(request, context).name
        return common.Status()

    @answering(common.Status)
    def AlterAlias(self, request, context):
        database = self.database(request, context)
        if (database, request.alias) not in self.aliases:
            raise Refused(1600, 1, f"alias not found[alias={request.alias}]")
        self.aliases[database, request.alias] = self.get(request, context).name
        return common.Status()

    @answering(common.Status)
    def DropAlias(self, request, context):
        self.aliases.pop((self.database(request, context), request.alias), None)
        return common.Status()

    @answering(m.ListAliasesResponse)
    def ListAliases(self, request, context):
        database = self.database(request, context)
        names = [alias for (of, alias), to in self.aliases.items() if of == database and request.collection_name in ("", to)]
        return m.ListAliasesResponse(status=common.Status(), aliases=names)

    @answering(m.GetCollectionStatisticsResponse)
    def GetCollectionStatistics(self, request, context):
        found = self.get(request, context)
        return m.GetCollectionStatisticsResponse(status=common.Status(), stats=[common.KeyValuePair(key="row_count", value=str(len(found.find(""))))])

    # ---- partitions
    @answering(m.ShowPartitionsResponse)
    def ShowPartitions(self, request, context):
        found = self.get(request, context)
        return m.ShowPartitionsResponse(status=common.Status(), partition_names=list(found.partitions), partitionIDs=list(found.partitions.values()))

    @answering(m.BoolResponse)
    def HasPartition(self, request, context):
        return m.BoolResponse(status=common.Status(), value=request.partition_name in self.get(request, context).partitions)

    @answering(common.Status)
    def CreatePartition(self, request, context):
        found = self.get(request, context)
        if found.keyed:
            raise Refused(1100, 1, "disable create partition if partition key mode is used")
        if not _NAME.match(request.partition_name):
            raise ValueError(f"Invalid partition name: {request.partition_name}")
        found.partitions.setdefault(request.partition_name, found.id + len(found.partitions))
        return common.Status()

    # ---- indexes and loading
    @answering(common.Status)
    def CreateIndex(self, request, context):
        found = self.get(request, context)
        field = found.fields.get(request.field_name)
        if field is None:
            raise Refused(1100, 1, f"cannot create index on non-exist field: {request.field_name}")
        params = {p.key: p.value for p in request.extra_params}
        if is_vector(field.data_type) and params.get("metric_type") not in _METRICS[field.data_type]:
            raise ValueError(f"metric type {params.get('metric_type')} is not supported by {T(field.data_type).name}")
        found.indexes[request.field_name] = (request.index_name or request.field_name, list(request.extra_params))
        return common.Status()

    @answering(m.DescribeIndexResponse)
    def DescribeIndex(self, request, context):
        found = self.get(request, context)
        rows = len(found.find(""))
        out = [m.IndexDescription(index_name=name, params=params, field_name=field, indexed_rows=rows, total_rows=rows, state=3)
               for field, (name, params) in found.indexes.items() if request.field_name in ("", field) and request.index_name in ("", name)]
        if not out:
            raise Refused(700, 25, f"index not found[collection={found.name}]")
        return m.DescribeIndexResponse(status=common.Status(), index_descriptions=out)

    @answering(common.Status)
    def DropIndex(self, request, context):
        self.get(request, context).indexes.pop(request.field_name or request.index_name, None)
        return common.Status()

    @answering(common.Status)
    def LoadCollection(self, request, context):
        found = self.get(request, context)
        lacking = [field.name for field in found.schema.fields if is_vector(field.data_type) and field.name not in found.indexes]
        if lacking:
            raise Refused(700, 25, f"there is no vector index on field: {lacking}, please create index firstly")
        if found.load == 1:
            found.load, found.loads = (2, self.options.slow_load) if self.options.slow_load else (3, 0)
        return common.Status()

    @answering(common.Status)
    def ReleaseCollection(self, request, context):
        self.get(request, context).load = 1
        return common.Status()

    @answering(m.GetLoadStateResponse)
    def GetLoadState(self, request, context):
        try:
            found = self.get(request, context)
        except Refused:
            return m.GetLoadStateResponse(status=common.Status(), state=0)
        if found.load == 2:
            found.loads -= 1
            found.load = 2 if found.loads > 0 else 3
        return m.GetLoadStateResponse(status=common.Status(), state=found.load)

    @answering(m.GetLoadingProgressResponse)
    def GetLoadingProgress(self, request, context):
        found = self.get(request, context)
        found.load = 3 if found.load == 2 else found.load
        return m.GetLoadingProgressResponse(status=common.Status(), progress=100, refresh_progress=100)

    @answering(m.FlushResponse)
    def Flush(self, request, context):
        for name in request.collection_names:
            self.get(request, context, name)
        return m.FlushResponse(status=common.Status())

    def GetFlushState(self, request, context):
        return m.GetFlushStateResponse(status=common.Status(), flushed=True)

    # ---- rows
    def mutate(self, request, context, replacing):
        found = self.get(request, context)
        keys = found.put(request, replacing)
        ids = schema.IDs(int_id=schema.LongArray(data=keys)) if found.key.data_type == T.INT64 else schema.IDs(str_id=schema.StringArray(data=keys))
        count = {"upsert_cnt": len(keys), "insert_cnt": len(keys)} if replacing else {"insert_cnt": len(keys)}
        return m.MutationResult(status=common.Status(), IDs=ids, timestamp=self.clock.now, **count)

    @answering(m.MutationResult)
    def Insert(self, request, context):
        return self.mutate(request, context, False)

    @answering(m.MutationResult)
    def Upsert(self, request, context):
        return self.mutate(request, context, True)

    @answering(m.MutationResult)
    def Delete(self, request, context):
        found = self.get(request, context)
        return m.MutationResult(status=common.Status(), delete_cnt=found.delete(request.expr, request.partition_name), timestamp=self.clock.now)

    @answering(m.QueryResults)
    def Query(self, request, context):
        found = self.loaded(request, context)
        params = {p.key: p.value for p in request.query_params}
        iterating = params.get("iterator") == "True"
        time = request.guarantee_timestamp if iterating and request.guarantee_timestamp > 1000 else 0
        if request.output_fields == ["count(*)"]:
            rows = found.find(request.expr, request.partition_names, request.guarantee_timestamp if request.guarantee_timestamp > 1000 else 0)
            count = schema.FieldData(type=T.INT64, field_name="count(*)")
            count.scalars.long_data.data.append(len(rows))
            return m.QueryResults(status=common.Status(), fields_data=[count], collection_name=found.name)
        limit = int(params.get("limit", 0))
        if not request.expr and not limit:
            raise ValueError("empty expression should be used with limit")
        if limit + int(params.get("offset", 0)) > _WINDOW:
            raise Refused(1100, 1, f"invalid max query result window, (offset+limit) should be in range [1, {_WINDOW}]")
        rows = self.page(found, request, time, limit, int(params.get("offset", 0)), getattr(context, "fault", None))
        # A key of the dynamic field is asked for by its own name; the whole field comes.
        names = list(dict.fromkeys(name if not found.meta or name in found.fields or name == "*" else "$meta" for name in request.output_fields))
        if "*" in names:
            names = [field.name for field in found.all_fields()]
        if found.key.name not in names:
            names.append(found.key.name)
        answer = m.QueryResults(status=common.Status(), collection_name=found.name, output_fields=names, primary_field_name=found.key.name)
        for name in names:
            field = found.meta if name == "$meta" else found.fields.get(name)
            if field is None:
                raise Refused(65535, 1, f"field {name} not exist")
            answer.fields_data.append(write(field, [row.values[name] for _, row in rows]))
        if iterating:
            answer.session_ts = time or self.clock.tick()
        return answer

    def page(self, found, request, time, limit, offset, fault):
        if fault == "repeat" and self.last_page is not None:
            return self.last_page
        rows = found.find(request.expr, request.partition_names, time)
        seen, once = set(), []
        for key, row in reversed(rows):  # of rows of one key the newest
            if key not in seen:
                seen.add(key)
                once.append((key, row))
        rows = once[::-1][offset:]
        rows = rows[:limit] if limit else rows
        if fault == "backwards":
            rows = rows[::-1]
        self.last_page = rows
        return rows

    @answering(m.SearchResults)
    def Search(self, request, context):
        found = self.loaded(request, context)
        params = {p.key: p.value for p in request.search_params}
        group = common.PlaceholderGroup.FromString(request.placeholder_group)
        vectors = [field for field in found.schema.fields if is_vector(field.data_type)]
        field = found.fields[params["anns_field"]] if params.get("anns_field") else vectors[0]
        index = {p.key: p.value for p in found.indexes[field.name][1]}
        metric, most = index["metric_type"], int(params.get("topk", 10))
        rows = found.find(request.dsl, request.partition_names)
        keys, scores, topks, chosen = [], [], [], []
        for raw in group.placeholders[0].values:
            ranked = sorted(((self.score(field, metric, raw, row.values[field.name]), n) for n, (_, row) in enumerate(rows) if row.values[field.name] is not None),
                            key=lambda pair: -pair[0] if metric in ("IP", "COSINE") else pair[0])[:most]
            topks.append(len(ranked))
            for score, n in ranked:
                keys.append(rows[n][0])
                scores.append(score)
                chosen.append(rows[n][1])
        ids = schema.IDs(int_id=schema.LongArray(data=keys)) if found.key.data_type == T.INT64 else schema.IDs(str_id=schema.StringArray(data=keys))
        results = schema.SearchResultData(num_queries=request.nq, top_k=most, scores=scores, ids=ids, topks=topks, output_fields=request.output_fields,
                                          primary_field_name=found.key.name)
        for name in request.output_fields:
            wanted = found.meta if name == "$meta" else found.fields[name]
            results.fields_data.append(write(wanted, [row.values[name] for row in chosen]))
        return m.SearchResults(status=common.Status(), results=results, collection_name=found.name)

    @staticmethod
    def score(field, metric, raw, stored):
        if field.data_type == T.SPARSE_FLOAT_VECTOR:
            pairs = [dict(np.frombuffer(each, [("i", "<u4"), ("v", "<f4")]).tolist()) for each in (raw, stored)]
            return sum(value * pairs[1].get(at, 0) for at, value in pairs[0].items())
        a, b = as_floats(field.data_type, raw), as_floats(field.data_type, stored)
        if metric == "L2":
            return float(((a - b) ** 2).sum())
        if metric == "IP":
            return float(a @ b)
        if metric == "COSINE":
            return float(a @ b / ((np.linalg.norm(a) * np.linalg.norm(b)) or 1))
        if metric == "HAMMING":
            return float((a != b).sum())
        either = ((a + b) > 0).sum()
        return 1 - float(((a * b) > 0).sum() / either) if either else 0.0


