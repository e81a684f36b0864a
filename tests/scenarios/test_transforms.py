"""Filters, maps, samples and reductions from the command line, judged by reading what was written: JSON by Python, Qdrant by its own client, numbers by numpy."""
import datetime
import json
import re
import shlex

import numpy
import pytest

import harness
import vendors
from qdrant_judge import Server

DIMS = 16
ROWS = 200
EXACT = 2**53 + 1


def book(i):
    metadata = {"name": f"Book {i}", "year": 2010 + i % 15, "lang": ["de", "en", "fr"][i % 3], "draft": i % 4 == 0, "tags": ["sea", "old"] if i % 5 == 0 else [],
                "address": {"city": ["Rome", "Bonn"][i % 2]}, "added": f"2024-{1 + i % 6:02}-01T00:00:00Z", "big": EXACT + i, "a key.with dots": i % 2}
    if i % 7 == 0:
        del metadata["lang"]
    return {"id": f"book-{i}", "document": f"text {i} of a whale" if i % 6 == 0 else f"text {i}", "metadata": metadata}


def vectors(rows=ROWS):
    random = numpy.random.default_rng(3)
    scale = numpy.linspace(4, 0.05, DIMS)
    return (random.standard_normal((rows, DIMS)) * scale + 0.5).astype(numpy.float32)


def write_books(file, rows=ROWS, change=lambda i, record: None):
    header = {"vecferry": 1, "schema": {"id_kind": "string", "tenant": False, "document": True,
                                        "vectors": [{"name": "", "kind": "dense", "element": "f32", "dims": DIMS, "metric": "cosine"}]}}
    with open(file, "w", encoding="utf-8") as out:
        out.write(json.dumps(header, separators=(",", ":")) + "\n")
        for i, vector in enumerate(vectors(rows)):
            record = book(i) | {"vectors": {"vector": [float(x) for x in vector]}}
            change(i, record)
            out.write(json.dumps(record) + "\n")
    return file


def read(file):
    lines = [json.loads(line) for line in open(file, encoding="utf-8")]
    for record in lines[1:]:
        record["vectors"] = {name: numpy.float32(vector).tolist() for name, vector in record["vectors"].items()}
    return lines[0]["schema"], {record["id"]: record for record in lines[1:]}


@pytest.fixture
def work(tmp_path):
    place = harness.Workplace(tmp_path / "w")
    write_books(place.folder / "books.jsonl")
    return place


def pair(work, name="out"):
    return f"jsonl:{work.folder}/books.jsonl", f"jsonl:{work.folder}/{name}.jsonl"


def kept_by(work, *flags, name="out"):
    source, target = pair(work, name)
    report = work.json("copy", source, target, *flags)
    records = read(work.folder / f"{name}.jsonl")[1]
    assert report["written"] == report["total"] == len(records) and report["verify"]["ok"]
    return records


