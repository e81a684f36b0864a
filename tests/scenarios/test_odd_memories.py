"""The rows that a memory service meets over the years: each is in the target with the values it had, or in the rejects with its reason."""
import json
import math
import shutil

import pytest

import harness
import vendors

REJECTED = {
    "text timestamp that is no time": "bad-timestamp", "infinite timestamp": "bad-timestamp",
    "short hash": "id-not-a-hash", "empty hash": "id-not-a-hash", "hash that is not hexadecimal": "id-not-a-hash", "integer hash": "id-not-a-hash",
    "hash with a quote": "id-not-a-hash", "BLOB hash": "blob-hash", "hash that shares 32 digits, two": "duplicate-id",
    "BLOB content": "blob-content", "BLOB content that is UTF-8": "blob-content", "invalid UTF-8 content": "invalid-utf8",
    "content cut inside a character": "invalid-utf8", "content with a lone surrogate": "invalid-utf8", "invalid UTF-8 tag": "invalid-utf8",
    "invalid UTF-8 memory_type": "invalid-utf8", "BLOB tags": "bad-tags",
    "metadata that is an array": "bad-metadata", "metadata that is a string": "bad-metadata", "metadata that is null": "bad-metadata",
    "broken JSON": "bad-metadata", "JSON with something after it": "bad-metadata", "Python instead of JSON": "bad-metadata",
    "lone surrogate in metadata": "bad-metadata", "lone surrogate in a key": "bad-metadata", "duplicate keys": "bad-metadata",
    "duplicate keys, one escaped": "bad-metadata", "duplicate keys inside": "bad-metadata", "1e400": "bad-metadata", "deep metadata": "bad-metadata",
    "very deep metadata": "bad-metadata", "BLOB metadata": "bad-metadata", "invalid UTF-8 metadata": "bad-metadata",
    "no vector": "missing-vector", "embedding pending": "missing-vector",
}
# Where the column of numbers holds none, the one of ISO text speaks.
CREATED = {"text timestamp": 1700000000.25, "text timestamp that is ISO": 1700000000.25, "null timestamp": None, "ISO only": 1700000000.25,
           "ISO with an offset only": 1700000000.25, "BLOB timestamp": 1700000000.25, "integer timestamp": 1700000000.0, "time before 1970": -86400.5,
           "time in milliseconds": 1700000000250.0, "times disagree by 10 s": 1700000000.25}


class Odd:
    """A database of odd rows, its copy, and what the maker, sqlite-vec and qdrant-client say of both."""

    def __init__(self, folder, generation, *flags):
        self.database = folder / "odd.db"
        self.told = harness.make_odd(self.database, generation)
        self.work = harness.Workplace(folder / "w")
        self.source, self.target = f"mcp-memory:{self.database}", f"qdrant-local:{folder}/qdrant#memories"
        self.folder = folder / "qdrant"
        self.report = self.copy(*flags)

    def copy(self, *flags, code=3):
        return self.work.json("copy", self.source, self.target, *flags, code=code)

    def rejects(self, report=None):
        return [json.loads(line) for line in open((report or self.report)["rejects_file"], encoding="utf-8")]

    def reject_of(self, row):
        """The rejects that speak of a row: by its hash, or where it has none of text by its number."""
        return [r for r in self.rejects() if (row["hash"] is not None and r["id"] == row["hash"]) or r["message"].startswith((f"row {row['id']}:", f"row {row['id']} "))]

    def live(self):
        return [row for row in self.told["rows"] if not row["deleted"]]

    def source_rows(self):
        """Row number -> (content, tags, memory_type, metadata, created_at, updated_at, vector) through sqlite-vec."""
        db = vendors.open_vec(self.database)
        found = dict(db.execute("SELECT rowid, content_embedding FROM memory_embeddings"))
        rows = {row[0]: (*row[1:], found.get(row[0])) for row in
                db.execute("SELECT id, content, tags, memory_type, metadata, created_at, updated_at FROM memories")}
        db.close()
        return rows


