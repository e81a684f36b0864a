"""--metrics: what Prometheus would scrape while a copy and a verification run, read by its own client's parser."""
import re
import subprocess
import time
import urllib.error
import urllib.request

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

import harness
from test_report import make

ROWS = 1500


def scrape(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        text = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return {(s.name, *sorted(s.labels.items())): s.value for family in families.values() for s in family.samples}, families


def serving(place, *args):
    """A process that serves metrics, and where."""
    process = subprocess.Popen(place.command(*args, "--progress", "json"), env=place.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if found := re.search(r"http://\S+/metrics", line):
            return process, found.group()
    raise AssertionError(f"it served none and ended with {process.wait()}")


@pytest.fixture
def place(tmp_path):
    made = harness.Workplace(tmp_path)
    made.source, made.target = f"parquet:{make(tmp_path / 'in.parquet', rows=ROWS)}", f"qdrant-local:{tmp_path}/q#docs"
    return made


def test_a_copy_is_seen_as_it_goes(place):
    process, url = serving(place, "copy", place.source, place.target, "--metric", "cosine", "--rate", "300", "--batch-size", "50", "--metrics", "0")
    seen = []
    try:
        assert url.startswith("http://127.0.0.1:")
        listening = [c.laddr for c in psutil.Process(process.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert [a.ip for a in listening] == ["127.0.0.1"]
        end = time.monotonic() + 120
        while time.monotonic() < end:
            values, families = scrape(url)
            seen.append(values.get(("vecferry_records_total", ("outcome", "written")), 0))
            if seen[-1] > 400:
                break
            time.sleep(0.2)
        assert seen == sorted(seen) and seen[-1] > 400
        with pytest.raises(urllib.error.HTTPError) as other:
            urllib.request.urlopen(url.replace("/metrics", "/"), timeout=10)
        assert other.value.code == 404
    finally:
        process.communicate(timeout=120)
    assert process.returncode == 3
    assert values[("vecferry_phase", ("phase", "transfer"))] == 1 and values[("vecferry_phase_total", ("phase", "transfer"))] == ROWS
    assert values[("vecferry_phase_done", ("phase", "transfer"))] >= 400
    assert values[("vecferry_bytes_total",)] > 0 and values[("vecferry_batches_total",)] >= 8 and values[("vecferry_peak_memory_bytes",)] > 1 << 20
    writes = [(dict(k[1:]), v) for k, v in values.items() if k[0] == "vecferry_request_duration_seconds_bucket" and ("operation", "write") in k]
    assert max(v for labels, v in writes if labels["le"] == "+Inf") == values[("vecferry_request_duration_seconds_count", ("operation", "write"))] >= 8
    info, = (dict(k[1:]) for k in values if k[0] == "vecferry_run_info")
    assert info["command"] == "copy" and info["source"] == place.source and info["target"] == place.target
    assert {f.type for n, f in families.items() if n in ("vecferry_records", "vecferry_bytes", "vecferry_retries")} == {"counter"}
    assert families["vecferry_request_duration_seconds"].type == "histogram" and families["vecferry_writes_in_flight"].type == "gauge"


@pytest.mark.parametrize("address", ["none", "1.2.3.4.example:80", "70000", "-1", "127.0.0.1:"])
def test_what_is_no_address_is_refused(place, address):
    done = place.run("copy", place.source, place.target, "--metric", "cosine", f"--metrics={address}")
    assert done.returncode == 2 and "--metrics" in done.stderr, done.stderr
    assert not (place.folder / "q").exists()


def test_a_port_that_is_taken_is_refused(place):
    process, url = serving(place, "copy", place.source, place.target, "--metric", "cosine", "--rate", "300", "--metrics", "0")
    try:
        port = url.split(":")[2].split("/")[0]
        done = place.run("verify", place.source, place.target, "--metrics", port)
        assert done.returncode == 2 and port in done.stderr, done.stderr
    finally:
        process.kill()
        process.wait()
