"""Faults between Vecferry and Weaviate, and of the server itself: what can be tried again ends as if nothing had been."""
import os

import pytest

import harness
from weaviate_scenario import Cut, FaultProxy, Reset, Status, Weaviate, class_name, plain, read_lines, weaviate_double, weaviate_real, write_lines  # noqa: F401


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture(scope="module")
def imitation(tmp_path_factory):
    server = Weaviate(tmp_path_factory.mktemp("weaviate"), "weaviate_double").start()
    yield server
    server.stop()


@pytest.fixture
def own(imitation):
    """An imitation that is empty, whose faults meet no other file's tests."""
    imitation.faults()
    for name in imitation.act("names"):
        imitation.act("drop", name)
    return imitation


def through(proxy, server, name, **more):
    return server.uri(name, **more).replace(f":{server.state['port']}?", f":{proxy.port}?")


def test_calls_that_fail_now_and_then_change_nothing(own, work):
    lines = write_lines(work.folder / "in.jsonl", plain(400))
    calm = work.json("copy", lines, own.uri("Calm"), "--batch-size", "40")
    own.faults(BatchObjects=[{"at": 2, "code": "RESOURCE_EXHAUSTED", "trailers": {"retry-after": 0}}, {"at": 5, "cut": True}, {"every": 3, "code": "UNAVAILABLE"}],
               Search=[{"at": 4, "cut": True}, {"at": 7, "repeat": True}, {"at": 10, "code": "UNKNOWN"}, {"every": 3, "code": "UNAVAILABLE"}], Aggregate=[{"at": 1, "code": "UNAVAILABLE"}])
    wild = work.json("copy", lines, own.uri("Wild"), "--batch-size", "40")
    own.faults()
    assert wild["verify"]["ok"] and wild["verify"]["target_digest"] == calm["verify"]["target_digest"]
    assert work.digest(own.uri("Calm"), own.uri("Wild"))


def test_rest_that_fails_now_and_then_changes_nothing(own, work):
    lines = write_lines(work.folder / "in.jsonl", [{**record, "tenant": f"t{i % 3}"} for i, record in enumerate(plain(200))], tenant=True)
    calm = work.json("copy", lines, own.uri("Calm"), "--batch-size", "40")
    amiss = [Status(503), Status(429, headers={"Retry-After": "0"}), Reset(), Reset(forward=True), Status(500, forward=True), Cut()]
    with FaultProxy(own.state["port"]) as proxy:
        for i, fault in enumerate(amiss):
            proxy.add(fault, at=range(3 * (i + 1), 100_000, 3 * len(amiss)))
        wild = work.json("copy", lines, through(proxy, own, "Wild"), "--batch-size", "40")
        assert wild["verify"]["ok"] and wild["verify"]["target_digest"] == calm["verify"]["target_digest"]
        assert sum(proxy.hits.values()) > 8, proxy.hits
        renewed = work.json("copy", lines, through(proxy, own, "Wild"), "--batch-size", "40", "--on-exists", "replace", "--yes")
        assert renewed["verify"]["ok"] and renewed["verify"]["target_digest"] == calm["verify"]["target_digest"]
    assert sum(name.startswith("Wild") for name in own.act("names")) == 1
    assert work.digest(own.uri("Calm"), own.uri("Wild"))


@pytest.mark.parametrize("first", [1, 2, 3])
@pytest.mark.parametrize("done", [False, True], ids=["lost", "done"])
def test_whichever_third_of_the_calls_fails_every_step_gets_through(own, work, first, done):
    """A step that made all its calls anew when one failed would come to the same failure for ever. `done`: the server has done what it fails to tell of."""
    records = [{**record, "tenant": f"t{i % 4}"} for i, record in enumerate(plain(40, third=1, fourth="x", fifth=[1], sixth={"k": 1}))]
    lines = write_lines(work.folder / "in.jsonl", records, tenant=True)
    with FaultProxy(own.state["port"]) as proxy:
        proxy.add(Status(503, forward=done), at=range(first, 100_000, 3))
        for more in ([], ["--on-exists", "replace", "--yes"], ["--on-exists", "replace", "--yes"]):
            assert work.json("copy", lines, through(proxy, own, "Docs"), *more)["verify"]["ok"]
    seen = own.act("look", "Docs")
    assert sum(len(objects) for objects in seen["objects"].values()) == 40 and sum(name.startswith("Docs") for name in own.act("names")) == 1


