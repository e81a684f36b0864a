"""Parquet: what is written is read by pyarrow, pandas and DuckDB; what they write is read; and no fault leaves half a file."""
import datetime
import decimal
import json
import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import harness
from s3_server import S3


@pytest.fixture
def work(tmp_path):
    return harness.Workplace(tmp_path / "w")


def lines(path, rows, dims=4, tenants=("a", "b/c", "ü"), elements="f32"):
    """A file of JSON lines, the exact source of what is copied here."""
    header = {"vecferry": 1, "schema": {"id_kind": "string", "tenant": True, "document": True,
                                        "vectors": [{"name": "", "kind": "dense", "element": elements, "dims": dims, "metric": "cosine"}]}}
    with open(path, "w", encoding="utf-8") as file:
        print(json.dumps(header), file=file)
        for i in range(rows):
            record = {"id": f"id-{i}", "document": f"text {i}", "metadata": {"n": i, "lang": ["en", "de"][i % 2]}, "vectors": {"vector": [i + d / 4 for d in range(dims)]}}
            if i % 4 != 3:
                record["tenant"] = tenants[i % len(tenants)]
            print(json.dumps(record), file=file)
    return f"jsonl:{path}"


# ---- the vendors' libraries judge what is written ----

@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "none"])
def test_others_read_what_is_written(work, compression):
    source = lines(work.folder / "a.jsonl", 500)
    file = work.folder / "a.parquet"
    out = work.json("copy", source, f"parquet:{file}?compression={compression}&row-group-rows=200")
    assert out["written"] == 500 and work.digest(source, f"parquet:{file}")
    table = pq.read_table(file)
    assert table.num_rows == 500 and pq.ParquetFile(file).metadata.num_row_groups == 3
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 4) and "json" in str(table.schema.field("metadata").type)
    row = table.slice(7, 1).to_pylist()[0]
    assert row["id"] == "id-7" and row["tenant"] is None and row["vector"] == [7.0, 7.25, 7.5, 7.75] and json.loads(row["metadata"]) == {"n": 7, "lang": "de"}
    frame = pd.read_parquet(file)
    assert list(frame["id"]) == [f"id-{i}" for i in range(500)] and list(frame["vector"][499]) == [499.0, 499.25, 499.5, 499.75]
    told = duckdb.sql(f"select count(*), sum(vector[1]), sum(cast(metadata->>'n' as int)) from '{file}'").fetchall()[0]
    assert told == (500, 499 * 250, 499 * 250)