@pytest.mark.parametrize("flags, holds", [
    (["--filter", "year >= 2020"], lambda b: b["metadata"]["year"] >= 2020),
    (["--filter", "lang IN ('de', 'fr') AND NOT draft"], lambda b: b["metadata"].get("lang") in ("de", "fr") and not b["metadata"]["draft"]),
    (["--filter", "lang IS NULL"], lambda b: "lang" not in b["metadata"]),
    (["--filter", "lang != 'de'"], lambda b: b["metadata"].get("lang", "de") != "de"),
    (["--filter", "contains(tags, 'sea')", "--filter", "year < 2020"], lambda b: "sea" in b["metadata"]["tags"] and b["metadata"]["year"] < 2020),
    (["--filter", "address.city = 'Rome' AND \"a key.with dots\" = 0"], lambda b: b["metadata"]["address"]["city"] == "Rome"),
    (["--filter", f"big = {EXACT + 7}"], lambda b: b["metadata"]["big"] == EXACT + 7),
    (["--filter", "document LIKE '%WHALE%'"], lambda b: "whale" in b["document"]),
    (["--filter", "id REGEXP '^book-1[0-9]$'"], lambda b: bool(re.fullmatch("book-1[0-9]", b["id"]))),
    (["--filter", "epoch(added) BETWEEN epoch('2024-02-01') AND epoch('2024-03-31')"], lambda b: b["metadata"]["added"][5:7] in ("02", "03")),
    (["--include", "book-1*", "--include", "book-2", "--exclude", "*7"],
     lambda b: (b["id"].startswith("book-1") or b["id"] == "book-2") and not b["id"].endswith("7")),
])
def test_filters(work, flags, holds):
    expected = {f"book-{i}" for i in range(ROWS) if holds(book(i))}
    assert 0 < len(expected) < ROWS
    records = kept_by(work, *flags)
    assert set(records) == expected
    assert all(record["metadata"] == book(int(id[5:]))["metadata"] for id, record in records.items())
    # A verification by itself does as the run did, and says so.
    report = work.json("verify", *pair(work))
    assert report["ok"] and report["source_count"] == len(expected) and flags[0] in report["transforms"] and report["transforms_of"]


def test_ids_of_a_file_and_limit(work):
    (work.folder / "ids.txt").write_text("book-3\nbook-5\nnosuch\nbook-7\nbook-9\n")
    assert set(kept_by(work, "--ids", work.folder / "ids.txt")) == {"book-3", "book-5", "book-7", "book-9"}
    assert set(kept_by(work, "--filter", "year >= 2020", "--limit", "5", name="first")) == {f"book-{i}" for i in range(10, 15)}
    assert work.json("verify", *pair(work, "first"))["ok"]


def test_a_sample_is_always_the_same(work):
    taken = set(kept_by(work, "--sample", "20%"))
    assert 20 <= len(taken) <= 60 and set(kept_by(work, "--sample", "20%", name="again")) == taken
    assert set(kept_by(work, "--sample", "40", name="counted")) == taken
    assert set(kept_by(work, "--sample", "40%", name="more")) > taken


def test_maps(work):
    records = kept_by(work, "--map", "title=name", "--map", "drop:draft", "--map", "text:year", "--map", "city=address.city", "--map", "drop:address", "--map", "epoch:added",
                      "--map", "copy:about.text=document", "--map", "tenant=lang", "--map", "set:from=${source.store}", "--map", "default:lang=\"none\"")
    for i in range(ROWS):
        before, after = book(i), records[f"book-{i}"]
        old = before["metadata"]
        assert after.get("tenant") == old.get("lang") and after["document"] == before["document"]
        added = int(datetime.datetime.fromisoformat(old["added"].replace("Z", "+00:00")).timestamp())
        assert after["metadata"] == {"title": old["name"], "year": str(old["year"]), "tags": old["tags"], "added": added, "big": old["big"], "lang": "none",
                                     "a key.with dots": old["a key.with dots"], "city": old["address"]["city"], "about": {"text": before["document"]}, "from": "jsonl"}
    assert read(work.folder / "out.jsonl")[0]["tenant"] is True


def test_there_and_back_is_the_same(work):
    source, target = pair(work)
    work.ok("copy", source, target, "--map", "deep.title=name", "--map", "text=document", "--map", "who=lang")
    work.ok("copy", target, f"jsonl:{work.folder}/back.jsonl", "--map", "name=deep.title", "--map", "drop:deep", "--map", "document=text", "--map", "lang=who")
    assert read(work.folder / "back.jsonl")[1] == read(work.folder / "books.jsonl")[1]
    work.forget()
    assert work.json("verify", source, f"jsonl:{work.folder}/back.jsonl")["ok"]