@pytest.fixture(scope="module", params=["12", "9", "9-tags"])
def odd(request, tmp_path_factory):
    return Odd(tmp_path_factory.mktemp("odd"), request.param)


def same(a, b):
    """Equal in type and value."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b) or (math.isnan(a) and math.isnan(b))
    return a == b


def tag_set(text):
    return {tag.strip() for tag in (text or "").split(",")} - {""}


def test_every_row_is_written_or_rejected(odd):
    report = odd.report
    assert report["total"] == odd.told["live"] == report["written"] + report["rejected"]
    assert report["verify"]["ok"] and report["verify"]["target_count"] == report["written"] == len(vendors.by_hash(odd.folder))
    expected = [REJECTED[row["kind"]] for row in odd.live() if row["kind"] in REJECTED]
    assert sorted(r["code"] for r in odd.rejects()) == sorted(expected) and report["rejected"] == len(expected)
    status = odd.work.json("status", "last")
    assert status["run_exit_code"] == 3 and len(status["rejects"]) == len(expected)


def test_soft_deleted_rows_and_stray_vectors_are_noted(odd):
    deleted = [row for row in odd.told["rows"] if row["deleted"]]
    left_out = {row["hash"] for row in deleted} | {row["hash"] for row in odd.told["ordinary"] if not row["live"]}
    found = vendors.by_hash(odd.folder)
    assert not left_out & found.keys()
    plan = odd.work.json("plan", odd.source, odd.target + "2")
    notes = {issue["code"]: issue for issue in plan["issues"]}
    db = vendors.open_vec(odd.database)
    columns = {row[1] for row in db.execute("PRAGMA table_info(memories)")}
    count = db.execute("SELECT count(*) FROM memories WHERE deleted_at IS NOT NULL").fetchone()[0] if "deleted_at" in columns else 0
    db.close()
    told = [issue for issue in plan["issues"] if "soft-deleted" in issue["message"]]
    assert [issue["count"] for issue in told] == ([count] if count else []), notes
    stray, = [issue for issue in plan["issues"] if "belong to no memory" in issue["message"]]
    assert stray["count"] == len(odd.told["orphan_vectors"]) + sum(row["vector"] for row in deleted)


def test_each_row_by_its_kind(odd):
    found, rows = vendors.by_hash(odd.folder), odd.source_rows()
    points = vendors.stored(odd.folder)
    problems = []
    for row in odd.live():
        kind, rejects = row["kind"], odd.reject_of(row)
        if kind in REJECTED:
            if [r["code"] for r in rejects] != [REJECTED[kind]] or row["hash"] in found and not kind.startswith("hash that shares"):
                problems.append((kind, "should be rejected", rejects))
            continue
        if rejects or row["hash"] not in found:
            problems.append((kind, "should be in the target", rejects))
            continue
        payload, vector = found[row["hash"]]
        content, tags, memory_type, metadata, created, updated, raw = rows[row["id"]]
        expected = {"content": content, "memory_type": memory_type or "", "metadata": json.loads(metadata) if metadata else {},
                    "created_at": CREATED[kind] if kind in CREATED else float(created), "content_hash": row["hash"]}
        for field, value in expected.items():
            if not same(payload.get(field, "absent"), value):
                problems.append((kind, field, str(payload.get(field, "absent"))[:80], str(value)[:80]))
        if set(payload["tags"]) != tag_set(tags):
            problems.append((kind, "tags", payload["tags"], tags))
        point = points[vendors.point_id(row["hash"])]
        if vendors.f32(point.vector) != raw or len(vector) != 384:
            problems.append((kind, "vector"))
        if isinstance(updated, (int, float)) and payload["updated_at"] != updated:
            problems.append((kind, "updated_at", payload["updated_at"], updated))
    assert not problems, problems


def test_the_services_own_rows_keep_their_tags(odd):
    found = vendors.by_hash(odd.folder)
    for row in odd.told["ordinary"]:
        if row["live"]:
            payload, _ = found[row["hash"]]
            assert payload["content"] == row["content"]
            # Only the tables of tags keep a tag with a comma whole.
            assert tag_set(",".join(payload["tags"])) >= tag_set(",".join(row["tags"])), row


def test_of_two_hashes_with_one_beginning_the_first_goes_in(odd):
    one, two = (next(row for row in odd.told["rows"] if row["kind"] == f"hash that shares 32 digits, {n}") for n in ("one", "two"))
    payload, _ = vendors.records(odd.folder)[vendors.point_id(one["hash"])]
    assert payload["content_hash"] == one["hash"] and payload["content"] == "odd: hash that shares 32 digits, one"
    reject, = odd.reject_of(two)
    assert reject["code"] == "duplicate-id" and reject["record"]["document"] == "odd: hash that shares 32 digits, two"


def test_the_judge_finds_a_directory_that_lives(odd, tmp_path):
    """A vector of NaN is carried as it is, and is then nearest to everything in qdrant-client: it is taken out before the queries."""
    shutil.copytree(odd.folder, tmp_path / "judged")
    nan, = (row["hash"] for row in odd.told["rows"] if row["kind"] == "vector with NaN")
    client = vendors.client_of(tmp_path / "judged")
    client.delete("memories", points_selector=[vendors.point_id(nan)])
    client.close()
    assert "changes stick" in harness.fixture("qdrant_local_judge.py", tmp_path / "judged", "memories", "--expect", "-")


def test_missing_vectors_may_be_kept(tmp_path):
    odd = Odd(tmp_path, "12", "--missing-vector", "keep")
    assert not [r for r in odd.rejects() if r["code"] == "missing-vector"]
    assert odd.report["rejected"] == len([row for row in odd.live() if REJECTED.get(row["kind"], "missing-vector") != "missing-vector"])
    assert odd.report["written"] + odd.report["rejected"] == odd.told["live"] and odd.report["verify"]["ok"]
    found = vendors.by_hash(odd.folder)
    for row in odd.live():
        if REJECTED.get(row["kind"]) == "missing-vector":
            payload, vector = found[row["hash"]]
            assert payload["content"] == f"odd: {row['kind']}" and not vector


def test_rejects_that_were_put_right_are_moved(tmp_path):
    odd = Odd(tmp_path, "12")
    ids = {row["kind"]: row["id"] for row in odd.told["rows"]}
    hashes = {row["kind"]: row["hash"] for row in odd.told["rows"]}
    db = vendors.open_vec(odd.database)
    vendors.drop_triggers(db)
    db.execute("UPDATE memories SET metadata = '{\"put\": \"right\"}' WHERE id = ?", (ids["broken JSON"],))
    db.execute("UPDATE memories SET content = 'put right' WHERE id = ?", (ids["BLOB content"],))
    db.execute("UPDATE memories SET created_at = 1.5, created_at_iso = NULL WHERE id = ?", (ids["text timestamp that is no time"],))
    db.execute("INSERT INTO memory_embeddings(rowid, content_embedding, store) VALUES (?, ?, 'default')", (ids["no vector"], vendors.f32([0.25] * 384)))
    db.close()
    fixed = {"broken JSON", "BLOB content", "text timestamp that is no time", "no vector"}
    again = odd.copy()
    assert again["state"] == "already-finished" and not {hashes[kind] for kind in fixed} & vendors.by_hash(odd.folder).keys()
    retried = odd.copy("--retry-rejects")
    assert retried["verify"]["ok"] and retried["rejected"] == odd.report["rejected"] - 4 and retried["written"] == odd.report["written"] + 4
    assert not {hashes[kind] for kind in fixed} & {r["id"] for r in odd.rejects(retried)}
    found = vendors.by_hash(odd.folder)
    assert len(found) == odd.report["written"] + 4
    assert found[hashes["broken JSON"]][0]["metadata"] == {"put": "right"}
    assert found[hashes["BLOB content"]][0]["content"] == "put right"
    assert found[hashes["text timestamp that is no time"]][0]["created_at"] == 1.5
    assert vendors.same_direction([0.25] * 384, found[hashes["no vector"]][1])
