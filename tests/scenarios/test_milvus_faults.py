"""What goes wrong between Vecferry and a Milvus server: by code, each ends as it should, and none in lost or doubled records."""
import json
import threading
import time

import pytest

from milvus_scenario import double, floats, jsonl, key, lite, make, name, ok, own, record, rows_of, vector, vendor, work  # noqa: F401

RATE = {"code": 8, "error_code": 49, "retriable": True}


@pytest.fixture
def server(own):
    return own("double")


def filled(server, name, rows=400):
    client = server.client()
    make(client, name, [key(), floats()], {"vector": ("FLAT", "IP")})
    client.insert(name, [{"id": f"k{i:04}", "vector": vector(i)} for i in range(rows)])
    return client


def keys(work, file="out.jsonl"):
    return [json.loads(line)["id"] for line in (work.folder / file).read_text().splitlines()[1:]]


def test_a_wrong_token_and_one_that_expires(own, name, work):
    server = own("double", "--token", "root:secret")
    done = work.run("inspect", server.uri(name), env={"MILVUS_TOKEN": "root:wr0ng-word"})
    assert done.returncode == 6 and "wr0ng-word" not in done.stdout + done.stderr
    right = {"MILVUS_TOKEN": "root:secret"}
    source = jsonl(work.folder / "in.jsonl", [record(i) for i in range(300)])
    server.faults({"method": "Upsert", "after": 2, "times": 1, "token": "root:new-secret"})
    done = work.run("copy", source, server.uri(name), "--batch-size", "50", "--jobs", "1", env=right)
    assert done.returncode == 6
    server.faults()
    done = work.run("copy", source, server.uri(name), "--batch-size", "50", "--jobs", "1", env={"MILVUS_TOKEN": "root:new-secret"})
    ok(done)
    assert len(rows_of(server.client(token="root:new-secret"), name, ["id"])) == 300
    # USER:PASSWORD in the address is taken with a warning, and never repeated.
    done = work.run("inspect", server.uri(name).replace("//", "//root:new-secret@"))
    ok(done)
    assert "new-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("fault", [
    {"status": RATE}, {"status": {"error_code": 49}}, {"grpc": "RESOURCE_EXHAUSTED", "retry_after": 1}, {"grpc": "UNAVAILABLE"}, {"grpc": "UNAVAILABLE", "late": True},
    {"grpc": "INTERNAL"}, {"bytes": "truncated"}, {"bytes": "empty"}, {"status": {"code": 5}}], ids=["rate", "rate-legacy", "exhausted", "down", "late", "internal", "truncated", "empty", "service"])
def test_writes_that_fail_and_pass_again(server, name, work, fault):
    server.faults({"method": "Upsert", "every": 3, **fault}, {"method": "Query", "every": 4, **fault})
    ok(work.run("copy", jsonl(work.folder / "in.jsonl", [record(i) for i in range(240)]), server.uri(name), "--batch-size", "40", "--jobs", "1"))
    server.faults()
    assert len(rows_of(server.client(), name, ["id"])) == 240


def test_a_message_that_is_too_large_is_halved(server, name, work):
    server.faults({"method": "Upsert", "times": 3, "grpc": "RESOURCE_EXHAUSTED"}, {"method": "Upsert", "times": 1, "status": {"code": 1102}})
    ok(work.run("copy", jsonl(work.folder / "in.jsonl", [record(i) for i in range(300)]), server.uri(name), "--jobs", "1"))
    server.faults()
    assert len(rows_of(server.client(), name, ["id"])) == 300
    server.faults({"method": "Query", "after": 6, "times": 2, "grpc": "RESOURCE_EXHAUSTED"})
    ok(work.run("copy", server.uri(name), f"jsonl:{work.folder / 'out.jsonl'}"))
    assert len(set(keys(work))) == 300


@pytest.mark.parametrize("page", ["repeat", "backwards"])
def test_a_page_that_repeats_is_asked_for_again(server, name, work, page):
    filled(server, name)
    server.faults({"method": "Query", "after": 5, "times": 2, "page": page})
    ok(work.run("copy", server.uri(name), f"jsonl:{work.folder / 'out.jsonl'}", "--batch-size", "60"))
    assert sorted(keys(work)) == [f"k{i:04}" for i in range(400)]


