"""The report of a copy and of a verification: the page in a real browser, the same as JSON and JUnit, of runs that end well and of others."""
import json
import os
import pathlib
import signal
import time
import xml.etree.ElementTree as ElementTree

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import browser
import harness

HOSTILE = ["<script>window.hacked=1</script>", "</script><script>window.hacked=2</script>", "<img src=x onerror='window.hacked=3'>", "\u202eevil\u202c \x1b[31m\x07 \u2028 é😀",
           "\" onmouseover=\"window.hacked=4", "<!-- <script> -->", "{{constructor.constructor('window.hacked=5')()}}"]
ROWS = 900
AXE = harness.ROOT / ".cache/web/node_modules/axe-core/axe.min.js"
needs_browser = pytest.mark.skipif(browser.program() is None, reason="there is no Chromium on this machine (requirements/apt.txt)")


def make(path, rows=ROWS, dims=16, twice=3, hostile=()):
    """A Parquet file of records in three heaps, with hostile texts where there are some; the last ones have ids that others have already."""
    texts = [f"{hostile[i % len(hostile)]} {i}" if hostile else f"document {i}" for i in range(rows)]
    ids = [f"{text} id" if hostile else f"doc-{i}" for i, text in enumerate(texts)]
    vectors = [[(i * 7919 + k * 104729) % 1000 / 1000 + (5 if i % 3 == k % 3 else 0) for k in range(dims)] for i in range(rows)]
    ids[rows - twice:] = ids[50:50 + twice]
    parquet.write_table(pa.table({"id": ids, "document": texts, "vector": pa.array(vectors, pa.list_(pa.float32())), "kind": texts, "number": list(range(rows))}), path, row_group_size=100)
    return path


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A copy of hostile records with rejects, and its three reports."""
    place = harness.Workplace(tmp_path_factory.mktemp("report"))
    make(place.folder / "in.parquet", hostile=HOSTILE)
    place.source, place.target = f"parquet:{place.folder}/in.parquet", f"qdrant-local:{place.folder}/q#docs"
    forms = [f"{place.folder}/r.{ending}" for ending in ("html", "json", "xml")]
    place.answer = place.json("copy", place.source, place.target, "--metric", "cosine", *sum((["--report", form] for form in forms), []), "--report-sample", "14", code=3)
    place.page, place.data, place.junit = map(pathlib.Path, forms)
    return place


def is_drawn(page):
    """Of each canvas how many of its points are not empty."""
    return page.value("[...document.querySelectorAll('[data-plot] canvas')].map(c => {const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
                      "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n})")


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_in_a_browser(moved, dark):
    with browser.Browser(dark=dark) as page:
        page.open(moved.page)
        assert page.complaints() == [] and page.requests() == []
        assert page.value("window.hacked") is None
        drawn = is_drawn(page)
        assert len(drawn) == int(page.value("document.documentElement.dataset.plots")) == 5 and min(drawn) > 2000, drawn
        text = page.value("document.body.innerText")
        for each in HOSTILE:
            start = each.split("\x1b")[0].strip("\u202e\u202c ")[:12]
            assert start in text, each
        assert "\\x1b[31m\\x07" in text and "\x1b" not in text and "\x07" not in text
        assert page.value("document.scripts.length") == 3 and page.value("document.images.length") == 0
        assert page.value("document.querySelectorAll('[onmouseover],[onerror]').length") == 0
        background = page.value("getComputedStyle(document.body).backgroundColor")
        assert (background != "rgb(255, 255, 255)") == dark


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_accessible(moved, dark):
    if not AXE.exists():
        pytest.skip("axe-core is not there: tools/web-assets")
    with browser.Browser(dark=dark) as page:
        page.open(moved.page)
        page.value(AXE.read_text() + ";0")
        found = page.value("axe.run({resultTypes: ['violations']}).then(r => r.violations.map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 200))]))")
        assert found == []


@needs_browser
def test_the_page_without_scripts_and_on_a_narrow_screen(moved):
    with browser.Browser(javascript=False, width=390) as page:
        page.open(moved.page)
        assert page.complaints() == [] and page.requests() == []
        tree = page.call("DOMSnapshot.captureSnapshot", computedStyles=[])
        words = set(tree["strings"])
        assert any("897" in w for w in words) and "duplicate-id" in words and "Done, but 3 records were rejected." in {w.strip() for w in words}
        layout = page.call("Page.getLayoutMetrics")
        assert layout["cssContentSize"]["width"] <= layout["cssLayoutViewport"]["clientWidth"]


@needs_browser
def test_the_two_sides_of_a_record_stand_on_one_spot(moved):
    with browser.Browser() as page:
        page.open(moved.page)
        points = page.value("JSON.parse(document.getElementById('plots').textContent).plane[0]")
    assert len(points) > 400 and all(len(p) == 5 and abs(p[1] - p[3]) < 1e-4 and abs(p[2] - p[4]) < 1e-4 for p in points)
    # Three heaps in the data are three heaps on the page.
    heaps = []
    for _, x, y, *_ in points:
        if all((x - a) ** 2 + (y - b) ** 2 > 16 for a, b in heaps):
            heaps.append((x, y))
    assert len(heaps) == 3, heaps


def test_json_says_what_the_page_does(moved):
    report = json.loads(moved.data.read_text())
    answer = moved.answer
    assert report["vecferry"] == "report" and report["of"] == "copy" and report["exit_code"] == 3 and report["state"] == "finished"
    assert report["run"] == answer["run"] and report["source"] == moved.source and report["target"] == moved.target
    for name in ("written", "skipped", "rejected", "batches", "bytes"):
        assert report["counts"][name] == answer[name], name
    assert report["rejects"][0]["code"] == "duplicate-id" and report["rejects"][0]["count"] == 3 and len(report["rejects"][0]["examples"]) == 3
    assert report["verify"]["ok"] and {c["name"] for c in report["verify"]["checks"]} >= {"count", "ids", "content"}
    process, = report["processes"]
    assert process["records"] == ROWS and sum(x * 1 for x in process["over_time"]["records"]) == ROWS and process["writes"]["count"] > 0 and process["reads"]["count"] > 0
    assert [p["name"] for p in process["phases"]] == ["snapshot", "transfer", "finish", "verify"] and all(p["finished"] for p in process["phases"])
    sample = report["sample"]
    assert sample["records"] == 500 and sample["found"] >= 497 and sample["shown"][0]["source"] == sample["shown"][0]["target"]
    assert report["peak_memory"] > 1 << 20 and report["versions"]["vecferry"] and report["next"]


def test_junit_is_what_a_build_server_reads(moved):
    root = ElementTree.parse(moved.junit).getroot()
    suite = root.find("testsuite")
    cases = {c.get("name"): c for c in suite.findall("testcase")}
    assert root.tag == "testsuites" and int(suite.get("tests")) == len(cases) and suite.get("failures") == "1" and suite.get("errors") == "0"
    assert cases["rejects"].find("failure") is not None and "duplicate-id: 3" in cases["rejects"].find("failure").text
    for name in ("copy", "verify count", "verify ids", "verify content"):
        assert list(cases[name]) == [], name
    assert {p.get("name"): p.get("value") for p in suite.iter("property")}["run"] == moved.answer["run"]


def test_the_same_command_again_makes_the_same_report(moved):
    again = moved.folder / "again.json"
    moved.ok("copy", moved.source, moved.target, "--metric", "cosine", "--report", again, code=3)
    first, second = json.loads(moved.data.read_text()), json.loads(again.read_text())
    assert second["state"] == "already-finished" and second["counts"] == first["counts"] and second["verify"]["checks"] == first["verify"]["checks"]
    assert second["processes"] == first["processes"]
    later = moved.folder / "later.json"
    moved.ok("status", first["run"], "--report", later)
    third = json.loads(later.read_text())
    assert third["counts"] == first["counts"] and third["processes"] == first["processes"] and third["exit_code"] == 3 and third["sample"] is None


def test_a_verification_shows_what_differs(moved, tmp_path):
    """The target's copy in a file is changed by another program."""
    table = parquet.read_table(moved.folder / "in.parquet").slice(20, 300)
    other = table.set_column(table.schema.get_field_index("document"), "document", pa.array(["changed <b>" if i == 5 else v for i, v in enumerate(table["document"].to_pylist())]))
    parquet.write_table(table, tmp_path / "a.parquet")
    parquet.write_table(other, tmp_path / "b.parquet")
    moved.ok("verify", f"parquet:{tmp_path}/a.parquet", f"parquet:{tmp_path}/b.parquet", "--report", tmp_path / "v.json", "--report", tmp_path / "v.html", "--report", tmp_path / "v.xml", code=4)
    report = json.loads((tmp_path / "v.json").read_text())
    assert report["of"] == "verify" and report["exit_code"] == 4 and report["verify"]["differences"][0]["target"] == "changed <b>"
    assert report["sample"]["found"] == 300 and report["processes"][0]["over_time"]["checked"]
    assert "changed &lt;b&gt;" in (tmp_path / "v.html").read_text() and "<b>" not in (tmp_path / "v.html").read_text()
    failures = [c.get("name") for c in ElementTree.parse(tmp_path / "v.xml").iter("testcase") if c.find("failure") is not None]
    assert failures == ["verify content"]


