"""The double of Pinecone, driven by the vendor's official client: what that cannot read, or does not take for its own exception, fails."""
import http.client
import json
import time

import pytest

from pinecone_fixtures import KEY, VendorError, service, start  # noqa: F401


def vector(i, dims=4):
    return [((i * 7 + k * 3) % 17 - 8.5) / 4 for k in range(dims)]


def refused(double, kind, act, **arguments):
    with pytest.raises(VendorError) as raised:
        double.vendor(act, **arguments)
    assert raised.value.kind == kind, raised.value
    return str(raised.value)


def raw(double, index, method, path, body=None, key=KEY):
    connection = http.client.HTTPConnection("127.0.0.1", double.index_port(index), timeout=20)
    connection.request(method, path, body=body if isinstance(body, (bytes, type(None))) else json.dumps(body), headers={"Api-Key": key})
    reply = connection.getresponse()
    return reply.status, reply.read(), dict(reply.getheaders())


def test_an_index_from_its_making_to_its_end(service):  # noqa: F811
    made = service.vendor("create", name="life", dimension=4, metric="cosine", tags={"team": "a"})
    assert made["ready"] and made["tags"] == {"team": "a"} and made["deployment"] == "ManagedDeployment"
    assert "life" in service.vendor("indexes")
    records = [{"id": f"r{i:04d}", "values": vector(i), "metadata": {"n": i, "tags": ["x"], "ok": True, "text": "ü"}} for i in range(250)]
    service.vendor("upsert", index="life", records=records, namespace="a")
    service.vendor("upsert", index="life", records=records[:3])
    assert service.vendor("stats", index="life") == {"namespaces": {"": 3, "a": 250}, "total": 253, "dimension": 4}
    assert service.vendor("ids", index="life", namespace="a") == [record["id"] for record in records]
    assert service.vendor("ids", index="life", namespace="a", prefix="r000") == [f"r{i:04d}" for i in range(10)]
    found = service.vendor("fetch", index="life", ids=["r0001", "nope"], namespace="a")
    assert found == {"r0001": {"values": vector(1), "metadata": {"n": 1.0, "tags": ["x"], "ok": True, "text": "ü"}, "sparse": None}}
    nearest = service.vendor("query", index="life", vector=vector(5), k=3, namespace="a")
    assert nearest[0][1] == pytest.approx(1.0) and len(nearest) == 3
    filtered = service.vendor("query", index="life", vector=vector(5), k=3, namespace="a", filter={"n": {"$gte": 248}})
    assert {match[0] for match in filtered} == {"r0248", "r0249"}
    assert service.vendor("namespaces", index="life") == [["__default__", 3], ["a", 250]]
    service.vendor("update", index="life", id="r0001", metadata={"n": 7}, namespace="a")
    assert service.vendor("fetch", index="life", ids=["r0001"], namespace="a")["r0001"]["metadata"]["n"] == 7
    service.vendor("delete", index="life", ids=["r0001"], namespace="a")
    assert service.vendor("fetch", index="life", ids=["r0001"], namespace="a") == {}
    service.vendor("delete", index="life", namespace="a")
    assert service.vendor("stats", index="life")["namespaces"] == {"": 3}
    service.vendor("drop", name="life")
    refused(service, "NotFoundError", "describe", name="life")


def test_hybrid_and_sparse(service):  # noqa: F811
    service.vendor("create", name="hybrid", dimension=4, metric="dotproduct")
    service.vendor("create", name="sparse", vector_type="sparse")
    sparse = {"indices": [1, 4294967295], "values": [0.5, -2.0]}
    service.vendor("upsert", index="hybrid", records=[{"id": "a", "values": vector(1), "sparse_values": sparse}, {"id": "b", "values": vector(2)}])
    assert service.vendor("fetch", index="hybrid", ids=["a"])["a"]["sparse"] == sparse
    service.vendor("upsert", index="sparse", records=[{"id": "a", "sparse_values": sparse}])
    assert service.vendor("fetch", index="sparse", ids=["a"])["a"] == {"values": [], "metadata": {}, "sparse": sparse}


@pytest.mark.parametrize("record, words", [
    ({"id": "a", "values": [1, 2, 3]}, "dimension 3"),
    ({"id": "a", "values": [0, 0, 0, 0]}, "non-zero"),
    ({"id": "a", "values": [1, 2, 3, 4], "metadata": {"x": "y" * 41_000}}, "exceeds the limit of 40960"),
    ({"id": "a", "values": [1, 2, 3, 4], "metadata": {"$x": 1}}, "must not start with"),
    ({"id": "a", "values": [1, 2, 3, 4], "sparseValues": {"indices": [1], "values": [1.0]}}, "does not support sparse"),
    ({"id": "a", "values": [1, 2, 3, 4], "metadata": {"x": None}}, "Metadata value"),
    ({"id": "a", "values": [1, 2, 3, 4], "metadata": {"x": {"y": 1}}}, "Metadata value"),
    ({"id": "a", "values": [1, 2, 3, 4], "metadata": {"x": [1, 2]}}, "Metadata value"),
    ({"id": "é", "values": [1, 2, 3, 4]}, "ASCII"),
    ({"id": "k" * 513, "values": [1, 2, 3, 4]}, "512"),
])
def test_what_a_record_may_not_be(service, record, words):  # noqa: F811
    if "limits" not in service.vendor("indexes"):
        service.vendor("create", name="limits", dimension=4, metric="cosine")
    status, body, _ = raw(service, "limits", "POST", "/vectors/upsert", {"vectors": [record]})
    error = json.loads(body)
    assert status == 400 and error["code"] == 3 and words in error["message"]


