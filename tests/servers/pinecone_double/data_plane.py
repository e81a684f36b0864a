"""The calls of one index."""
import asyncio
import base64
import json
import urllib.parse

from . import faults as fault_rules
from . import search
from .errors import Refusal, invalid
from .http import Answer
from .index import DEFAULT, namespace_of

MOST_BODY = 2 * 1000 * 1000
MOST_TARGET = 16 << 10
_WRITES = {"/vectors/upsert", "/vectors/update", "/vectors/delete"}


def _token(text):
    return base64.b64encode(json.dumps({"skip_past": text}).encode()).decode()


def _past(token):
    try:
        return json.loads(base64.b64decode(token, validate=True))["skip_past"]
    except (ValueError, KeyError, TypeError):
        raise invalid("Invalid pagination token") from None


class DataPlane:
    def __init__(self, service, index):
        self._service, self._index, self._last_list = service, index, None

    async def __call__(self, request):
        path, _, query = request.target.partition("?")
        self._service.count(path)
        rule = self._service.faults.rule_for(path)
        if rule and rule.get("act") == "slow":
            await asyncio.sleep(rule["seconds"])
        instead = fault_rules.before(rule) if rule else None
        if instead is not None:
            return instead
        try:
            self._service.authorize(request)
            answer = self._answer(request.method, path, query, request, rule)
        except Refusal as refusal:
            answer = Answer(refusal.status, refusal.body(False), refusal.headers)
        return fault_rules.after(rule, answer) if rule else answer

    def _answer(self, method, path, query, request, rule):
        if len(request.target) > MOST_TARGET:
            return Answer(414, b"<html>414 Request-URI Too Large</html>", {"content-type": "text/html"})
        asked = urllib.parse.parse_qs(query, keep_blank_values=True)
        if method == "POST" and path in _WRITES:
            return self._write(path, request.body)
        out = self._read(method, path, asked, request, rule)
        told = path == "/query" and not self._service.options.no_lsn
        headers = {"x-pinecone-max-indexed-lsn": str(self._index.indexed)} if told else {}
        return Answer(200, self._service.spelled(out), headers)

    def _body(self, raw):
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            raise invalid("the body is not JSON") from None
        if not isinstance(body, dict):
            raise invalid("the body is not an object")
        return body

    def _write(self, path, raw):
        if len(raw) > MOST_BODY:
            raise Refusal(400, 11, f"Request size {len(raw) // 1_000_000}MB exceeds the maximum supported size of 2MB")
        out, lsn = self.apply(path, self._body(raw))
        self._service.log.write(self._index.name, path, raw)
        return Answer(200, out, {} if self._service.options.no_lsn else {"x-pinecone-request-lsn": str(lsn)})

    def apply(self, path, body):
        return {"/vectors/upsert": self._index.upsert, "/vectors/update": self._index.update, "/vectors/delete": self._index.delete}[path](body)

    def _read(self, method, path, asked, request, rule):
        one = {name: values[-1] for name, values in asked.items()}
        if method == "GET" and path == "/vectors/fetch":
            out = self._index.fetch(asked.get("ids", []), one.get("namespace"))
            for id in (rule or {}).get("ids", []) if (rule or {}).get("act") == "hide" else []:
                out["vectors"].pop(id, None)
            return out
        if method == "GET" and path == "/vectors/list":
            return self._list(one, rule)
        if method == "GET" and path == "/namespaces":
            return self._namespaces(one)
        if method == "POST" and path == "/query":
            return search.query(self._index, self._body(request.body))
        if path == "/describe_index_stats":
            return self._index.stats(self._body(request.body))
        raise Refusal(404, 5, "Not Found")

    def _list(self, one, rule):
        most = min(100, self._service.options.page)
        try:
            limit = int(one.get("limit", most))
        except ValueError:
            raise invalid("limit must be a number") from None
        if not 1 <= limit <= 100:
            raise invalid("limit must be between 1 and 100")
        after = _past(one["paginationToken"]) if one.get("paginationToken") else None
        ids, more = self._index.list(one.get("namespace"), one.get("prefix", ""), min(limit, most), after)
        out = {"vectors": [{"id": id} for id in ids], "namespace": namespace_of(one.get("namespace")), "usage": {"readUnits": 1}}
        if more:
            out["pagination"] = {"next": _token(ids[-1])}
        if rule and rule.get("act") == "repeat-page" and self._last_list:
            return self._last_list
        self._last_list = out
        return out

    def _namespaces(self, one):
        names = sorted(name for name, space in self._index.namespaces().items() if space.records)
        after = _past(one["paginationToken"]) if one.get("paginationToken") else None
        limit = int(one.get("limit", 100))
        names = [name for name in names if after is None or name > after]
        page = names[:limit]
        out = {"namespaces": [{"name": name or DEFAULT, "record_count": str(len(self._index.namespaces()[name].records))} for name in page]}
        out["pagination"] = {"next": _token(page[-1])} if len(names) > limit else None
        return out