def test_a_copy_that_fails_has_a_report_too(moved, tmp_path):
    page, data, junit = tmp_path / "f.html", tmp_path / "f.json", tmp_path / "f.xml"
    moved.ok("copy", f"parquet:{tmp_path}/none.parquet", moved.target, "--report", page, "--report", data, "--report", junit, code=5)
    report = json.loads(data.read_text())
    assert report["state"] == "failed" and report["exit_code"] == 5 and report["failure"]["category"] == "not_found"
    assert "What went wrong" in page.read_text()
    assert ElementTree.parse(junit).find(".//error").get("type") == "not_found"
    # Refused by the plan: what was in the way is in the report.
    moved.ok("copy", moved.source, f"qdrant-local:{tmp_path}/q2#x", "--report", data, code=8)
    assert json.loads(data.read_text())["failure"]["category"] == "refused"
    moved.ok("copy", moved.source, f"qdrant-local:{tmp_path}/q2#x", "--dry-run", "--report", data, code=8)
    assert json.loads(data.read_text())["state"] == "dry-run"


def interrupted(place, source, target, report, number, after):
    """Ends a copy with a signal once so many records are journalled."""
    process = place.start("copy", source, target, "--metric", "cosine", "--batch-size", "20", "--rate", "250", "--report", report)
    end = time.monotonic() + 120
    while True:
        assert process.poll() is None and time.monotonic() < end
        status = place.run("status", "last", "--json")
        if status.returncode == 0 and json.loads(status.stdout)["done"] >= after:
            break
        time.sleep(0.1)
    os.kill(process.pid, number)
    return process.wait(60)


