"""Targets on a Qdrant server that are not as the copy wants them: of another shape, in use, changed or removed while it runs; replaced,
added to, and taken back."""
import threading
import uuid

import pytest
from qdrant_client import models

import harness
import qdrant_scenario as scenario
from harness import refused
from qdrant_servers import ends, servers  # noqa: F401  (fixtures)

ROWS = 300
TEXT, IMAGE = models.VectorParams(size=8, distance=models.Distance.COSINE), models.VectorParams(size=4, distance=models.Distance.DOT)
MULTI = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)


@pytest.fixture
def filled(ends):
    scenario.fill(ends.source, ROWS)
    return ends


def other(**changes):
    return TEXT.model_copy(update=changes)


# ---- of another shape ----

SHAPES = {
    "dimension": ({"text": other(size=9), "image": IMAGE}, True, ("8 x f32 cosine", "9 x f32 cosine")),
    "metric": ({"text": other(distance=models.Distance.DOT), "image": IMAGE}, True, ("cosine", "dot")),
    "datatype": ({"text": other(datatype=models.Datatype.FLOAT16), "image": IMAGE}, True, ("f32", "f16")),
    "name": ({"txt": TEXT, "image": IMAGE}, True, ("no vector:text",)),
    "no name": (TEXT, True, ("no vector:",)),
    "no sparse": ({"text": TEXT, "image": IMAGE}, False, ("no sparse:words",)),
    "kind": ({"text": other(multivector_config=MULTI), "image": IMAGE}, True, ("vector:text is 8 x f32 cosine", "multi, 8 x f32 cosine in the target")),
}


@pytest.mark.parametrize("policy", [[], ["--on-exists", "append"], ["--on-exists", "upsert"]])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_target_of_another_shape(filled, shape, policy):
    vectors, sparse, words = SHAPES[shape]
    filled.target.create_collection("docs", vectors_config=vectors, sparse_vectors_config={"words": models.SparseVectorParams()} if sparse else None)
    before = filled.target.get_collection("docs")
    told = refused(filled.work.run(*filled.copy("-q", *policy)), 8, "target", filled.uri(1), "vecferry plan")
    assert all(word in told for word in words), told
    assert scenario.count(filled.target) == 0 and filled.target.get_collection("docs").config == before.config


def test_a_target_that_has_more_vectors_is_filled(filled):
    filled.target.create_collection("docs", vectors_config={"text": TEXT, "image": IMAGE, "more": TEXT},
                                    sparse_vectors_config={"words": models.SparseVectorParams()})
    filled.work.ok(*filled.copy("-q"))
    filled.same()


# ---- the source's name ----

def test_a_collection_that_does_not_exist(filled):
    filled.source.create_collection("documents", vectors_config=TEXT)
    told = refused(filled.work.run("copy", filled.uri(0, "document"), filled.uri(1), "-q"), 5, "source", filled.uri(0, "document"), "vecferry inspect")
    assert "did you mean documents" in told
    assert not scenario.collections(filled.target) and "document" not in scenario.collections(filled.source)
    refused(filled.work.run("copy", filled.uri(0, ""), filled.uri(1), "-q"), 2, "source", "no collection is named", "write it after a #")


NAMES = ["two words", " blanks around ", "Ünïcödé 向量 😀", "it's", "a#b", "100%", "semi;colon & more", "dots..and.dots", "x" * 200]


@pytest.mark.parametrize("name", NAMES)
def test_names_as_people_give_them(ends, name):
    import urllib.parse
    scenario.fill(ends.source, 30, name=name)
    written = urllib.parse.quote(name, safe="")
    report = ends.work.json(*ends.copy(name=written))
    assert report["written"] == 30 and report["verify"]["ok"]
    assert scenario.collections(ends.target) == {name}
    assert scenario.everything(ends.target, name).keys() == scenario.everything(ends.source, name).keys()
    again = ends.work.json(*ends.copy(name=written))
    assert again["state"] == "already-finished"
    ends.work.ok("rollback", "last", "--yes")
    assert not scenario.collections(ends.target)


