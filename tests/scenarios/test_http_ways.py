"""The ways to a service over HTTP: TLS with an authority of one's own, a proxy out of the environment, compressed answers; and where a key is not to be found."""
import gzip
import sys

import pytest

import harness
import matrix_data

sys.path.insert(0, str(harness.ROOT / "tests/servers"))
import fault_proxy  # noqa: E402
from chroma_fixtures import Chroma  # noqa: E402
from qdrant_double import tls  # noqa: E402

RECORDS = 200


@pytest.fixture(scope="module")
def chroma(tmp_path_factory):
    server = Chroma(tmp_path_factory.mktemp("chroma"))
    yield server
    server.stop()


@pytest.fixture
def place(tmp_path):
    work = harness.Workplace(tmp_path / "place")
    store = next(s for s in work.json("stores")["stores"] if s["scheme"] == "chroma")
    matrix_data.write(tmp_path / "data.jsonl", matrix_data.Features.of(store["capabilities"]), RECORDS)
    return work


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(authority, certificate of 127.0.0.1, its key)"""
    folder = tmp_path_factory.mktemp("tls")
    tls.make(folder, "localhost")
    return folder / tls.CA, folder / tls.CERTIFICATE, folder / tls.KEY


def test_tls_with_an_authority_of_ones_own(chroma, place, certificate, tmp_path):
    authority, cert, key = certificate
    with fault_proxy.FaultProxy(chroma.port, tls=(cert, key)) as proxy:
        uri = f"chroma://127.0.0.1:{proxy.port}?ca={authority}#tls"
        report = place.json("copy", f"jsonl:{tmp_path / 'data.jsonl'}", uri)
        assert report["written"] == RECORDS and report["verify"]["ok"] and len(proxy.log) > 3


def test_a_certificate_that_nobody_trusts_is_told_and_nothing_is_sent(chroma, place, certificate, tmp_path):
    _, cert, key = certificate
    with fault_proxy.FaultProxy(chroma.port, tls=(cert, key)) as proxy:
        done = place.run("copy", f"jsonl:{tmp_path / 'data.jsonl'}", f"chroma://127.0.0.1:{proxy.port}?tls=yes#tls", env={"CHROMA_API_KEY": "a-secret-key"})
        assert done.returncode == 8 and "?ca=" in done.stderr and "a-secret-key" not in done.stdout + done.stderr
        assert proxy.log == []


def test_a_proxy_out_of_the_environment(chroma, place, tmp_path):
    with fault_proxy.FaultProxy(chroma.port) as proxy:
        report = place.json("copy", f"jsonl:{tmp_path / 'data.jsonl'}", "chroma://elsewhere.invalid:8000#proxied", env={"http_proxy": f"http://127.0.0.1:{proxy.port}"})
        assert report["written"] == RECORDS and report["verify"]["ok"]
        assert all(path.startswith("http://elsewhere.invalid:8000/api/v2/") for _, path, _ in proxy.log)
    done = place.run("inspect", f"chroma://127.0.0.1:{chroma.port}", env={"http_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"})
    assert done.returncode == 0, done.stderr


def test_answers_that_come_compressed(chroma, place, tmp_path):
    place.ok("copy", f"jsonl:{tmp_path / 'data.jsonl'}", f"chroma://127.0.0.1:{chroma.port}#packed")

    class Packed(fault_proxy.Fault):
        forward = True

        def strike(self, handler, answer):
            assert "gzip" in handler.headers["Accept-Encoding"]
            handler.answer(answer.status, {**answer.headers, "Content-Encoding": "gzip"}, gzip.compress(answer.body))
    with fault_proxy.FaultProxy(chroma.port) as proxy:
        proxy.add(Packed(), every=1)
        report = place.json("verify", f"jsonl:{tmp_path / 'data.jsonl'}", f"chroma://127.0.0.1:{proxy.port}#packed")
        assert report["ok"] and proxy.hits["Packed"] > 3


def test_a_key_stays_out_of_all_that_is_written(chroma, place, tmp_path):
    key = "sk-never-to-be-seen"
    uri = f"chroma://127.0.0.1:{chroma.port}?api-key={key}#keyed"
    done = place.run("copy", f"jsonl:{tmp_path / 'data.jsonl'}", uri, "--log", tmp_path / "log", "--report", tmp_path / "report.html", "--report", tmp_path / "report.json", "-v")
    assert done.returncode == 0, done.stderr
    place.ok("runs"), place.ok("status", "last")
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 4 and not any(key.encode() in text for text in written) and key not in done.stdout + done.stderr
