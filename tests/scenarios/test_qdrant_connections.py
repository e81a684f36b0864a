"""What stands between the program and a Qdrant server: nobody there, another port, TLS, certificates and keys. Each is told of on the
right side with the step that helps, and a key is shown nowhere."""
import json
import os
import socket

import pytest

import harness
import qdrant_scenario as scenario
from harness import refused

ROWS = 40
FULL, READ_ONLY, WRONG = "full-Kq7-secret", "read-Kq8-secret", "wrong-Kq9-secret"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    double = scenario.Double(tmp_path_factory.mktemp("from")).start()
    scenario.fill(double.client(), ROWS)
    yield double
    double.stop()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A server with those options; one for all tests that want the same."""
    started = {}

    def go(*words, env=None):
        key = repr((words, env))
        if key not in started:
            started[key] = scenario.Double(tmp_path_factory.mktemp("to"), *words, env=env).start()
        return started[key]

    yield go
    scenario.stop_all(*started.values())


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


@pytest.fixture
def locked(start):
    """A server that asks for a key; empty."""
    double = start(env={"QDRANT_DOUBLE_API_KEY": FULL, "QDRANT_DOUBLE_READ_ONLY_KEY": READ_ONLY})
    scenario.drop(double.client(api_key=FULL))
    return double


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def at(port, words="", name="docs"):
    return f"qdrant://127.0.0.1:{port}{words}#{name}"


def out(work):
    return f"jsonl:{work.folder}/out.jsonl"


# ---- ways to it ----

def test_a_server_that_is_down(source, work):
    port = free_port()
    for words in ((at(port), out(work)), (scenario.uri(source), at(port))):
        told = refused(work.run("copy", *words, "-q"), 7, "source" if words[0] == at(port) else "target", at(port), "start the server")
        assert "Connection refused" in told and "To go on:" in told and f"vecferry copy '{words[0]}'" in told
    assert not (work.folder / "out.jsonl").exists()


def test_a_host_that_nobody_knows(work):
    told = refused(work.run("copy", "qdrant://no-such-host.invalid:6334#docs", out(work), "-q"), 5, "source", "no-such-host.invalid", "check the name")
    assert "is not known" in told


def test_the_port_of_rest(source, work):
    rest = source.state["rest_port"]
    told = refused(work.run("copy", at(rest), out(work), "-q"), 2, "source", at(rest), "6334")
    assert "REST" in told and "gRPC" in told
    told = refused(work.run("copy", f"http://127.0.0.1:{rest}#docs", out(work), "-q"), 2, "source", rest, "?grpc-port=N")
    assert "REST" in told
    report = work.json("copy", f"http://127.0.0.1:{rest}?grpc-port={source.port}#docs", out(work))
    assert report["written"] == ROWS and report["verify"]["ok"]


def test_tls_asked_of_a_port_that_has_none(source, work):
    done = work.run("copy", at(source.port, "?tls=yes"), out(work), "-q")
    assert "does not speak TLS" in refused(done, 8, "source", source.port, "leave ?tls=yes or https:// away")
    assert done.stderr.startswith("vecferry: "), "a library wrote there too"


def test_a_port_that_speaks_tls_alone(start, work):
    double = start("--tls")
    assert "speaks TLS" in refused(work.run("copy", at(double.port), out(work), "-q"), 8, "source", double.port, "add ?tls=yes, or write https://")


def test_certificates(source, start, work):
    double = start("--tls")
    done = work.run("copy", scenario.uri(source), at(double.port, "?tls=yes"), "-q")
    assert "not trusted" in refused(done, 8, "target", double.port, "?ca=FILE")
    assert done.stderr.startswith("vecferry: "), "a library wrote there too"
    other = start("--tls", "--tls-name", "other.example")
    told = refused(work.run("copy", scenario.uri(source), at(other.port, f"?ca={other.state['ca']}"), "-q"), 8, "target", other.port, "correct the host's name")
    assert "mismatch" in told
    refused(work.run("copy", scenario.uri(source), at(double.port, f"?ca={other.state['ca']}"), "-q"), 8, "target", double.port, "?ca=FILE")
    refused(work.run("copy", scenario.uri(source), at(double.port, f"?ca={work.folder}/none.pem"), "-q"), 5, "target", "none.pem", "")
    target = at(double.port, f"?ca={double.state['ca']}")
    assert work.json("copy", scenario.uri(source), target)["written"] == ROWS
    work.digest(scenario.uri(source), target)
    # The way to the server is no part of the copy: by its name, with a list of authorities in the environment, it is the same one.
    report = work.json("copy", scenario.uri(source), at(double.port, "?tls=yes&timeout=30s"), env={"SSL_CERT_FILE": double.state["ca"]})
    assert report["state"] == "already-finished"


# ---- keys ----

@pytest.mark.parametrize("key, words", [(None, "Must provide an API key"), (WRONG, "Invalid API key")])
def test_a_key_that_is_missing_or_wrong(source, locked, work, key, words):
    env = {"QDRANT_API_KEY": key} if key else {}
    for pair, side in (((scenario.uri(source), scenario.uri(locked)), "target"), ((scenario.uri(locked), out(work)), "source")):
        assert words in refused(work.run("copy", *pair, "-q", env=env), 6, side, locked.port, "QDRANT_API_KEY")
    nothing_shown(work)
    assert not scenario.collections(locked.client(api_key=FULL))


def test_a_key_that_may_read_alone(source, locked, work):
    args = ["copy", scenario.uri(source), scenario.uri(locked)]
    refused(work.run(*args, "-q", env={"QDRANT_API_KEY": READ_ONLY}), 6, "target", locked.port, "write access")
    assert not scenario.collections(locked.client(api_key=FULL))
    # To read with it is enough for a source, and the copy goes on once the key is another.
    assert work.json(*args, env={"QDRANT_API_KEY": FULL})["written"] == ROWS
    report = work.json("copy", scenario.uri(locked), out(work), env={"QDRANT_API_KEY": READ_ONLY})
    assert report["written"] == ROWS and report["verify"]["ok"]
    nothing_shown(work)


def nothing_shown(work, *texts):
    """No key in what was printed, nor in any file below the folder."""
    for text in texts:
        assert "-secret" not in text, text
    for folder, _, files in os.walk(work.folder):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                assert b"-secret" not in file.read(), os.path.join(folder, name)


def ways(work, tmp_path):
    """Each way to hand over a key: (what stands in the URI, flags, environment, whether it is warned of)."""
    (tmp_path / "key").write_text(FULL + "\n")
    return {"environment": ("", [], {"QDRANT_API_KEY": FULL}, False), "own variable": ("?api-key-env=MY_KEY", [], {"MY_KEY": FULL}, False),
            "file": (f"?api-key-file={tmp_path}/key", [], {}, False), "option": (f"?api-key={FULL}", [], {}, True),
            "flag": ("", ["--target-opt", f"api-key={FULL}"], {}, True), "password": ("", [], {}, True)}


@pytest.mark.parametrize("way", ["environment", "own variable", "file", "option", "flag", "password"])
def test_a_key_is_used_and_shown_nowhere(source, locked, work, tmp_path, way):
    words, flags, env, warned = ways(work, tmp_path)[way]
    target = at(locked.port, words)
    if way == "password":
        target = f"qdrant://:{FULL}@127.0.0.1:{locked.port}#docs"
    log, page = work.folder / "log.jsonl", work.folder / "report.html"
    args = ["copy", scenario.uri(source), target, *flags, "--batch-size", "10", "--log", log, "--report", page]
    killed = work.run(*args, "-v", env={**env, "VECFERRY_FAILPOINT": "qdrant.upsert.after:2"})
    assert killed.returncode == harness.KILLED
    done = work.run(*args, "-v", env=env)
    assert done.returncode == 0, done.stderr
    assert ("a credential stands in the address or the options" in done.stderr) == warned, done.stderr
    shown = [killed.stdout, killed.stderr, done.stdout, done.stderr]
    again = work.run(*args[:3], *flags, "--json", env=env)
    assert json.loads(again.stdout)["state"] == "already-finished", again.stdout
    # Another way to give the key is the same copy.
    other = work.run("copy", scenario.uri(source), scenario.uri(locked), "--json", env={"QDRANT_API_KEY": FULL})
    assert other.returncode == 0 and json.loads(other.stdout)["state"] == "already-finished", other.stdout
    for command in (["runs"], ["status", "last", "--json"], ["clean"]):
        listed = work.run(*command, env={"QDRANT_API_KEY": FULL, **env})
        assert listed.returncode == 0, listed.stderr
        shown += [listed.stdout, listed.stderr]
    assert scenario.count(locked.client(api_key=FULL)) == ROWS
    back = work.run("rollback", "last", "--yes", env={"QDRANT_API_KEY": FULL, **env})
    assert back.returncode == 0, back.stderr
    assert not scenario.collections(locked.client(api_key=FULL))
    nothing_shown(work, *shown, again.stdout, again.stderr, back.stdout, back.stderr)


@pytest.mark.parametrize("words, told", [("?api-key-env=NOT_SET", "NOT_SET is not set"), ("?api-key-file=/none/key", "/none/key"),
                                         ("?api-key=two%20words-secret", "a character that no key has"), ("?api-kye=x", "api-key")])
def test_a_key_that_cannot_be_had(source, locked, work, words, told):
    done = work.run("copy", scenario.uri(source), at(locked.port, words), "-q")
    assert done.returncode in (2, 5), done.stderr
    assert told in done.stderr and "  next: " in done.stderr
    nothing_shown(work, done.stdout, done.stderr)


def test_a_key_where_a_user_would_stand(source, locked, work):
    done = work.run("copy", scenario.uri(source), f"qdrant://{FULL}@127.0.0.1:{locked.port}#docs", "-q")
    assert done.returncode == 2 and "//:KEY@HOST" in done.stderr, done.stderr
    nothing_shown(work, done.stdout, done.stderr)