def test_what_cannot_be_mapped_is_a_reject(work):
    def spoil(i, record):
        if i == 17:
            record["metadata"]["year"] = "soon"

    write_books(work.folder / "books.jsonl", change=spoil)
    source, target = pair(work)
    report = work.json("copy", source, target, "--map", "int:year", "--map", "id=name", code=3)
    assert (report["written"], report["rejected"]) == (ROWS - 1, 1)
    reject, = [json.loads(line) for line in open(report["rejects_file"])]
    assert reject["code"] == "map-cast" and reject["id"] == "book-17" and reject["record"]["metadata"]["year"] == "soon"
    assert set(read(work.folder / "out.jsonl")[1]) == {f"Book {i}" for i in range(ROWS) if i != 17}
    assert work.json("verify", source, target)["ok"]


def test_rejects_are_tried_again_under_the_key_they_had(work):
    def spoil(i, record):
        if i == 17:
            record["metadata"]["year"] = "soon"

    write_books(work.folder / "books.jsonl", change=spoil)
    source, target = f"jsonl:{work.folder}/books.jsonl", f"qdrant-local:{work.folder}/qdrant#books"
    args = ["copy", source, target, "--map", "int:year", "--map", "copy:id=name"]
    assert work.json(*args, code=3)["rejected"] == 1
    write_books(work.folder / "books.jsonl")
    report = work.json(*args, "--retry-rejects")
    assert (report["written"], report["rejected"]) == (ROWS, 0) and report["verify"]["ok"]
    assert len(vendors.by_point(work.folder / "qdrant", "books")) == ROWS


def test_ids_that_become_one_are_found_before(work):
    source, target = pair(work)
    report = work.json("copy", source, target, "--map", "id=address.city", code=3)
    assert report["written"] == 2 and report["rejected"] == ROWS - 2
    assert set(read(work.folder / "out.jsonl")[1]) == {"Rome", "Bonn"}


def by_id(work, name):
    records = read(work.folder / f"{name}.jsonl")[1]
    return numpy.array([records[f"book-{i}"]["vectors"]["vector"] for i in range(ROWS)], dtype=numpy.float64)


def test_truncated_and_normalised(work):
    kept_by(work, "--reduce", "6", name="cut")
    assert numpy.array_equal(by_id(work, "cut"), vectors()[:, :6].astype(numpy.float64))
    kept_by(work, "--reduce", "6", "--normalise", name="unit")
    cut = vectors()[:, :6].astype(numpy.float64)
    assert numpy.allclose(by_id(work, "unit"), cut / numpy.linalg.norm(cut, axis=1, keepdims=True), atol=1e-7)
    assert read(work.folder / "unit.jsonl")[0]["vectors"][0]["dims"] == 6


def test_pca_is_numpys(work):
    kept_by(work, "--reduce", "5:pca")
    data = vectors().astype(numpy.float64)
    mean = data.mean(axis=0)
    values, directions = numpy.linalg.eigh(numpy.cov(data - mean, rowvar=False))
    directions = directions[:, ::-1][:, :5]
    directions *= numpy.sign(directions[numpy.abs(directions).argmax(axis=0), range(5)])
    assert numpy.allclose(by_id(work, "out"), (data - mean) @ directions, atol=1e-4)
    # What the run fitted is used again: a source that has grown since is not fitted anew.
    assert work.json("verify", *pair(work))["ok"]


def test_a_vector_of_zeros_is_a_reject(work):
    write_books(work.folder / "books.jsonl", change=lambda i, record: record["vectors"].update(vector=[0.0] * DIMS) if i == 3 else None)
    report = work.json("copy", *pair(work), "--normalise", code=3)
    reject, = [json.loads(line) for line in open(report["rejects_file"])]
    assert (reject["code"], reject["id"]) == ("zero-vector", "book-3")


