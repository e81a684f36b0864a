"""A service that fails every third request and dies twice ends in the same digest as one that never fails: as a target, and as a source."""
import json
import subprocess
import sys
import threading
import urllib.request

import pytest

import harness
import matrix_data

sys.path.insert(0, str(harness.ROOT / "tests/servers"))
import fault_proxy  # noqa: E402
from launched import Launched  # noqa: E402

RECORDS = 2000


class Service:
    """A double, which keeps its records in memory: to the program it is dead for as long as nobody takes its connections."""
    launcher = None
    words = ()

    def __init__(self, folder):
        self.server = Launched(self.launcher, folder / self.launcher, *self.words)

    def start(self):
        return self.server.start().port

    def stop(self):
        self.server.stop()

    def prepare(self, name, features):
        """The port that fails."""
        return self.server.port

    def failing(self, port):
        """Each third request fails, in turn before and after the service did what was asked; at two of them it dies as well."""
        proxy = fault_proxy.FaultProxy(port)
        amiss = [fault_proxy.Status(503), fault_proxy.Status(429, headers={"Retry-After": "0"}), fault_proxy.Reset(), fault_proxy.Reset(forward=True),
                 fault_proxy.Status(500, forward=True), fault_proxy.Cut()]
        for i, fault in enumerate(amiss):
            proxy.add(fault, at=range(3 * (i + 1), 100_000, 3 * len(amiss)))
        proxy.add(fault_proxy.Do(lambda: self.die(proxy)), at=[10, 25])
        return proxy

    def die(self, proxy):
        alive, proxy.upstream = proxy.upstream, 1
        self.later(0.5, lambda: setattr(proxy, "upstream", alive))

    @staticmethod
    def later(seconds, act):
        threading.Timer(seconds, act).start()


class Chroma(Service):
    """A real one: killed, and started again on what it had written."""
    launcher = "chroma"

    def die(self, proxy):
        self.server.kill()
        self.later(0.3, lambda: setattr(proxy, "upstream", self.server.start().port))

    def uri(self, port, name):
        return f"chroma://127.0.0.1:{port}#{name}"


class Pinecone(Service):
    launcher = "pinecone"

    def prepare(self, name, features):
        """An index, and the port of its host: it is the host that fails, and not who tells where it is."""
        body = {"name": name, "dimension": matrix_data.DIMS, "metric": {"dot": "dotproduct", "l2": "euclidean"}.get(features.metric(), features.metric()),
                "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}}
        request = urllib.request.Request(f"{self.server.state['control']}/indexes", json.dumps(body).encode(), {"Api-Key": "test-key", "Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return int(json.load(answer)["host"].rpartition(":")[2])

    def uri(self, port, name):
        return f"pinecone://127.0.0.1:{port}"


class Weaviate(Service):
    """REST and gRPC fail, each by itself."""
    launcher = "weaviate_double"

    def failing(self, port):
        calls = ("BatchObjects", "BatchDelete", "Search", "Aggregate")
        self.server.put("faults.json", {call: [{"every": 3, "code": "UNAVAILABLE"}] for call in calls})
        return super().failing(port)

    def uri(self, port, name):
        return f"weaviate://127.0.0.1:{port}?grpc-port={self.server.state['grpc_port']}#{name.title()}"


class Milvus(Service):
    """gRPC alone: the double fails by itself."""
    launcher = "milvus"
    words = ("--engine", "double")

    def failing(self, port):
        amiss = [{"grpc": "UNAVAILABLE"}, {"status": {"code": 1}}, {"grpc": "INTERNAL"}, {"grpc": "UNAVAILABLE", "late": True}, {"bytes": "truncated"},
                 {"grpc": "RESOURCE_EXHAUSTED", "retry_after": 0}]
        every = 3 * len(amiss)
        return Failing(self.server, [{"method": "*", "every": 1 << 30, "phase": at, "away": 0.5} for at in (10, 40)]
                       + [{"method": "*", "every": every, "phase": 3 * i, **fault} for i, fault in enumerate(amiss)])

    def uri(self, port, name):
        return f"milvus://127.0.0.1:{port}#{name}"


class Failing:
    """A double that fails as its rules say, for as long as this is entered."""

    def __init__(self, server, rules):
        self.server, self._rules, self.port = server, rules, server.port
        self.upstream = self.port

    def __enter__(self):
        self.server.put("faults.json", self._rules)
        self._before = sum(self.server.stats().values())
        return self

    def __exit__(self, *_):
        self.server.put("faults.json", None)

    @property
    def hits(self):
        calls = sum(self.server.stats().values()) - self._before
        return {"Do": sum(calls > at for at in (10, 40)), "others": calls // 3}


SERVICES = {"chroma": Chroma, "pinecone": Pinecone, "weaviate": Weaviate, "milvus": Milvus}


@pytest.fixture(params=SERVICES)
def service(request, tmp_path):
    if request.param == "chroma" and subprocess.run([str(harness.ROOT / "tools/vendor-env"), "chroma"], capture_output=True).returncode:
        pytest.skip("the environment of Chroma's own server cannot be made")
    made = SERVICES[request.param](tmp_path)
    made.name, made.port = request.param, made.start()
    yield made
    made.stop()


def test_the_digest_is_that_of_a_service_that_never_fails(service, tmp_path):
    place = harness.Workplace(tmp_path / "place")
    store = next(s for s in place.json("stores")["stores"] if s["scheme"] == service.name)
    features = matrix_data.Features.of(store["capabilities"])
    features.sparse = features.named = False  # one index of dense vectors
    data = tmp_path / "data.jsonl"
    matrix_data.write(data, features, RECORDS)
    env = {"PINECONE_API_KEY": "test-key"}
    whole = place.json("copy", f"jsonl:{data}", service.uri(service.prepare("whole", features), "whole"), "--batch-size", "50", env=env)
    port = service.prepare("hurt", features)
    with service.failing(port) as proxy:
        hurt = place.json("copy", f"jsonl:{data}", service.uri(proxy.port, "hurt"), "--batch-size", "50", env=env)
        assert hurt["written"] == RECORDS and hurt["verify"]["ok"] and hurt["retried"] > 0
        assert hurt["verify"]["target_digest"] == whole["verify"]["target_digest"]
        assert sum(proxy.hits.values()) > 20 and proxy.hits["Do"] == 2, proxy.hits
        port = proxy.upstream
    with service.failing(port) as proxy:
        back = place.json("copy", service.uri(proxy.port, "hurt"), f"jsonl:{tmp_path / 'back.jsonl'}", "--batch-size", "50", env=env)
        assert back["written"] == RECORDS and back["verify"]["ok"]
        assert back["verify"]["target_digest"] == whole["verify"]["target_digest"]
        assert sum(proxy.hits.values()) > 8, proxy.hits