@pytest.mark.parametrize("name", ["a/b", "a\\b", "a:b", "what?", "st*r", '"quoted"', "a|b", "<x>", "..", "x" * 256])
def test_names_that_the_server_would_refuse(filled, name):
    import urllib.parse
    told = filled.work.run("copy", filled.uri(0), filled.uri(1, urllib.parse.quote(name, safe="")), "-q")
    assert told.returncode == 2 and "the collection's name" in told.stderr, told.stderr
    assert not scenario.collections(filled.target)


# ---- changed while it runs ----

def in_the_middle(ends, act, *flags, after=60):
    """Does something to the target while points arrive; gives the ended copy."""
    ends.servers[1].faults(slow_ms=150, methods=["Upsert"])
    began = threading.Thread(target=lambda: done.append(ends.work.run(*ends.copy("--batch-size", "30", "-q", *flags))))
    done = []
    began.start()
    scenario.until(lambda: ends.target.collection_exists("docs") and scenario.count(ends.target) >= after)
    act()
    ends.servers[1].faults()
    began.join()
    return done[0]


def test_a_target_that_is_deleted_in_mid_run(filled):
    done = in_the_middle(filled, lambda: filled.target.delete_collection("docs"))
    told = refused(done, 5, "target", filled.uri(1), "")
    assert "doesn't exist" in told
    # It is not made again with half of the points in it; anew it is.
    told = refused(filled.work.run(*filled.copy("--batch-size", "30", "-q")), 5, "target", filled.uri(1), "--restart")
    assert "is gone" in told and not scenario.collections(filled.target)
    report = filled.work.json(*filled.copy("--batch-size", "30", "--restart"))
    assert report["written"] == ROWS and report["verify"]["ok"]
    filled.same()


def test_a_target_of_others_that_is_deleted_in_mid_run(filled):
    scenario.fill(filled.target, 40, first=1000)
    done = in_the_middle(filled, lambda: filled.target.delete_collection("docs"), "--on-exists", "upsert")
    refused(done, 5, "target", filled.uri(1), "")
    told = refused(filled.work.run(*filled.copy("--batch-size", "30", "-q", "--on-exists", "upsert")), 5, "target", filled.uri(1), "--restart")
    assert "was there when the run began" in told and not scenario.collections(filled.target)
    filled.work.ok("rollback", "last", "--yes")
    assert not scenario.collections(filled.target)


def test_index_settings_that_somebody_changes_in_mid_run_stay(filled):
    def change():
        filled.target.update_collection("docs", optimizers_config=models.OptimizersConfigDiff(indexing_threshold=777),
                                        hnsw_config=models.HnswConfigDiff(m=24))
        filled.target.create_payload_index("docs", "score", models.PayloadSchemaType.FLOAT)
    done = in_the_middle(filled, change)
    assert done.returncode == 0, done.stderr
    info = filled.target.get_collection("docs")
    assert info.config.optimizer_config.indexing_threshold == 777 and info.config.hnsw_config.m == 24 and "score" in info.payload_schema
    filled.same()


def test_a_source_that_is_written_to_meanwhile(filled):
    """New, changed and deleted points, before and behind where the reading is: the end is what the source is once it rests."""
    run = filled.work.start(*filled.copy("--batch-size", "20", "--rate", "150", "-q"))
    scenario.until(lambda: filled.target.collection_exists("docs") and scenario.count(filled.target) > 40)
    for number in range(12):
        scenario.fill(filled.source, 2, first=10_000 + number * 2)
        filled.source.set_payload("docs", {"n": -number}, points=[number * 2 + 1, ROWS - 1 - number * 2])
        filled.source.delete("docs", points_selector=[number * 20 + 51])
    assert run.poll() is None, "nothing was written meanwhile"
    assert run.wait(timeout=60) == 0
    assert scenario.count(filled.target) == ROWS + 12
    filled.same()