def test_into_qdrant_as_its_own_client_sees_it(work):
    source, target = f"jsonl:{work.folder}/books.jsonl", f"qdrant-local:{work.folder}/qdrant#books"
    report = work.json("copy", source, target, "--filter", "year >= 2020", "--map", "title=name", "--map", "drop:address", "--reduce", "8", "--normalise")
    expected = [i for i in range(ROWS) if book(i)["metadata"]["year"] >= 2020]
    points = vendors.by_point(work.folder / "qdrant", "books")
    assert report["written"] == len(points) == len(expected)
    payloads = {payload["_id"][1]: payload for payload, _ in points.values()}
    for i in expected:
        payload = payloads[f"book-{i}"]
        assert payload["title"] == ("str", f"Book {i}") and "name" not in payload and "address" not in payload and payload["big"] == ("int", str(EXACT + i))
    assert work.json("verify", source, target)["ok"]


def test_between_servers(work, tmp_path):
    """From a server, which others may write to, to a server: the pass that follows the source sees what the filter lets through alone."""
    server = Server(tmp_path / "server")
    try:
        work.ok("copy", f"jsonl:{work.folder}/books.jsonl", server.uri("all"))
        report = work.json("copy", server.uri("all"), server.uri("part"), "--filter", "year >= 2020", "--map", "title=name", "--map", "copy:id=title", "--reduce", "8", "--normalise")
        expected = {i for i in range(ROWS) if book(i)["metadata"]["year"] >= 2020}
        points = server.act("look", "part")["points"]
        assert report["written"] == len(points) == len(expected) and report["verify"]["ok"] and report["rejected"] == 0
        assert work.json("verify", server.uri("all"), server.uri("part"))["ok"]
    finally:
        server.stop()


def test_from_sqlite_vec(work):
    file = work.folder / "vec.db"
    db = vendors.open_vec(file)
    db.execute(f"CREATE VIRTUAL TABLE docs USING vec0(embedding float[{DIMS}], year integer, +name text)")
    for i, vector in enumerate(vectors(50)):
        db.execute("INSERT INTO docs(rowid, embedding, year, name) VALUES (?, ?, ?, ?)", (i + 1, vector.tobytes(), 2000 + i, f"n{i}"))
    db.commit()
    db.close()
    source, target = f"sqlite-vec:{file}#docs", f"jsonl:{work.folder}/out.jsonl"
    flags = ["--filter", "year BETWEEN 2010 AND 2019", "--map", "title=name", "--map", "set:id=doc-${id}", "--reduce", "4"]
    report = work.json("copy", source, target, "--metric", "l2", *flags)
    records = read(work.folder / "out.jsonl")[1]
    assert report["written"] == 10 and set(records) == {f"doc-{i}" for i in range(11, 21)}
    for i in range(10, 20):
        record = records[f"doc-{i + 1}"]
        assert record["metadata"] == {"year": 2000 + i, "title": f"n{i}"} and record["vectors"]["vector"] == vectors(50)[i, :4].tolist()
    assert work.json("verify", source, target)["ok"]


def test_verification_sees_what_was_tampered_with(work):
    source, target = pair(work)
    work.ok("copy", source, target, "--filter", "year >= 2020", "--map", "title=name", "--reduce", "8:pca")
    file = work.folder / "out.jsonl"
    lines = file.read_text().splitlines()
    changed = json.loads(lines[3])
    changed["metadata"]["title"] = "another"
    del lines[5]
    file.write_text("\n".join([*lines[:3], json.dumps(changed), *lines[4:]]) + "\n")
    report = work.json("verify", source, target, code=4)
    kinds = {d["class"] for d in report["differences"]}
    assert any(d["id"] == changed["id"] and d["field"] == "metadata.title" and d["target"] == "\"another\"" for d in report["differences"]), report["differences"]
    assert "lost" in kinds