def test_hugging_face_reads_what_is_written(work):
    python = subprocess.run([str(harness.ROOT / "tools/vendor-env"), "hf_datasets"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    source = lines(work.folder / "a.jsonl", 40)
    work.json("copy", source, f"parquet:{work.folder}/a.parquet")
    script = ("import datasets, json, sys; d = datasets.load_dataset('parquet', data_files=sys.argv[1], split='train'); r = d[5]; "
              "m = r['metadata']; print(json.dumps([len(d), r['id'], r['vector'], m if isinstance(m, dict) else json.loads(m)]))")
    told = subprocess.run([python, "-c", script, str(work.folder / "a.parquet")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                          env={**work.environment(), "HF_HUB_OFFLINE": "1", "HF_HOME": str(work.folder / "hf")})
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout.splitlines()[-1]) == [40, "id-5", [5.0, 5.25, 5.5, 5.75], {"n": 5, "lang": "de"}]


def test_every_element_is_a_column_of_its_type(work):
    for element, type_ in [("f16", pa.list_(pa.float16(), 8)), ("u8", pa.list_(pa.uint8(), 8)), ("i8", pa.list_(pa.int8(), 8)), ("bit", pa.binary(1)), ("bf16", pa.binary(16))]:
        source = work.folder / f"{element}.jsonl"
        header = {"vecferry": 1, "schema": {"id_kind": "u64", "tenant": False, "document": False, "vectors": [{"name": "", "kind": "dense", "element": element, "dims": 8, "metric": "l2"}]}}
        source.write_text(json.dumps(header) + "\n" + json.dumps({"id": "1", "metadata": {}, "vectors": {"vector": "sQ==" if element == "bit" else [1, 0, 1, 1, 0, 0, 0, 1]}}) + "\n")
        file = work.folder / f"{element}.parquet"
        assert work.json("copy", f"jsonl:{source}", f"parquet:{file}")["written"] == 1
        assert pq.read_schema(file).field("vector").type == type_
        assert work.json("verify", f"jsonl:{source}", f"parquet:{file}")


def test_a_partitioned_folder(work):
    source = lines(work.folder / "a.jsonl", 400)
    by_tenant, by_lang = work.folder / "t", work.folder / "l"
    work.json("copy", source, f"parquet:{by_tenant}", "--partition-by", "tenant")
    work.json("copy", source, f"parquet:{by_lang}?partition-by=lang")
    assert sorted(p.name for p in by_tenant.iterdir()) == ["tenant=%C3%BC", "tenant=__HIVE_DEFAULT_PARTITION__", "tenant=a", "tenant=b%2Fc"]
    # The way home gives every tenant back, also none.
    assert work.digest(source, f"parquet:{by_tenant}") == work.digest(source, f"parquet:{by_lang}")
    counts = dict(duckdb.sql(f"select tenant, count(*) from read_parquet('{by_tenant}/**/*.parquet', hive_partitioning=true) group by 1").fetchall())
    assert counts[None] == 100 and counts["b/c"] == 100
    assert dict(duckdb.sql(f"select lang, count(*) from read_parquet('{by_lang}/**/*.parquet', hive_partitioning=true) group by 1").fetchall()) == {"en": 200, "de": 200}
    told = ds.dataset(by_lang, partitioning="hive").to_table()
    assert told.num_rows == 400 and set(told["lang"].to_pylist()) == {"en", "de"}
    assert sorted(p.name for p in work.folder.iterdir() if "vecferry-part" in p.name) == []


def test_several_files(work):
    header = pa.table({"id": [str(i) for i in range(4000)], "vector": pa.FixedSizeListArray.from_arrays(pa.array(np.random.default_rng(1).random(4000 * 256, dtype=np.float32)), 256)})
    pq.write_table(header, work.folder / "f.parquet", row_group_size=500)
    source, target = f"parquet:{work.folder}/f.parquet", work.folder / "set"
    work.json("copy", source, f"parquet:{target}?file-size=1MiB&row-group-size=512KiB&compression=none", "--metric", "cosine")
    assert pq.read_table(target).num_rows == 4000
    assert len(list(target.glob("part-*.parquet"))) > 1
    back = pq.read_table(target).sort_by("id")
    assert back["vector"].combine_chunks().values.equals(header.sort_by("id")["vector"].combine_chunks().values)


# ---- files of others ----

def foreign(path, n=50):
    base = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
    table = pa.table({
        "doc_id": pa.array(range(n), pa.int64()),
        "emb": pa.array([[i, i + 0.5] for i in range(n)], pa.list_(pa.float32())),
        "text": pa.array([f"t{i}" for i in range(n)], pa.large_string()),
        "kind": pa.array(["x" if i % 2 else "y" for i in range(n)]).dictionary_encode(),
        "when": pa.array([base] * n, pa.timestamp("us", "UTC")),
        "day": pa.array([datetime.date(2024, 5, 6)] * n),
        "price": pa.array([decimal.Decimal("1.10")] * n, pa.decimal128(10, 2)),
        "tags": pa.array([["a", "b"]] * n),
        "deep": pa.array([{"k": {"l": [i]}, "none": None} for i in range(n)]),
        "maybe": pa.array([None if i else 1 for i in range(n)], pa.int32()),
        "blob": pa.array([b"\x00\x01"] * n)})
    pq.write_table(table, path, row_group_size=20)
    return table


def records(work, source, *more, code=0):
    out = work.folder / "out.jsonl"
    out.unlink(missing_ok=True)
    done = work.json("copy", source, f"jsonl:{out}", "--restart", *more, code=code)
    # Row groups are read side by side: their order is none.
    return done, sorted([json.loads(line) for line in open(out, encoding="utf-8")][1:], key=lambda r: (len(r["id"]), r["id"]))


def test_columns_of_others_by_name(work):
    file = work.folder / "f.parquet"
    foreign(file)
    refused = work.run("inspect", f"parquet:{file}")
    assert refused.returncode == 2 and "?id=" in refused.stderr and "doc_id" in refused.stderr
    done, got = records(work, f"parquet:{file}?id=doc_id&document=text", "--metric", "cosine")
    assert done["written"] == 50
    assert got[0]["id"] == "0" and got[0]["document"] == "t0" and got[0]["vectors"]["vector"] == [0.0, 0.5]
    assert got[0]["metadata"] == {"kind": "y", "when": {"$vf": "datetime", "v": "2024-05-06T07:08:09.123456Z"}, "day": {"$vf": "date", "v": "2024-05-06"},
                                  "price": {"$vf": "decimal", "v": "1.10"}, "tags": ["a", "b"], "deep": {"k": {"l": [0]}}, "maybe": 1, "blob": {"$vf": "bytes", "v": "AAE="}}
    assert "maybe" not in got[1]["metadata"]
    _, some = records(work, f"parquet:{file}?id=doc_id&metadata=kind,maybe&vector=mine=emb", "--metric", "cosine")
    assert some[0]["metadata"] == {"kind": "y", "maybe": 1} and list(some[0]["vectors"]) == ["vector:mine"]
    _, numbered = records(work, f"parquet:{file}?id=@row&metadata=", "--metric", "cosine")
    assert [r["id"] for r in numbered] == [str(i) for i in range(50)]


def test_doubles_are_rounded_only_when_asked(work):
    exact, inexact = work.folder / "e.parquet", work.folder / "i.parquet"
    pq.write_table(pa.table({"id": ["a"], "v": pa.array([[0.5, 0.25]], pa.list_(pa.float64()))}), exact)
    pq.write_table(pa.table({"id": ["a"], "v": pa.array([[0.1, 0.25]], pa.list_(pa.float64()))}), inexact)
    assert records(work, f"parquet:{exact}", "--metric", "cosine")[1][0]["vectors"]["vector"] == [0.5, 0.25]
    refused = work.run("copy", f"parquet:{inexact}", f"jsonl:{work.folder}/x.jsonl", "--metric", "cosine")
    assert refused.returncode == 8 or refused.returncode == 1 or refused.returncode == 2 and "f64=round" in refused.stderr
    assert "f64=round" in refused.stderr and not (work.folder / "x.jsonl").exists()
    assert records(work, f"parquet:{inexact}?f64=round", "--metric", "cosine")[1][0]["vectors"]["vector"] == [pytest.approx(0.1), 0.25]


def test_rows_at_fault_are_rejects(work):
    file = work.folder / "f.parquet"
    pq.write_table(pa.table({"id": ["a", "b", None, "d", "e"], "v": pa.array([[1, 2], [1, 2, 3], [1, 2], [1, None], [3, 4]], pa.list_(pa.float32()))}), file)
    done, got = records(work, f"parquet:{file}", "--metric", "cosine", code=3)
    assert [r["id"] for r in got] == ["a", "e"] and done["rejected"] == 3


def test_a_hive_folder_of_others(work):
    table = pa.table({"id": [str(i) for i in range(30)], "v": pa.array([[i, 1.0] for i in range(30)], pa.list_(pa.float32(), 2)), "year": ["2023" if i % 2 else "2024" for i in range(30)]})
    ds.write_dataset(table, work.folder / "set", format="parquet", partitioning=ds.partitioning(pa.schema([("year", pa.string())]), flavor="hive"))
    done, got = records(work, f"parquet:{work.folder}/set", "--metric", "cosine")
    assert done["written"] == 30 and {r["metadata"]["year"] for r in got} == {"2023", "2024"}
    _, tenants = records(work, f"parquet:{work.folder}/set?tenant=year", "--metric", "cosine")
    assert {r["tenant"] for r in tenants} == {"2023", "2024"} and tenants[0]["metadata"] == {}


def test_corrupt_files_are_said(work):
    good = work.folder / "g.parquet"
    foreign(good)
    data = good.read_bytes()
    bad = work.folder / "bad.parquet"
    for cut in (data[:-1], data[:100], b"PAR1", b"", data[:4] + b"\xff" * (len(data) - 12) + data[-8:], data[:-8] + b"\xff\xff\xff\x7fPAR1"):
        bad.write_bytes(cut)
        done = work.run("inspect", f"parquet:{bad}?id=doc_id")
        assert done.returncode in (1, 5, 8) and "vecferry:" in done.stderr and "Traceback" not in done.stderr
    pages = bytearray(data)
    pages[40:400] = b"\xee" * 360
    bad.write_bytes(pages)
    done = work.run("copy", f"parquet:{bad}?id=doc_id", f"jsonl:{work.folder}/x.jsonl", "--metric", "cosine")
    assert done.returncode not in (0, -11, -6) and not (work.folder / "x.jsonl").exists()


# ---- faults ----

FAILPOINTS = ["parquet.write.before:1", "parquet.write.before:4", "parquet.flush.before:1", "parquet.fsync.before:1", "parquet.rename.before:1", "parquet.rename.after:1"]
FOLDER_FAILPOINTS = ["parquet.write.before:4", "parquet.flush.before:1", "parquet.footers.after:1", "parquet.folder.rename.before:1", "parquet.folder.rename.after:1"]


@pytest.mark.parametrize("point", FAILPOINTS)
def test_a_killed_copy_goes_on(work, point):
    source, file = lines(work.folder / "a.jsonl", 600), work.folder / "a.parquet"
    command = ["copy", source, f"parquet:{file}", "--batch-size", "50"]
    killed = work.run(*command, env={"VECFERRY_FAILPOINT": point})
    assert killed.returncode == harness.KILLED
    assert not file.exists() or point.startswith("parquet.rename.after")
    done = work.run(*command)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(file)["id"].to_pylist() == [f"id-{i}" for i in range(600)]
    assert [p.name for p in work.folder.iterdir() if "vecferry-part" in p.name] == []


@pytest.mark.parametrize("point", FOLDER_FAILPOINTS)
def test_a_killed_copy_into_a_folder_goes_on(work, point):
    source, folder = lines(work.folder / "a.jsonl", 600), work.folder / "set"
    command = ["copy", source, f"parquet:{folder}?partition-by=tenant", "--batch-size", "50"]
    killed = work.run(*command, env={"VECFERRY_FAILPOINT": point})
    assert killed.returncode == harness.KILLED
    assert not folder.exists() or point.startswith("parquet.folder.rename.after")
    done = work.run(*command)
    assert done.returncode == 0, done.stderr
    assert duckdb.sql(f"select count(*), count(distinct id) from read_parquet('{folder}/**/*.parquet')").fetchall()[0] == (600, 600)
    assert [p.name for p in work.folder.iterdir() if "vecferry-part" in p.name] == []


def test_a_full_disk_leaves_no_file(work):
    source, file = lines(work.folder / "a.jsonl", 3000, dims=64), work.folder / "a.parquet"
    command = work.command("copy", source, f"parquet:{file}?compression=none&row-group-size=64KiB")
    limited = subprocess.run(["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=400000", *command], env=work.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    assert limited.returncode not in (0, -25) and not file.exists()
    done = work.run("copy", source, f"parquet:{file}?compression=none&row-group-size=64KiB")
    assert done.returncode == 0, done.stderr
    assert pq.read_table(file).num_rows == 3000


def test_rollback_and_replace(work):
    first, second = lines(work.folder / "a.jsonl", 20), lines(work.folder / "b.jsonl", 30)
    for target in (work.folder / "a.parquet", work.folder / "set"):
        run = work.json("copy", first, f"parquet:{target}")["run"]
        assert work.run("copy", second, f"parquet:{target}").returncode == 8
        assert work.run("copy", second, f"parquet:{target}", "--on-exists", "append").returncode == 8
        assert pq.read_table(target).num_rows == 20
        assert work.run("rollback", run, "--yes").returncode == 0 and not target.exists()
        work.json("copy", first, f"parquet:{target}", "--restart")
        assert work.json("copy", second, f"parquet:{target}", "--on-exists", "replace")["written"] == 30
        assert pq.read_table(target).num_rows == 30


def test_a_folder_with_other_files_is_left_alone(work):
    source, folder = lines(work.folder / "a.jsonl", 20), work.folder / "set"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert work.run("copy", source, f"parquet:{folder}", "--on-exists", "replace").returncode == 8
    assert [p.name for p in folder.iterdir()] == ["notes.txt"]


# ---- S3 ----

@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    server = S3(tmp_path_factory.mktemp("s3")).start()
    yield server
    server.stop()


def in_s3(s3, work, *args):
    return work.run(*args, env=s3.environment)


def test_a_bucket_holds_files_and_folders(s3, work):
    source = lines(work.folder / "a.jsonl", 300)
    for target in ("parquet:s3://bucket/x/a.parquet", "parquet:s3://bucket/x/set?partition-by=tenant", "jsonl:s3://bucket/x/a.jsonl"):
        done = in_s3(s3, work, "copy", source, target)
        assert done.returncode == 0, done.stderr
        assert in_s3(s3, work, "verify", source, target.split("?")[0]).returncode == 0
    assert [o for o in s3.objects() if "_vecferry" in o] == []
    told = pq.read_table(s3.folder / "data/bucket/x/a.parquet")
    assert told.num_rows == 300
    run = json.loads(in_s3(s3, work, "copy", source, "parquet:s3://bucket/y/set", "--json").stdout)["run"]
    assert s3.objects("y/") == ["y/set/part-00000.parquet"]
    assert in_s3(s3, work, "rollback", run, "--yes").returncode == 0 and s3.objects("y/") == []


@pytest.mark.parametrize("point", ["parquet.folder.publish.before:2", "parquet.folder.rename.before:1", "parquet.footers.after:1"])
def test_a_killed_copy_into_a_bucket_goes_on(s3, work, point):
    source, target = lines(work.folder / "a.jsonl", 300), f"parquet:s3://bucket/{point}/set"
    killed = work.run("copy", source, target + "?partition-by=tenant", "--batch-size", "50", env={**s3.environment, "VECFERRY_FAILPOINT": point})
    assert killed.returncode == harness.KILLED
    assert [o for o in s3.objects(point) if "_vecferry" not in o] == []
    assert in_s3(s3, work, "inspect", target).returncode in (5, 8)
    done = in_s3(s3, work, "copy", source, target + "?partition-by=tenant", "--batch-size", "50")
    assert done.returncode == 0, done.stderr
    assert in_s3(s3, work, "verify", source, target).returncode == 0


@pytest.mark.parametrize("hit", [2, 3, 4])
def test_files_that_are_ended_leave_for_the_bucket(s3, work, hit):
    table = pa.table({"id": [str(i) for i in range(6000)], "vector": pa.FixedSizeListArray.from_arrays(pa.array(np.random.default_rng(2).random(6000 * 256, dtype=np.float32)), 256)})
    pq.write_table(table, work.folder / "f.parquet", row_group_size=500)
    target = f"parquet:s3://bucket/ended{hit}/set"
    command = ["copy", f"parquet:{work.folder}/f.parquet", f"{target}?file-size=1MiB&compression=none", "--batch-size", "200", "-j", "1"]
    killed = work.run(*command, env={**s3.environment, "VECFERRY_FAILPOINT": f"parquet.folder.publish.before:{hit}"})
    assert killed.returncode == harness.KILLED
    assert len([o for o in s3.objects(f"ended{hit}/") if "_vecferry" in o]) == hit - 1
    done = in_s3(s3, work, *command)
    assert done.returncode == 0, done.stderr
    files = sorted((s3.folder / f"data/bucket/ended{hit}/set").glob("*.parquet"))
    assert len(files) > 2 and sorted(i for f in files for i in pq.read_table(f)["id"].to_pylist()) == sorted(table["id"].to_pylist())


def test_what_is_wrong_with_a_bucket_is_said(s3, work):
    source = lines(work.folder / "a.jsonl", 10)
    secret = "wrong" * 6
    cases = [({"AWS_SECRET_ACCESS_KEY": secret}, "s3://bucket/w/a.parquet", 6), ({}, "s3://no-such-bucket/a.parquet", 5), ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "s3://bucket/w/a.parquet", 7)]
    for more, place, code in cases:
        done = work.run("copy", source, f"parquet:{place}", "--max-duration", "20s", env={**s3.environment, **more}) if code != 7 else work.run("inspect", f"parquet:{place}", env={**s3.environment, **more})
        assert done.returncode == code, done.stderr
        assert secret not in done.stderr + done.stdout
    assert s3.objects("w/") == []


def test_a_server_that_is_killed_leaves_nothing_half(s3, work, tmp_path):
    source = lines(work.folder / "a.jsonl", 300)
    own = S3(tmp_path / "own").start()
    try:
        paused = {**own.environment, "VECFERRY_FAILPOINT": "parquet.rename.before:1:kill"}
        assert work.run("copy", source, "parquet:s3://bucket/a.parquet", env=paused).returncode == harness.KILLED
        own.stop("kill")
        down = work.run("copy", source, "parquet:s3://bucket/a.parquet", env=own.environment)
        assert down.returncode == 7 and own.objects() == []
        own.start()
        done = work.run("copy", source, "parquet:s3://bucket/a.parquet", env=own.environment)
        assert done.returncode == 0, done.stderr
        assert pq.read_table(own.folder / "data/bucket/a.parquet").num_rows == 300
    finally:
        own.stop()