def test_the_client_takes_refusals_for_its_own_exceptions(service):  # noqa: F811
    service.vendor("create", name="refuse", dimension=4)
    refused(service, "ConflictError", "create", name="refuse", dimension=4)
    refused(service, "NotFoundError", "describe", name="none")
    refused(service, "UnauthorizedError", "indexes", _key="wrong")
    refused(service, "ApiError", "upsert", index="refuse", records=[{"id": "a", "values": [1, 2]}])
    for status, kind in ((413, "PayloadTooLargeError"), (429, "RateLimitError"), (500, "ServiceError"), (503, "ServiceError")):
        service.faults({"path": "/vectors/upsert", "status": status})
        refused(service, kind, "upsert", index="refuse", records=[{"id": "a", "values": vector(1)}])
    service.faults({"path": "/vectors/upsert", "act": "lost"})
    refused(service, "PineconeConnectionError", "upsert", index="refuse", records=[{"id": "a", "values": vector(1)}])
    service.faults({"path": "/vectors/fetch", "act": "truncate"})
    service.vendor("upsert", index="refuse", records=[{"id": "a", "values": vector(1)}])
    refused(service, "ResponseParsingError", "fetch", index="refuse", ids=["a"])
    service.faults()


def test_limits_of_requests(service):  # noqa: F811
    service.vendor("create", name="requests", dimension=4)
    many = {"vectors": [{"id": str(i), "values": vector(i)} for i in range(1001)]}
    status, body, _ = raw(service, "requests", "POST", "/vectors/upsert", many)
    assert status == 400 and "1001 exceeds the limit of 1000" in json.loads(body)["message"]
    large = {"vectors": [{"id": str(i), "values": vector(i), "metadata": {"x": "y" * 40_000}} for i in range(60)]}
    status, body, _ = raw(service, "requests", "POST", "/vectors/upsert", large)
    assert status == 400 and json.loads(body)["code"] == 11 and "2MB" in json.loads(body)["message"]
    assert raw(service, "requests", "GET", "/vectors/list?limit=101")[0] == 400
    assert raw(service, "requests", "GET", "/vectors/fetch?" + "&".join(f"ids={i:0100d}" for i in range(400)))[0] == 414
    assert raw(service, "requests", "GET", "/vectors/list?paginationToken=x")[0] == 400


def test_pods_do_not_list(service):  # noqa: F811
    made = service.vendor("create", name="pods", dimension=4, pod=True)
    assert made["deployment"] == "PodDeployment"
    service.vendor("upsert", index="pods", records=[{"id": "a", "values": vector(1)}])
    refused(service, "ServiceError", "ids", index="pods")
    assert list(service.vendor("fetch", index="pods", ids=["a"])) == ["a"]


def test_writes_are_seen_later_and_the_numbers_say_so(start):  # noqa: F811
    double = start("--lag", "2")
    double.vendor("create", name="slow", dimension=4)
    query = {"vector": vector(1), "topK": 1}
    status, _, headers = raw(double, "slow", "POST", "/vectors/upsert", {"vectors": [{"id": "b", "values": vector(2)}]})
    written = int(headers["x-pinecone-request-lsn"])
    assert status == 200 and json.loads(raw(double, "slow", "POST", "/describe_index_stats", {})[1])["totalVectorCount"] == 0
    deadline = time.monotonic() + 20
    while int(raw(double, "slow", "POST", "/query", query)[2]["x-pinecone-max-indexed-lsn"]) < written:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert double.vendor("stats", index="slow")["total"] == 1


def test_an_index_is_ready_after_a_while(start):  # noqa: F811
    double = start("--ready-after", "0.6")
    began = time.monotonic()
    assert double.vendor("create", name="later", dimension=4)["ready"]  # the client waits
    assert time.monotonic() - began > 0.5


def test_what_was_acknowledged_survives_a_kill(start):  # noqa: F811
    double = start()
    double.vendor("create", name="kept", dimension=4, metric="euclidean")
    double.vendor("upsert", index="kept", records=[{"id": f"r{i}", "values": vector(i)} for i in range(20)], namespace="n")
    double.vendor("delete", index="kept", ids=["r3"], namespace="n")
    before, port = double.vendor("everything", index="kept", namespace="n"), double.index_port("kept")
    double.kill()
    double.start()
    assert double.index_port("kept") == port
    assert double.vendor("everything", index="kept", namespace="n") == before and len(before) == 19
