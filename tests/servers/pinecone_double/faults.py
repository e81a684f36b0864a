"""Faults on demand: DIR/faults.json, a list of rules. The first rule that fits a request and is due decides its answer.

{"path": "/vectors/upsert",   what the request's path begins with; all where absent
 "every": 3,                  each third that fits; 1 where absent
 "after": 10,                 not the first ten
 "times": 2,                  so often, then never
 "status": 429, "retry_after": 0.2, "body": "...",     an answer in place of the right one
 "act": "status" | "cut" | "lost" | "applied-lost" | "truncate" | "shape" | "unauthorized" | "repeat-page" | "hide" | "slow"}

cut: the connection is reset in mid-body. lost: before anything was done. applied-lost: after it was done. truncate: whole as
HTTP, not as JSON. shape: JSON that answers another question. repeat-page: a list gives the page before again. hide: a fetch leaves
out "ids". slow: the answer comes after "seconds".
"""
import json

from .errors import Refusal
from .http import Answer


class Faults:
    def __init__(self, folder):
        self._path, self._stamp, self._rules, self._counts = folder / "faults.json", None, [], []

    def rule_for(self, path):
        self._load()
        for i, rule in enumerate(self._rules):
            if not path.startswith(rule.get("path", "")):
                continue
            seen, fired = self._counts[i]
            seen += 1
            due = seen > rule.get("after", 0) and (seen - rule.get("after", 0)) % rule.get("every", 1) == 0 and fired < rule.get("times", 1 << 60)
            self._counts[i] = (seen, fired + due)
            if due:
                return rule
        return None

    def _load(self):
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            stamp = None
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self._rules = json.loads(self._path.read_text()) if stamp else []
        self._counts = [(0, 0)] * len(self._rules)


def before(rule):
    """The answer in place of the right one, where nothing is to be done at all."""
    act = rule.get("act", "status")
    if act == "unauthorized":
        return Answer(401, b"Invalid API Key", {"content-type": "text/plain"})
    if act == "status":
        status = rule["status"]
        headers = {"retry-after": str(rule["retry_after"])} if "retry_after" in rule else {}
        code = {429: 8, 500: 13, 503: 14, 413: 11}.get(status, 13)
        body = rule["body"].encode() if "body" in rule else Refusal(status, code, "a fault was asked for").body(False)
        return Answer(status, body, headers)
    if act == "lost":
        answer = Answer(200, {})
        answer.lost = True
        return answer
    return None


def after(rule, answer):
    """What becomes of the right answer."""
    act = rule.get("act", "status")
    if act == "cut":
        answer.cut = len(answer.body) // 2
    elif act == "applied-lost":
        answer.lost = True
    elif act == "truncate":
        answer.body = answer.body[:len(answer.body) // 2]
    elif act == "shape":
        answer.body = rule.get("body", '{"vectors":7,"namespaces":[],"matches":"x","usage":null}').encode()
    return answer
