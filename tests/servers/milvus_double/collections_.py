"""One collection: its rows by time, so that a walk sees those of its beginning."""
import itertools
import zlib

from cells import read
from expressions import compile_expr
from pymilvus.client.types import DataType as T
from pymilvus.grpc_gen import schema_pb2 as schema

PARTS = 16
_numbers = itertools.count(450_000_000_000_000_000)


class Clock:
    def __init__(self):
        self.now = 460_000_000_000_000_000

    def tick(self):
        self.now += 1 << 18
        return self.now


class Row:
    __slots__ = ("born", "died", "partition", "values")

    def __init__(self, born, partition, values):
        self.born, self.died, self.partition, self.values = born, 1 << 64, partition, values


class Collection:
    def __init__(self, name, described, request, clock):
        self.name, self.clock, self.id = name, clock, next(_numbers)
        self.schema = described
        self.request = request
        self.rows = {}          # key -> rows of all times
        self.indexes, self.aliases, self.load = {}, set(), 1
        self.partitions = {"_default": next(_numbers)}
        number = 100
        for field in self.schema.fields:
            field.fieldID, number = number, number + 1
        self.fields = {field.name: field for field in self.schema.fields}
        self.key = next(field for field in self.schema.fields if field.is_primary_key)
        self.meta = None
        if self.schema.enable_dynamic_field:
            self.meta = schema.FieldSchema(name="$meta", data_type=T.JSON, is_dynamic=True, fieldID=number)
        self.keyed = next((field for field in self.schema.fields if field.is_partition_key), None)
        if self.keyed:
            self.partitions = {f"_default_{n}": next(_numbers) for n in range(request.num_partitions or PARTS)}

    def all_fields(self):
        return [*self.schema.fields, *([self.meta] if self.meta else [])]

    def columns(self, request):
        given, rows = {}, request.num_rows
        for data in request.fields_data:
            field = self.meta if data.is_dynamic or data.field_name == "$meta" else self.fields.get(data.field_name)
            if field is None:
                raise ValueError(f"the collection has no field {data.field_name}")
            given[field.name] = read(data, field, rows)
        for field in self.all_fields():
            if field.name in given or (field.is_primary_key and self.key.autoID):
                continue
            if field.is_dynamic:
                given[field.name] = [b"{}"] * rows
            elif field.nullable:
                given[field.name] = [None] * rows
            else:
                raise ValueError(f"field {field.name} is missing")
        if self.meta:
            import json
            for text in given["$meta"]:
                clash = set(json.loads(text)) & ({*self.fields, "$meta"})
                if clash:
                    raise ValueError(f"dynamic json cannot include field name {clash}")
        return given

    def put(self, request, replacing):
        given, rows = self.columns(request), request.num_rows
        if self.key.autoID:
            if replacing:
                raise ValueError("upsert with an auto id")
            given[self.key.name] = [next(_numbers) for _ in range(rows)]
        now = self.clock.tick()
        keys = given[self.key.name]
        for at in range(rows):
            values = {name: column[at] for name, column in given.items()}
            partition = request.partition_name or "_default"
            if self.keyed:
                names = sorted(self.partitions)
                partition = names[zlib.crc32(str(values[self.keyed.name]).encode()) % len(names)]
            elif partition not in self.partitions:
                raise LookupError(partition)
            versions = self.rows.setdefault(keys[at], [])
            if replacing:
                for row in versions:
                    if row.died > now and (row.partition == partition or self.keyed):
                        row.died = now
            versions.append(Row(now, partition, values))
        return keys

    def find(self, expr, partitions=(), time=0):
        test = compile_expr(expr)
        time = time or self.clock.now
        unknown = [name for name in partitions if name not in self.partitions]
        if unknown:
            raise LookupError(unknown[0])
        found = []
        for key in sorted(self.rows, key=lambda k: k if isinstance(k, int) else k.encode()):
            for row in self.rows[key]:
                if row.born <= time < row.died and (not partitions or row.partition in partitions) and test(lambda name, row=row: row.values.get(name)):
                    found.append((key, row))
        return found

    def delete(self, expr, partition):
        now = self.clock.tick()
        found = self.find(expr, [partition] if partition else [], now)
        for _, row in found:
            row.died = now
        return len(found)