def test_verification_without_a_journal_takes_the_flags(work):
    source, target = pair(work)
    flags = ["--filter", "year >= 2020", "--map", "title=name", "--reduce", "8", "--sample", "50%"]
    work.ok("copy", source, target, *flags)
    work.forget()
    assert work.run("verify", source, target).returncode == 4
    report = work.json("verify", source, target, *flags)
    assert report["ok"] and report["transforms_of"] == ""
    harness.refused(work.run("verify", source, target, "--map", "set:x=${run.id}"), 8, "a map names the run", "", "verify without")


def test_plan_shows_what_will_be(work):
    source, target = pair(work)
    plan = work.json("plan", source, target, "--filter", "year >= 2020", "--map", "title=name", "--map", "tenant=lang", "--reduce", "8")
    count = sum(book(i)["metadata"]["year"] >= 2020 for i in range(ROWS))
    assert plan["transforms"] == {"flags": {"--filter": ["year >= 2020"], "--map": ["title=name", "tenant=lang"], "--reduce": ["8"]},
                                  "read": ROWS, "kept": count, "dropped": ROWS - count, "rejected": 0}
    schema = plan["source_info"]["schema"]
    assert schema["vectors"][0]["dims"] == 8 and schema["tenant"] and plan["source_info"]["count"] == count
    said = work.ok("plan", source, target, "--filter", "year >= 2020 AND lang = \"de\"").stdout
    assert "no record that was looked at has metadata.de" in said and "the filters keep none" in said
    assert "--map 'drop:nosuch' finds its field in no record" in work.ok("plan", source, target, "--map", "drop:nosuch").stdout
    assert not (work.folder / "out.jsonl").exists()
    shown = work.json("inspect", source, "--filter", "year >= 2020", "--full")
    assert shown["read"] == count


@pytest.mark.parametrize("flags, says", [
    (["--filter", "year >= 2021"], "--filter was [\"year >= 2020\"] and is [\"year >= 2021\"]"), ([], "--filter was [\"year >= 2020\"] and is (none)"),
    (["--filter", "year >= 2020", "--map", "x=name"], "--map was [\"title=name\"] and is [\"x=name\"]")])
def test_a_run_with_other_transforms_is_another_copy(work, flags, says):
    source, target = pair(work)
    begun = ["--filter", "year >= 2020", "--map", "title=name"]
    other = flags if "--map" in flags else [*flags, "--map", "title=name"]
    killed = work.run("copy", source, target, *begun, env={"VECFERRY_FAILPOINT": "transfer.flush.before:1"})
    assert killed.returncode == harness.KILLED
    refused = work.run("copy", source, target, *other)
    assert refused.returncode == 8 and says in refused.stderr, refused.stderr
    work.ok("copy", source, target, *begun)
    # Nor is a finished one shown as if it were what is asked for.
    refused = work.run("copy", source, target, *other)
    assert refused.returncode == 8 and says in refused.stderr and "--restart" in refused.stderr
    assert "finished already" in work.ok("copy", source, target, *begun).stdout


def test_killed_at_every_flush_it_ends_as_if_it_had_not_been(work):
    """${run.started_at} is of the first start, PCA is fitted once, and the sample is the same."""
    write_books(work.folder / "books.jsonl", 2000)
    source, target = pair(work)
    args = ["copy", source, target, "--filter", "year % 2 = 0", "--map", "set:at=${run.started_at}", "--map", "set:by=${run.id}", "--reduce", "4:pca", "--sample", "50%", "--batch-size", "50"]
    points = [name for name in harness.failpoints_of(work, *args) if name.startswith(("transfer.", "journal."))]
    runs, resumed = work.folder / "state/vecferry/runs", 0
    for name in points:
        work.forget()
        (work.folder / "out.jsonl").unlink(missing_ok=True)
        killed = work.run(*args, env={"VECFERRY_FAILPOINT": f"{name}:1"})
        assert killed.returncode == harness.KILLED
        began, before = datetime.datetime.now(datetime.timezone.utc), {run.name for run in runs.iterdir()}
        report = work.json(*args)
        records = read(work.folder / "out.jsonl")[1]
        assert report["written"] == len(records) and report["verify"]["ok"]
        assert {record["metadata"]["by"] for record in records.values()} == {report["run"]}
        started, = {record["metadata"]["at"] for record in records.values()}
        # A run that was killed before it had a plan has done nothing, and is begun anew.
        if report["run"] in before:
            resumed += 1
            assert datetime.datetime.fromisoformat(started.replace("Z", "+00:00")) <= began
        assert set(records) <= {f"book-{i}" for i in range(2000) if book(i)["metadata"]["year"] % 2 == 0}
    assert resumed >= 4