def test_one_record_at_fault_is_found(server, name, work):
    records = [record(i) for i in range(60)]
    records[33]["metadata"] = {"long": "x" * 70000}
    ok(work.run("copy", jsonl(work.folder / "in.jsonl", records), server.uri(name), "--rejects", work.folder / "rejects.jsonl"), 3)
    assert "rec-33" in (work.folder / "rejects.jsonl").read_text()
    assert len(rows_of(server.client(), name, ["id"])) == 59


def test_rows_written_while_it_is_read_are_not_of_the_walk(server, name, work):
    client = filled(server, name, 2000)
    server.faults({"method": "Query", "every": 1, "page": "none"})
    ended = threading.Event()

    def write():
        n = 0
        while not ended.is_set() and n < 300:
            client.upsert(name, [{"id": f"k{n * 5:04}-new", "vector": vector(n)}])
            n += 1

    thread = threading.Thread(target=write)
    thread.start()
    done = work.run("copy", server.uri(name), f"jsonl:{work.folder / 'out.jsonl'}", "--batch-size", "20", "--verify", "none")
    ended.set()
    thread.join()
    assert done.returncode in (0, 3, 4), done.stderr
    read = keys(work)
    assert len(read) == len(set(read)) and {f"k{i:04}" for i in range(2000)} <= set(read)


def test_a_key_that_was_inserted_twice(lite, name, work):
    client = lite.client()
    make(client, name, [key(), floats()], {"vector": ("FLAT", "IP")})
    client.insert(name, [{"id": f"k{i}", "vector": vector(i)} for i in range(50)])
    client.insert(name, [{"id": "k7", "vector": vector(8)}])
    done = work.run("copy", lite.uri(name), f"jsonl:{work.folder / 'out.jsonl'}")
    assert done.returncode in (0, 3)
    read = keys(work)
    assert len(read) == len(set(read)) == 50


def test_a_collection_that_goes_or_is_made_anew_under_the_reader(server, name, work):
    client = filled(server, name, 30_000)
    flags = ("--batch-size", "10", "--rate", "400", "--memory", "1M")  # far less than all of it: the reader is under way when the collection goes
    state = {"XDG_STATE_HOME": str(work.folder / "state")}
    running = work.start("copy", server.uri(name), f"jsonl:{work.folder / 'out.jsonl'}", *flags, env=state)
    time.sleep(3)
    client.drop_collection(name)
    assert running.wait(60) == 5
    filled(server, name, 10)
    done = work.run("copy", server.uri(name), f"jsonl:{work.folder / 'out.jsonl'}", *flags)
    assert done.returncode == 8, done.stderr


def test_a_target_that_is_dropped_under_the_writer(server, name, work):
    running = work.start("copy", jsonl(work.folder / "in.jsonl", [record(i) for i in range(2000)]), server.uri(name), "--batch-size", "20", "--rate", "400")
    client = server.client()
    for _ in range(100):
        if client.has_collection(name):
            break
        time.sleep(0.1)
    time.sleep(1)
    client.drop_collection(name)
    assert running.wait(60) == 5


def test_a_server_that_restarts_in_mid_run(own, name, work):
    server = own("3")
    source = jsonl(work.folder / "in.jsonl", [record(i) for i in range(900)])
    running = work.start("copy", source, server.uri(name), "--batch-size", "30", "--rate", "300")
    time.sleep(2)
    server.kill()
    time.sleep(1)
    server.start()
    code = running.wait(120)
    assert code in (0, 7)
    if code == 7:
        ok(work.run("copy", source, server.uri(name), "--batch-size", "30", "--rate", "300"))
    assert len(rows_of(server.client(), name, ["id"])) == 900
    ok(work.run("verify", source, server.uri(name)))


def test_databases_are_apart(server, name, work):
    client = server.client()
    client.create_database("second")
    ok(work.run("copy", jsonl(work.folder / "in.jsonl", [record(1)]), server.uri(name, "?database=second")))
    assert name not in client.list_collections() and server.client(db_name="second").has_collection(name)
    assert work.run("inspect", server.uri(name, "?database=none")).returncode == 5


def test_nobody_is_there(work):
    done = work.run("inspect", "milvus://127.0.0.1:1#docs", timeout=120)
    assert done.returncode == 7
