"""Failures on demand, from faults.json: a list of rules {"method": NAME, ...}. A rule counts the calls of its method ("*" is each) and acts on each `every`-th
(default 1) from the `after`-th on, at most `times` times; with a `phase` on those that leave it as the rest. What it does:
  "grpc": "UNAVAILABLE" with "retry_after": SECONDS      the call fails before or, with "late": true, after it was carried out
  "status": {"code": 8, "error_code": 49, "retriable": true}   an OK of gRPC with that status
  "page": "repeat" | "backwards"                          a query's page is the one before, or is in no order
  "bytes": "truncated" | "empty"                          the answer's bytes end inside a field, or there are none
  "token": NEW                                            from then on another token is the right one
  "away": SECONDS                                         for so long nobody answers"""
import collections
import json
import threading
import time

import grpc


class Gate(grpc.ServerInterceptor):
    """Counts calls and looks at tokens and faults before the service sees a call."""

    def __init__(self, options):
        self.calls = collections.Counter()
        self.token = options.token
        self.away_until = 0.0
        self._path = options.data.parent / "faults.json"
        self._stamp, self._rules, self._seen = None, [], collections.Counter()
        self._lock = threading.Lock()

    def _load(self):
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            self._rules, self._stamp = [], None
            return
        if stamp != self._stamp:
            self._rules, self._stamp = json.loads(self._path.read_text()), stamp
            self._seen.clear()

    def active(self, method):
        with self._lock:
            self._load()
            counted = [number for number, rule in enumerate(self._rules) if rule["method"] in (method, "*")]
            self._seen.update(counted)
            for number in counted:
                rule, seen = self._rules[number], self._seen[number]
                if seen % rule.get("every", 1) != rule.get("phase", 0) or seen <= rule.get("after", 0):
                    continue
                acted = ("acted", number)
                if self._seen[acted] >= rule.get("times", 1 << 60):
                    continue
                self._seen[acted] += 1
                return rule
        return None

    def intercept_service(self, continuation, details):
        method = details.method.rsplit("/", 1)[1]
        handler = continuation(details)
        if handler is None:
            return None
        metadata = dict(details.invocation_metadata)

        def call(request, context):
            import base64
            self.calls[method] += 1
            if self.token and metadata.get("authorization") != base64.b64encode(self.token.encode()).decode():
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check api key is correct")
            if time.monotonic() < self.away_until:
                context.abort(grpc.StatusCode.UNAVAILABLE, "nobody is there, as the test wants it")
            rule = self.active(method)
            if not rule:
                return handler.unary_unary(request, context)
            return self._act(rule, handler, request, context)

        return grpc.unary_unary_rpc_method_handler(call, request_deserializer=handler.request_deserializer, response_serializer=self._serializer(handler))

    def _act(self, rule, handler, request, context):
        if "token" in rule:
            self.token = rule["token"]
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is no longer valid")
        if "away" in rule:
            self.away_until = time.monotonic() + rule["away"]
            context.abort(grpc.StatusCode.UNAVAILABLE, "nobody is there, as the test wants it")
        if "grpc" in rule:
            if rule.get("late"):
                handler.unary_unary(request, context)
            if "retry_after" in rule:
                context.set_trailing_metadata((("retry-after", str(rule["retry_after"])),))
            context.abort(getattr(grpc.StatusCode, rule["grpc"]), "as the test wants it")
        if "page" in rule:
            context.fault = rule["page"]
        answer = handler.unary_unary(request, context)
        if "status" in rule:
            answer = type(answer)()
            status = answer if "reason" in answer.DESCRIPTOR.fields_by_name else answer.status
            status.reason = "as the test wants it"
            for name, value in rule["status"].items():
                setattr(status, name, value)
        if "bytes" in rule:
            whole = answer.SerializeToString()
            return Raw(whole[: len(whole) // 2] + b"\x0a\xff\xff\xff\x0f" if rule["bytes"] == "truncated" else b"")
        return answer

    @staticmethod
    def _serializer(handler):
        return lambda answer: answer.whole if isinstance(answer, Raw) else handler.response_serializer(answer)


class Raw:
    def __init__(self, whole):
        self.whole = whole