def test_interruptions_add_up(tmp_path):
    """Ctrl-C, then a kill, then the end: three processes of one run in one report."""
    place = harness.Workplace(tmp_path)
    source, target = f"parquet:{make(tmp_path / 'in.parquet', rows=2500)}", f"qdrant-local:{tmp_path}/q#docs"
    first = tmp_path / "first.json"
    assert interrupted(place, source, target, first, signal.SIGINT, 300) == 130
    report = json.loads(first.read_text())
    assert report["state"] == "interrupted" and report["processes"][0]["outcome"] == "interrupted" and 0 < report["counts"]["written"] < 2500
    assert any(n["what"] == "go on where it stopped" and n["command"].startswith("vecferry copy ") for n in report["next"]) and report["verify"] is None
    killed = tmp_path / "killed.json"
    assert interrupted(place, source, target, killed, signal.SIGKILL, report["counts"]["written"] + 800) == -signal.SIGKILL
    assert not killed.exists()
    last, page = tmp_path / "last.json", tmp_path / "last.html"
    place.ok("copy", source, target, "--metric", "cosine", "--report", last, "--report", page, code=3)
    report = json.loads(last.read_text())
    assert [p["outcome"] for p in report["processes"]] == ["interrupted", "", "finished"]
    assert report["counts"]["written"] == 2497 and report["processes"][1]["records"] > 0
    assert "3: it was interrupted and went on" in page.read_text()
    if browser.program():
        with browser.Browser() as view:
            view.open(page)
            assert view.complaints() == [] and min(is_drawn(view)) > 2000


def test_a_report_of_another_kind_is_refused_before_anything_is_done(moved, tmp_path):
    for name in ("r.pdf", "none/r.html"):
        done = moved.run("copy", moved.source, f"qdrant-local:{tmp_path}/q#x", "--metric", "cosine", "--report", tmp_path / name)
        assert done.returncode == 2 and not (tmp_path / "q").exists(), done.stderr


def test_without_a_sample_no_record_is_in_the_page(moved, tmp_path):
    page = tmp_path / "r.html"
    moved.ok("verify", moved.source, moved.target, "--report", page, "--report-sample", "0")
    report = page.read_text()
    assert "No records are shown: --report-sample 0 left them out." in report and "side by side" not in report