@pytest.mark.parametrize("flags", [["--filter", "1) OR (1=1"], ["--filter", "(SELECT 1)"], ["--filter", "load_extension('x')"], ["--filter", "id = 'a"], ["--filter", "year >="],
                                   ["--filter", "document REGEXP '('"], ["--filter", "\"vector:x\" IS NULL"], ["--map", "a"], ["--map", "drop:id"], ["--map", "set:x=${run.nosuch}"],
                                   ["--map", "drop:vector:x"], ["--reduce", "99"], ["--reduce", "x"], ["--sample", "0"], ["--sample", "120%"], ["--map", "b=tenant"]])
def test_what_cannot_be_understood_is_refused_before_anything_is_written(work, flags):
    done = work.run("copy", *pair(work), *flags)
    assert done.returncode == 2 and "next: " in done.stderr, (done.returncode, done.stderr)
    assert not (work.folder / "out.jsonl").exists() and not list(work.folder.glob("*.vecferry-part"))


def test_a_catastrophic_pattern_ends(work):
    write_books(work.folder / "books.jsonl", 20, lambda i, record: record.update(document="a" * 60 + "b") if i == 3 else None)
    report = work.json("copy", *pair(work), "--filter", "document REGEXP '^(a+)+$' OR 1", code=3)
    assert (report["written"], report["rejected"]) == (19, 1)


def test_in_a_job_file(work):
    job = work.folder / "job.yaml"
    job.write_text(f'''
source: jsonl:{work.folder}/books.jsonl
target: jsonl:{work.folder}/out.jsonl
filter: ["year >= 2020", "lang IN ('de', 'en')"]
map:
  - title=name
  - 'set:mark=${{source.store}} $${{id}} ${{metadata.lang}}'
sample: 50%
normalise: true
''')
    report = work.json("copy", "--config", job)
    records = read(work.folder / "out.jsonl")[1]
    assert report["written"] == len(records) > 0
    for id, record in records.items():
        assert record["metadata"]["mark"] == f"jsonl {id} {record['metadata']['lang']}" and record["metadata"]["title"] == book(int(id[5:]))["metadata"]["name"]
    assert work.json("verify", "--config", job)["ok"]


def test_a_part_is_backed_up(work):
    report = work.json("backup", f"jsonl:{work.folder}/books.jsonl", f"{work.folder}/part.jsonl", "--filter", "year >= 2020")
    assert report["exit_code"] == 0
    assert set(read(work.folder / "part.jsonl")[1]) == {f"book-{i}" for i in range(ROWS) if book(i)["metadata"]["year"] >= 2020}
    assert work.json("backup", "verify", f"{work.folder}/part.jsonl")["ok"]


def test_every_command_of_the_guide(work):
    (work.folder / "wanted.txt").write_text("book-1\nbook-2\n")
    blocks = re.findall(r"^```sh\n(.*?)^```$", (harness.ROOT / "docs/guide/transforms.md").read_text(), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) > 12
    for line in lines:
        command, *words = shlex.split(line)
        assert command == "vecferry"
        done = work.run(*words, cwd=work.folder)
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "finds its field in no record" not in done.stderr and "no record that was looked at" not in done.stderr, done.stderr
    for file in work.folder.glob("?.jsonl"):
        assert 0 < len(read(file)[1]) <= ROWS
