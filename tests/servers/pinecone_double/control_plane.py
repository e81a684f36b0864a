"""Making, listing and removing indexes, in the shapes of the API before 2026-07 and since."""
import json
import re
import time

from . import faults as fault_rules
from .errors import Refusal, invalid
from .http import Answer
from .index import Index

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?")
_METRICS = ("cosine", "euclidean", "dotproduct")
_TAG_KEY, _TAG_VALUE = re.compile(r"[A-Za-z0-9_-]{1,80}"), re.compile(r"[A-Za-z0-9;@_.+ -]{0,120}")


def _schema_of(index):
    if index.vector_type == "sparse":
        return {"fields": {"_sparse_values": {"type": "sparse_vector"}}}
    return {"fields": {"_values": {"type": "dense_vector", "dimension": index.dimension, "metric": index.metric}}}


def _deployment_of(index):
    if index.is_pod:
        pod = index.spec["pod"]
        return {"deployment_type": "pod", "environment": pod["environment"], "pod_type": pod.get("pod_type", "p1.x1"), "replicas": 1, "shards": 1}
    return {"deployment_type": "managed", **index.spec["serverless"]}


def shown(index, new):
    ready = time.time() >= index.ready_at
    out = {"name": index.name, "host": f"127.0.0.1:{index.port}", "status": {"ready": ready, "state": "Ready" if ready else "Initializing"},
           "deletion_protection": index.deletion_protection, "tags": index.tags or None}
    if new:
        return {**out, "schema": _schema_of(index), "deployment": _deployment_of(index)}
    return {**out, "metric": index.metric, "vector_type": index.vector_type, "spec": index.spec, **({"dimension": index.dimension} if index.dimension else {})}


def _tags(tags):
    if not isinstance(tags, dict) or len(tags) > 20:
        raise invalid("tags must be an object of at most 20")
    for key, value in tags.items():
        if not _TAG_KEY.fullmatch(key) or not isinstance(value, str) or not _TAG_VALUE.fullmatch(value):
            raise invalid(f"Invalid tag '{key}'")
    return {key: value for key, value in tags.items() if value}


def _old_shape(body):
    """What a request of 2026-07 stands for in the shape before."""
    fields, deployment = body.get("schema", {}).get("fields", {}), dict(body.get("deployment") or {})
    kind = deployment.pop("deployment_type", "managed")
    spec = {"pod": deployment} if kind == "pod" else {"serverless": {"cloud": deployment.get("cloud", "aws"), "region": deployment.get("region", "us-east-1")}}
    if "_sparse_values" in fields:
        return {**body, "vector_type": "sparse", "metric": "dotproduct", "spec": spec}
    dense = fields.get("_values")
    if dense is None:
        raise invalid("this double knows the fields _values and _sparse_values alone")
    return {**body, "dimension": dense.get("dimension"), "metric": dense.get("metric", "cosine"), "spec": spec}


def made(body, ready_at, lag):
    name, vector_type = body.get("name"), body.get("vector_type", "dense")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid("Name must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character")
    spec = body.get("spec")
    if not isinstance(spec, dict) or not ("serverless" in spec or "pod" in spec):
        raise invalid("spec must be serverless or pod")
    if "serverless" in spec and not (spec["serverless"].get("cloud") in ("aws", "gcp", "azure") and spec["serverless"].get("region")):
        raise Refusal(404, 5, "Resource cloud or region not found")
    if vector_type == "sparse":
        if body.get("dimension") is not None or body.get("metric", "dotproduct") != "dotproduct":
            raise invalid("Sparse indexes have no dimension, and the metric dotproduct")
        return Index(name, None, "dotproduct", "sparse", spec, _tags(body.get("tags") or {}), ready_at, lag)
    dimension, metric = body.get("dimension"), body.get("metric", "cosine")
    if not isinstance(dimension, int) or not 1 <= dimension <= 20_000:
        raise invalid("Dimension must be between 1 and 20000")
    if metric not in _METRICS:
        raise invalid("metric must be cosine, euclidean or dotproduct")
    return Index(name, dimension, metric, "dense", spec, _tags(body.get("tags") or {}), ready_at, lag)


class ControlPlane:
    def __init__(self, service):
        self._service = service

    async def __call__(self, request):
        path = request.target.partition("?")[0]
        self._service.count(path)
        rule = self._service.faults.rule_for(path)
        instead = fault_rules.before(rule) if rule else None
        if instead is not None:
            return instead
        try:
            self._service.authorize(request)
            answer = await self._answer(request, path)
        except Refusal as refusal:
            answer = Answer(refusal.status, refusal.body(True))
        return fault_rules.after(rule, answer) if rule else answer

    async def _answer(self, request, path):
        new = request.headers.get("x-pinecone-api-version", "") >= "2026-07"
        if path == "/indexes" and request.method == "GET":
            return Answer(200, {"indexes": [shown(index, new) for _, index in sorted(self._service.indexes.items())]})
        if path == "/indexes" and request.method == "POST":
            return await self._create(request, new)
        name = path.removeprefix("/indexes/")
        index = self._service.indexes.get(name)
        if not path.startswith("/indexes/") or index is None:
            raise Refusal(404, 5, f"Resource {name} not found")
        if request.method == "GET":
            return Answer(200, shown(index, new))
        if request.method == "DELETE":
            return await self._delete(index)
        if request.method == "PATCH":
            return self._configure(index, request, new)
        raise Refusal(404, 5, "Not Found")

    async def _create(self, request, new):
        body = json.loads(request.body)
        if "schema" in body:
            body = _old_shape(body)
        if body.get("name") in self._service.indexes:
            raise Refusal(409, 6, "Resource already exists")
        index = made(body, time.time() + self._service.options.ready_after, self._service.options.lag)
        await self._service.add(index)
        self._service.log.write(index.name, "/indexes", json.dumps(body).encode())
        return Answer(201, shown(index, new))

    async def _delete(self, index):
        if index.deletion_protection == "enabled":
            raise Refusal(403, 7, "Deletion protection is enabled for this index")
        await self._service.remove(index)
        self._service.log.write(index.name, "/indexes/delete", b"{}")
        return Answer(202, b"")

    def _configure(self, index, request, new):
        body = json.loads(request.body)
        self.configure(index, body)
        self._service.log.write(index.name, "/indexes/configure", request.body)
        return Answer(200, shown(index, new))

    @staticmethod
    def configure(index, body):
        index.deletion_protection = body.get("deletion_protection", index.deletion_protection)
        if "tags" in body:
            index.tags = {**index.tags, **_tags(body["tags"])}
            index.tags = {key: value for key, value in index.tags.items() if body["tags"].get(key, value)}
