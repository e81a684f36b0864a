"""Faults that a test switches on and off while the server runs: DIR/faults.json, read again when it changes.

Every count is of Points calls, or of those that "methods" lists (["Upsert"]), and starts again when the file changes.
  slow_ms N, slow_every K      each call, or each K-th, takes N ms longer
  unavailable_every K          the K-th answers UNAVAILABLE after it was applied
  drop_answers_every K         the K-th is applied and answers DEADLINE_EXCEEDED
  nonsense_every K             the K-th is applied; its answer does not decode, is another message, or is empty, in turn
  wait_timeout_every K         the K-th write is applied and answers OK with the status WaitTimeout
  kill_after_calls N           the process dies in its N-th call, after it was applied
  before true                  unavailable_every and kill_after_calls strike before the call is applied
  full true                    writes answer INTERNAL for want of space
  refuse_ids [..]              a batch that holds one of these ids is refused whole
  max_request_bytes N          larger requests are refused, without retry-after
"""
import dataclasses
import itertools
import json
import os
import threading
import time

from . import ids
from .errors import Code, Refused, invalid
from .vendor import pb

_KNOWN = {"slow_ms", "slow_every", "unavailable_every", "drop_answers_every", "nonsense_every", "wait_timeout_every", "kill_after_calls", "before",
          "full", "refuse_ids", "max_request_bytes", "methods"}
_NONSENSE = (b"\xff" * 9, pb.CountResponse(result=pb.CountResult(count=7)).SerializeToString(), b"")
KILLED = 137


@dataclasses.dataclass
class Strike:
    """What happens to one call."""
    active: dict
    number: int

    def every(self, fault):
        period = self.active.get(fault, 0)
        return period > 0 and self.number % period == 0

    @property
    def first(self):
        return bool(self.active.get("before"))

    @property
    def kills(self):
        return self.number == self.active.get("kill_after_calls", 0)


class Faults:
    def __init__(self, path, die):
        self._path, self._die = path, die
        self._lock = threading.Lock()
        self._seen, self._active, self._counter = None, {}, itertools.count(1)
        self._nonsense = itertools.cycle(_NONSENSE)
        self.error = None

    def _load(self):
        try:
            found = os.stat(self._path)
            stamp = found.st_mtime_ns, found.st_ino, found.st_size
        except FileNotFoundError:
            stamp = None
        if stamp == self._seen:
            return
        self._seen, self._active, self._counter = stamp, {}, itertools.count(1)
        if stamp is not None:
            with open(self._path) as file:
                active = json.load(file)
            unknown = set(active) - _KNOWN
            if unknown:
                raise Refused(Code.INTERNAL, f"{self._path}: unknown faults {sorted(unknown)}")
            self._active = active

    def strike(self, name):
        with self._lock:
            self._load()
            chosen = self._active.get("methods")
            wanted = name.rsplit("/", 1)[1] in chosen if chosen else name.startswith("/qdrant.Points/")
            return Strike(self._active, next(self._counter)) if self._active and wanted else None

    def before(self, strike, method, request, size):
        """May refuse, or end the process."""
        if strike is None:
            return
        active = strike.active
        if active.get("slow_ms") and (strike.every("slow_every") or not active.get("slow_every")):
            time.sleep(active["slow_ms"] / 1000)
        if strike.first and strike.kills:
            self._die()
        if strike.first and strike.every("unavailable_every"):
            raise Refused(Code.UNAVAILABLE, "Stream removed (Socket closed)")
        if size > active.get("max_request_bytes", size):
            limit = active["max_request_bytes"]
            raise Refused(Code.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {limit})")
        if active.get("full") and method.writes:
            raise Refused(Code.INTERNAL, "Service internal error: No space left on device (os error 28)")
        if active.get("refuse_ids") and isinstance(request, pb.UpsertPoints):
            refused = set(map(str, active["refuse_ids"]))
            for point in request.points:
                if str(ids.parse(point.id)) in refused:
                    raise invalid(f"Wrong input: point {ids.parse(point.id)} is refused")

    def after(self, strike, method, answer):
        """The bytes to answer with instead; may refuse, or end the process."""
        if strike is None:
            return answer
        if strike.kills and not strike.first:
            self._die()
        if strike.every("unavailable_every") and not strike.first:
            raise Refused(Code.UNAVAILABLE, "Stream removed (Socket closed)")
        if strike.every("drop_answers_every"):
            raise Refused(Code.DEADLINE_EXCEEDED, "Deadline Exceeded")
        if strike.every("nonsense_every"):
            with self._lock:
                return next(self._nonsense)
        if strike.every("wait_timeout_every") and method.writes:
            late = pb.PointsOperationResponse.FromString(answer)
            late.result.status = pb.UpdateStatus.WaitTimeout
            return late.SerializeToString()
        return answer