def test_a_wrong_key_is_told_and_the_right_one_is_never_shown(tmp_path, work):
    server = Weaviate(tmp_path / "server", "weaviate_double").start(key="secret-key-1")
    try:
        lines = write_lines(work.folder / "in.jsonl", plain(5))
        for env in ({}, {"WEAVIATE_API_KEY": "wrong"}):
            assert work.ok("copy", lines, server.uri("Docs"), code=6, env=env)
        done = work.ok("copy", lines, server.uri("Docs"), "-v", env={"WEAVIATE_API_KEY": "secret-key-1"})
        (work.folder / "key").write_text("secret-key-1\n")
        more = work.ok("inspect", server.uri("Docs", **{"api-key-file": str(work.folder / "key")}))
        for folder, _, files in os.walk(work.folder / "state"):
            for file in files:
                with open(os.path.join(folder, file), "rb") as handle:
                    assert b"secret-key-1" not in handle.read()
        assert "secret-key-1" not in done.stdout + done.stderr + more.stdout + more.stderr
    finally:
        server.stop()


def test_a_message_that_is_too_large_is_sent_in_halves(own, work):
    lines = write_lines(work.folder / "in.jsonl", plain(64))
    own.faults(BatchObjects=[{"at": 1, "code": "RESOURCE_EXHAUSTED"}, {"at": 2, "code": "RESOURCE_EXHAUSTED"}])
    assert work.json("copy", lines, own.uri("Docs"))["written"] == 64


def test_a_class_that_is_deleted_under_the_writer_is_not_made_anew_by_the_server(own, work):
    lines = write_lines(work.folder / "in.jsonl", plain(300))
    killed = work.run("copy", lines, own.uri("Docs"), "--batch-size", "50", env={"VECFERRY_FAILPOINT": "weaviate.batch.after:2"})
    assert killed.returncode == harness.KILLED
    own.act("drop", "Docs")
    done = work.ok("copy", lines, own.uri("Docs"), "--batch-size", "50", code=5)
    assert "is gone" in done.stderr and "Docs" not in own.act("names")


def test_a_tenant_that_vanishes_under_the_reader_is_told(own, work):
    own.act("make_many", "Docs", 30, 3, "dot", ["one", "two", "three"])
    target = f"jsonl:{work.folder}/out.jsonl"
    killed = work.run("copy", own.uri("Docs"), target, "-j", "1", "--batch-size", "10", env={"VECFERRY_FAILPOINT": "transfer.write.after:3"})
    assert killed.returncode == harness.KILLED, killed.stderr
    own.act("drop_tenants", "Docs", ["two", "three", "one"])
    done = work.run("copy", own.uri("Docs"), target, "-j", "1", "--batch-size", "10")
    assert done.returncode in (5, 8), done.stderr
    assert "tenant" in done.stderr


def test_a_tenant_that_is_put_to_sleep_under_the_writer_is_woken_again(own, work):
    own.act("make_many", "Docs", 5, 3, "cosine", ["one", "two"])
    records = [{**record, "tenant": "two"} for record in plain(200)]
    lines = write_lines(work.folder / "in.jsonl", records, tenant=True)
    killed = work.run("copy", lines, own.uri("Docs"), "--on-exists", "append", "--batch-size", "40", env={"VECFERRY_FAILPOINT": "weaviate.batch.after:2"})
    assert killed.returncode == harness.KILLED
    own.act("set_asleep", "Docs", ["two"])
    work.ok("copy", lines, own.uri("Docs"), "--on-exists", "append", "--batch-size", "40")
    assert own.act("tenants", "Docs") == {"one": "ACTIVE", "two": "INACTIVE"}


@pytest.mark.skipif(not os.environ.get("VECFERRY_HEAVY_SERVERS"), reason="VECFERRY_HEAVY_SERVERS asks for the vendor's server")
def test_a_server_that_restarts_in_mid_run(tmp_path, work):
    server = Weaviate(tmp_path / "server", "weaviate").start()
    try:
        lines = write_lines(work.folder / "in.jsonl", plain(400))
        killed = work.run("copy", lines, server.uri("Docs"), "--batch-size", "50", env={"VECFERRY_FAILPOINT": "weaviate.batch.after:3"})
        assert killed.returncode == harness.KILLED
        server.kill()
        assert work.run("inspect", server.uri("Docs")).returncode == 7
        server.start()
        assert work.json("copy", lines, server.uri("Docs"), "--batch-size", "50")["verify"]["ok"]
    finally:
        server.stop()
