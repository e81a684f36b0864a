"""The REST API: /v1/..."""
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import values
from .store import Held, Refused

_VERSION = "1.35.2"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def _answer(self, status, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _handle(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        parts = urllib.parse.urlsplit(self.path)
        path = [urllib.parse.unquote(each) for each in parts.path.strip("/").split("/")]
        query = {key: each[0] for key, each in urllib.parse.parse_qs(parts.query, keep_blank_values=True).items()}
        if self.server.key and self.headers.get("Authorization") != "Bearer " + self.server.key and path[1:2] != [".well-known"]:
            return self._answer(401, {"code": 401, "message": "anonymous access not enabled" if not self.headers.get("Authorization") else "invalid api key"})
        try:
            with self.server.store.lock:
                return self._answer(*self._route(path[1:], query, json.loads(raw) if raw else None))
        except Refused as refused:
            return self._answer(refused.status, {"error": [{"message": str(refused)}]} if str(refused) else None)
        except KeyError as missing:
            return self._answer(422, {"error": [{"message": missing.args[0]}]})

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle

    def _route(self, path, query, body):
        store, method = self.server.store, self.command
        match [method, *path]:
            case ["GET", "meta"]:
                return 200, {"version": _VERSION, "hostname": "http://127.0.0.1", "modules": {}, "grpcMaxMessageSize": 104858000}
            case ["GET", ".well-known", *_]:
                return 200, {}
            case ["GET", "schema"]:
                return 200, {"classes": list(store.classes.values())}
            case ["POST", "schema"]:
                return 200, store.create(body)
            case ["GET", "schema", name]:
                return 200, store.need(name)
            case ["PUT", "schema", name]:
                return 200, store.update(name, body)
            case ["DELETE", "schema", name]:
                store.drop(name)
                return 200, None
            case ["POST", "schema", name, "properties"]:
                return 200, store.add_property(name, body)
            case ["GET", "schema", name, "shards"]:
                held = store.need(name)
                names = [query["tenant"]] if "tenant" in query else list(store.tenants[held["class"]]) or ["one"]
                return 200, [{"name": each, "status": "READY", "vectorQueueSize": 0} for each in names]
            case ["GET", "schema", name, "tenants"]:
                return 200, [{"name": each, "activityStatus": status} for each, status in store.many(name).items()]
            case ["GET", "schema", name, "tenants", tenant]:
                if tenant not in store.many(name):
                    raise Refused(404, "")
                return 200, {"name": tenant, "activityStatus": store.many(name)[tenant]}
            case ["POST", "schema", name, "tenants"]:
                store.add_tenants(name, body)
                return 200, body
            case ["PUT", "schema", name, "tenants"]:
                store.set_tenants(name, body)
                return 200, body
            case ["DELETE", "schema", name, "tenants"]:
                store.drop_tenants(name, body)
                return 200, None
            case ["GET", "aliases"]:
                return 200, {"aliases": [{"alias": alias, "class": name} for alias, name in store.aliases.items()]}
            case ["GET", "aliases", alias] if alias in store.aliases:
                return 200, {"alias": alias, "class": store.aliases[alias]}
            case ["POST", "aliases"]:
                store.set_alias(body["alias"], body["class"], True)
                return 200, body
            case ["PUT", "aliases", alias]:
                store.set_alias(alias, body["class"], False)
                return 200, {"alias": alias, **body}
            case ["DELETE", "aliases", alias]:
                if store.aliases.pop(alias, None) is None:
                    raise Refused(404, "")
                return 204, None
            case ["GET", "objects"]:
                return 200, self._objects(query)
            case ["GET", "objects", name, uuid]:
                held = store.shard(name, query.get("tenant", "")).get(uuid)
                if held is None:
                    raise Refused(404, "")
                return 200, _object(store.resolve(name), uuid, held, True)
            case ["POST", "objects"]:
                return 200, self._insert(body)
        raise Refused(404, "")

    def _objects(self, query):
        store = self.server.store
        shard = store.shard(query["class"], query.get("tenant", ""))
        after = query.get("after", "")
        ids = [uuid for uuid in sorted(shard) if uuid > after][:int(query.get("limit") or 25)]
        return {"deprecations": [], "objects": [_object(store.resolve(query["class"]), uuid, shard[uuid], query.get("include") == "vector") for uuid in ids], "totalResults": len(ids)}

    def _insert(self, body):
        store = self.server.store
        held = {}
        types = store.types(body["class"])
        for name, value in (body.get("properties") or {}).items():
            if value is None:
                continue
            prop = types.get(name)
            if prop and prop["dataType"][0] in store.classes:
                held[name] = [{"beacon": _beacon(each["beacon"], prop["dataType"][0])} for each in value]
                continue
            try:
                held[name] = values.check(prop, value) if prop else value
            except values.Bad as bad:
                raise Refused(422, f"invalid property '{name}': {bad}") from bad
        store.shard(body["class"], body.get("tenant", ""))[body["id"]] = Held(held, body.get("vector"), body.get("vectors") or {})
        return body


def _beacon(text, name):
    """With its class, which writers may leave out where there is but one."""
    parts = text.removeprefix("weaviate://").split("/")
    return text if len(parts) > 2 else f"weaviate://{parts[0]}/{name}/{parts[1]}"


def _object(name, uuid, held, vectors):
    body = {"class": name, "id": uuid, "properties": held.properties, "creationTimeUnix": held.time, "lastUpdateTimeUnix": held.time}
    if vectors and held.vector is not None:
        body["vector"] = held.vector
    if vectors and held.vectors:
        body["vectors"] = held.vectors
    return body


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, store, key):
        super().__init__(("127.0.0.1", port), _Handler)
        self.store, self.key = store, key
        threading.Thread(target=self.serve_forever, daemon=True).start()