# ---- replaced ----

def old_one(ends, alias):
    """What is to be replaced: a collection behind an alias, or a plain one with an alias of its own."""
    name = "old" if alias else "docs"
    scenario.fill(ends.target, 60, name=name, first=5000)
    names = [("docs", "old")] if alias else [("further", "docs")]
    for new, of in names:
        ends.target.update_collection_aliases([models.CreateAliasOperation(create_alias=models.CreateAlias(alias_name=new, collection_name=of))])
    return scenario.everything(ends.target)


def aliases(client):
    return {a.alias_name: a.collection_name for a in client.get_aliases().aliases}


def test_replace_through_an_alias_is_never_seen_undone(filled):
    old = old_one(filled, True)
    seen, ended = set(), threading.Event()

    def look():
        client = filled.servers[1].client()
        while not ended.is_set():
            seen.add(scenario.count(client))
    reader = threading.Thread(target=look)
    reader.start()
    try:
        report = filled.work.json(*filled.copy("--on-exists", "replace"))
    finally:
        ended.set()
        reader.join()
    assert report["written"] == ROWS and report["verify"]["ok"]
    assert seen <= {len(old), ROWS}, "a reader saw something between"
    assert set(aliases(filled.target)) == {"docs"} and scenario.collections(filled.target) == set(aliases(filled.target).values())
    filled.same()


def test_replace_of_a_plain_collection_has_a_window(filled):
    old = old_one(filled, False)
    told = refused(filled.work.run(*filled.copy("-q", "--on-exists", "replace")), 8, "target", filled.uri(1), "")
    assert "--yes" in told and scenario.everything(filled.target) == old
    report = filled.work.json(*filled.copy("--on-exists", "replace", "--yes"))
    assert report["written"] == ROWS and report["verify"]["ok"]
    # Its alias follows the name.
    new, = scenario.collections(filled.target)
    assert aliases(filled.target) == {"docs": new, "further": new}
    filled.same()


def test_what_further_names_stand_for_is_not_removed(filled):
    old = old_one(filled, True)
    filled.target.update_collection_aliases([models.CreateAliasOperation(create_alias=models.CreateAlias(alias_name="blue", collection_name="old"))])
    filled.work.ok(*filled.copy("-q", "--on-exists", "replace"))
    assert scenario.everything(filled.target, "blue") == old and scenario.count(filled.target) == ROWS


REPLACE_POINTS = [(True, "qdrant.upsert.after", True), (True, "qdrant.alias.before", True), (True, "qdrant.alias.after", True), (True, "qdrant.drop-old.before", True),
                  (False, "qdrant.upsert.after", True), (False, "qdrant.remove-old.before", True), (False, "qdrant.alias.before", False),
                  (False, "qdrant.alias.after", False)]


@pytest.mark.parametrize("alias, point, back", REPLACE_POINTS)
def test_a_replacement_that_was_cut_short(filled, alias, point, back):
    """Taken back while the old data is there, and refused once the new data is all there is; either way the copy can be ended."""
    old, names = old_one(filled, alias), aliases(filled.target)
    args = filled.copy("-q", "--on-exists", "replace", "--yes")
    assert filled.work.run(*args, env={"VECFERRY_FAILPOINT": point}).returncode == harness.KILLED
    if back:
        filled.work.ok("rollback", "last", "--yes")
        assert scenario.everything(filled.target) == old and aliases(filled.target) == names
        assert scenario.collections(filled.target) == {"old" if alias else "docs"}
    else:
        refused(filled.work.run("rollback", "last", "--yes"), 8, "target", filled.uri(1), "run the copy again as it was begun")
        assert ROWS in [scenario.count(filled.target, name) for name in scenario.collections(filled.target)]
    filled.work.ok(*args)
    new, = scenario.collections(filled.target)
    assert set(aliases(filled.target)) == set(names) | {"docs"} and set(aliases(filled.target).values()) == {new}
    filled.same()


# ---- added to, and taken back ----

def shared(ends):
    """A target that holds points of others, one equal to the source's, and one of the same id with another payload."""
    scenario.fill(ends.target, 40, first=ROWS - 20)
    ends.target.set_payload("docs", {"group": "theirs"}, points=[ROWS - 1])
    return scenario.everything(ends.target)


def test_append_leaves_what_is_there(filled):
    before = shared(filled)
    report = filled.work.json(*filled.copy("--on-exists", "append", "--batch-size", "50"), code=3)
    assert (report["written"], report["skipped"], report["rejected"]) == (ROWS - 20, 19, 1)
    after = scenario.everything(filled.target)
    assert len(after) == ROWS + 20 and all(after[key] == value for key, value in before.items())
    filled.work.ok("rollback", "last", "--yes")
    assert scenario.everything(filled.target) == before


def test_upsert_overwrites_and_gives_back(filled):
    before = shared(filled)
    report = filled.work.json(*filled.copy("--on-exists", "upsert", "--batch-size", "50"))
    assert report["written"] == ROWS and report["verify"]["ok"]
    after = scenario.everything(filled.target)
    assert len(after) == ROWS + 20 and after[ROWS - 1][0]["group"] == f"g{(ROWS - 1) % 5}"
    filled.work.ok("rollback", "last", "--yes")
    assert scenario.everything(filled.target) == before


def test_rollback_leaves_what_somebody_changed_since(filled):
    before = shared(filled)
    filled.work.ok(*filled.copy("--on-exists", "upsert", "-q"))
    filled.target.set_payload("docs", {"group": "later"}, points=[1, ROWS - 1])
    filled.target.upsert("docs", [models.PointStruct(id=999_999, vector={}, payload={"mine": True})])
    done = filled.work.run("rollback", "last", "--yes", "--json")
    after = scenario.everything(filled.target)
    assert done.returncode == 4, done.stdout + done.stderr
    assert after[1][0]["group"] == after[ROWS - 1][0]["group"] == "later" and 999_999 in after
    assert {key: value for key, value in after.items() if key not in (1, ROWS - 1, 999_999)} == {k: v for k, v in before.items() if k != ROWS - 1}


@pytest.mark.parametrize("made", ["by the run", "before, empty"])
def test_rollback_of_a_target_that_was_filled(filled, made):
    if made != "by the run":
        filled.target.create_collection("docs", vectors_config={"text": TEXT, "image": IMAGE}, sparse_vectors_config={"words": models.SparseVectorParams()})
    filled.work.ok(*filled.copy("-q"))
    refused(filled.work.run("rollback", "last"), 8, "", "", "--yes")
    assert scenario.count(filled.target) == ROWS
    filled.work.ok("rollback", "last", "--yes")
    assert scenario.collections(filled.target) == (set() if made == "by the run" else {"docs"})
    if made != "by the run":
        assert scenario.count(filled.target) == 0


def test_rollback_of_a_target_that_is_gone(filled):
    filled.work.ok(*filled.copy("-q"))
    filled.target.delete_collection("docs")
    done = filled.work.ok("rollback", "last", "--yes")
    assert "is gone" in done.stdout + done.stderr
    assert not scenario.collections(filled.target)


def test_one_made_by_somebody_else_of_that_name_is_not_dropped(filled):
    filled.work.ok(*filled.copy("-q"))
    filled.target.delete_collection("docs")
    scenario.fill(filled.target, 50, first=7000)
    mine = scenario.everything(filled.target)
    done = filled.work.run("rollback", "last", "--yes")
    assert done.returncode == 4 and scenario.everything(filled.target) == mine, done.stderr


def test_source_and_target_are_one(filled):
    assert "same" in refused(filled.work.run("copy", filled.uri(0), filled.uri(0), "-q", "--on-exists", "upsert"), 8, "", "", "")
    assert str(uuid.UUID(int=0)) in scenario.everything(filled.source) and scenario.count(filled.source) == ROWS
