"""Job files: where values come from, what is refused and where, credentials, and the schema judged by jsonschema."""
import json
import pathlib
import re
import shutil

import jsonschema
import pytest
import yaml
from conftest import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, which PyYAML does not have: `on` and `1:30` are text."""
    yaml_implicit_resolvers = {}


for tag, pattern, first in (("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"), ("null", r"~|null|Null|NULL|", "~nN\0"),
                            ("int", r"[-+]?[0-9]+", "-+0123456789"), ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789")):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), [c.replace("\0", "") for c in first])
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    """As the program at hand makes it."""
    from conftest import Cli
    root = tmp_path_factory.mktemp("pages")
    shutil.copytree(ROOT / "docs/reference", root / "docs/reference")
    shutil.copy(ROOT / "README.md", root)
    (root / "docs/reference/job.schema.json").unlink(missing_ok=True)
    answer = Cli(root).run("reference", root)
    assert answer.code == 0, answer
    made = json.loads((root / "docs/reference/job.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(made)
    return made


def job(folder, text, name="job.yaml"):
    (folder / name).write_text(text)
    return name


def sides(target="out.jsonl", more=""):
    return f"source: mcp-memory:memories.db\ntarget: jsonl:{target}\n{more}"


# Whether a job whose two stores are there can be planned.
DOCUMENTS = [
    (True, sides()),
    (True, sides(more="version: 1\n")),
    (True, sides(more="batch-size: 5\njobs: 2\n")),
    (True, sides(more="batch-size: '5'\n")),
    (True, sides(more="limit: 1e3\n")),
    (True, sides(more="rate: 2.5\nmax-duration: 5m\nmemory: 64MiB\nbatch-bytes: 65536\n")),
    (True, sides(more="max-duration: 30\ntime-tolerance: 1ms\n")),
    (True, sides(more="yes: true\nrestart: 'no'\nquiet: on\nadopt: 0\n")),
    (True, sides(more="ignore: [vector, metadata.a]\n")),
    (True, sides(more="ignore: vector,document\n")),
    (True, sides(more="ignore: []\n")),
    (True, sides(more="model: 007\nrejects: r.jsonl\n")),
    (True, sides(more="on-exists: ${NOT_THERE:-upsert}\nbatch-size: ${NOT_THERE:-9}\nmodel: ${NOT_THERE:-}\n")),
    (True, sides(more="max-rejects: 1%\nverify: none\nlevel: ids\n")),
    (True, sides(more="show: 5\nfull: true\nfile: kept.jsonl\nout: plan2.json\n")),
    (True, '{"source": "mcp-memory:memories.db", "target": {"uri": "jsonl:out.jsonl"}, "jobs": 1}'),
    (True, "source:\n  uri: mcp-memory:memories.db\n  layout: mcp-memory\n  options:\ntarget:\n  uri: jsonl:out.jsonl\n"),
    (True, "source: &s {uri: 'mcp-memory:memories.db'}\ntarget: {uri: 'jsonl:${NOT_THERE:-out}.jsonl'}\n"),
    (False, ""),
    (False, "- source\n"),
    (False, sides(more="batchsize: 5\n")),
    (False, sides(more="batch-size: many\n")),
    (False, sides(more="batch-size: 1.5\n")),
    (False, sides(more="batch-size: [5]\n")),
    (False, sides(more="batch-size:\n")),
    (False, sides(more="jobs: true\n")),
    (False, sides(more="rate: fast\n")),
    (False, sides(more="memory: 64 apples\n")),
    (False, sides(more="max-duration: -5\n")),
    (False, sides(more="max-duration: 5 fortnights\n")),
    (False, sides(more="yes: perhaps\n")),
    (False, sides(more="yes: 2\n")),
    (False, sides(more="on-exists: upset\n")),
    (False, sides(more="on-exists: true\n")),
    (False, sides(more="ignore: {vector: true}\n")),
    (False, sides(more="ignore: [[vector]]\n")),
    (False, sides(more="model: {name: x}\n")),
    (False, sides(more="model: null\n")),
    (False, sides(more="source-opt: [a=b]\n")),
    (False, sides(more="config: other.yaml\n")),
    (False, sides(more="version: 2\n")),
    (False, "source: [a]\ntarget: jsonl:out.jsonl\n"),
    (False, "source: ''\ntarget: jsonl:out.jsonl\n"),
    (False, "source: {dataset: x}\ntarget: jsonl:out.jsonl\n"),
    (False, "source: {uri: 'mcp-memory:memories.db', date-set: x}\ntarget: jsonl:out.jsonl\n"),
    (False, "source: {uri: 'mcp-memory:memories.db', layout: [x]}\ntarget: jsonl:out.jsonl\n"),
    (False, "source: {uri: 'mcp-memory:memories.db', options: {no-such: 1}}\ntarget: jsonl:out.jsonl\n"),
    (False, "source: {uri: 'mcp-memory:memories.db', options: [a]}\ntarget: jsonl:out.jsonl\n"),
]


@pytest.mark.parametrize("good, text", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_the_schema_and_the_program_take_the_same(cli, memories, schema, good, text):
    answer = cli.run("plan", "--config", job(cli.folder, text))
    assert answer.code == (0 if good else 2), answer
    wrong = list(jsonschema.Draft7Validator(schema).iter_errors(yaml.load(text, Loader)))
    assert (wrong == []) == good, (text, [e.message for e in wrong])


def test_a_copy_a_verification_and_an_inspection_from_one_file(cli, memories):
    text = "source: mcp-memory:${DB}\ntarget:\n  uri: qdrant-local:${DIR:-./qdrant}\n  dataset: 'a name with #'\nbatch-size: 50\nverify: count\nlevel: content\nshow: 1\n"
    name = job(cli.folder, text)
    env = {"DB": "memories.db"}
    planned = cli.run("plan", "--config", name, env=env)
    assert planned.code == 0 and "Job file job.yaml: --batch-size 50" in planned.out, planned
    copied = cli.run("copy", "--config", name, "--json", env=env)
    assert copied.code == 0, copied
    assert copied.json["written"] == 300 and copied.json["verify"]["level"] == "count" and copied.json["batches"] >= 6
    checked = cli.run("verify", "--config", name, "--json", env=env)
    assert checked.code == 0 and checked.json["level"] == "content" and checked.json["target_count"] == 300
    seen = cli.run("inspect", "--config", name, "--json", env=env)
    assert seen.code == 0 and seen.json["count"] == 300 and len(seen.json["samples"]) == 1
    again = cli.run("copy", "--config", name, "--json", env=env)
    assert again.json["state"] == "already-finished"


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(cli, memories):
    name = job(cli.folder, sides(more="batch-size: 100\nlimit: 10\n"))
    report = cli.run("copy", "--config", name, "--json", "--limit", "30", env={"VECFERRY_BATCH_SIZE": "10"}).json
    assert report["written"] == 30 and 3 <= report["batches"] <= 4
    other = cli.run("copy", "mcp-memory:memories.db", "jsonl:other.jsonl", "--json", env={"VECFERRY_CONFIG": name})
    assert other.json["written"] == 10 and (cli.folder / "other.jsonl").exists()


def test_options_of_the_command_line_win_by_name(cli, memories):
    name = job(cli.folder, "source: mcp-memory:memories.db\ntarget: {uri: 'qdrant-local:q', dataset: d, options: {layout: no-such}}\n")
    assert cli.run("plan", "--config", name).code == 2
    assert cli.run("plan", "--config", name, "--target-opt", "layout=default").code == 0


def test_filters_and_maps_stand_in_it_as_lists(cli, memories):
    text = sides(more="sample: ${SHARE:-50%}\nfilter:\n  - document IS NOT NULL\n  - length(document) > ${LEAST}\nmap:\n  - set:origin=${source.store}/$${id}\n  - set:at=${run.started_at}\n")
    report = cli.run("copy", "--config", job(cli.folder, text), "--json", env={"LEAST": "0"})
    assert report.code == 0 and 60 < report.json["written"] < 240 and report.json["verify"]["ok"], report
    record = json.loads((cli.folder / "out.jsonl").read_text().splitlines()[1])
    assert record["metadata"]["origin"] == "mcp-memory/" + record["id"] and record["metadata"]["at"].startswith("20")
    bad = cli.run("copy", "--config", job(cli.folder, sides(more="filter: 'nonsense('\n")))
    assert bad.code == 2, bad


def test_a_backup_and_a_restore_from_one_file(cli, memories):
    text = "source: mcp-memory:memories.db\nfile: kept.jsonl\ntarget: {uri: 'qdrant-local:back', dataset: m}\nquiet: true\n"
    name = job(cli.folder, text)
    assert cli.run("backup", "--config", name).code == 0
    assert cli.run("restore", "--config", name, "--json").json["state"] == "restored"
    assert cli.run("verify", "mcp-memory:memories.db", "qdrant-local:back#m").code == 0


@pytest.mark.parametrize("text, told", [
    ("source: a\nsource: b\n", "job.yaml:2:1: the key 'source' stands twice"),
    ("source: a\n---\ntarget: b\n", "more than one document"),
    ("jobs: &a [*a]\n", "job.yaml:1:"),
    ("source: !!python/name:os.system ''\n", "tag"),
    ("a: [" * 5000, "deeper"),
    ("source: ${UNSET_VARIABLE}\n", "job.yaml:1:9: the variable UNSET_VARIABLE is not set"),
    ("source: ${UNSET\n", "not closed"),
    ("source: mcp-memory:memories.db\nbatch_size: 5\n", "job.yaml:2:1: there is no key 'batch_size' (did you mean batch-size"),
    ("\tsource: x\n", "job.yaml:1:"),
    ("source: \x04\n", "control character"),
    ("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i-1}'] * 10)}]\n" for i in range(1, 10)), "too large"),
    ("x: " + "y" * (1 << 20), "larger"),
])
def test_a_hostile_or_wrong_file_is_refused_with_its_place(cli, text, told):
    answer = cli.run("plan", "--config", job(cli.folder, text))
    assert answer.code == 2 and told in answer.err, answer
    assert "next: " in answer.err


def test_a_variable_never_becomes_yaml(cli, memories):
    name = job(cli.folder, "source: mcp-memory:memories.db\ntarget: jsonl:out.jsonl\nmodel: ${MODEL}\n")
    answer = cli.run("plan", "--config", name, env={"MODEL": "x\nlimit: 5\ntarget: jsonl:evil.jsonl"})
    assert answer.code == 0 and "evil.jsonl" not in answer.out.split("\n", 1)[1]


def test_no_credential_is_shown_or_kept(cli, memories):
    secret = "hush-hush-7"
    text = ("source: mcp-memory:memories.db\ntarget:\n  uri: qdrant://:${MY_TOKEN}@127.0.0.1:9\n  dataset: d\n  options:\n    timeout: 1s\n")
    answer = cli.run("copy", "--config", job(cli.folder, text), "--json", "--log", "log.jsonl", "-v", env={"MY_TOKEN": secret})
    assert answer.code not in (0, 2), answer
    for option in ("api-key: ${MY_TOKEN}", "api-key: hush-hush-7", "timeout: ${MY_TOKEN}", "no-such: ${MY_TOKEN}"):
        text = f"source: mcp-memory:memories.db\ntarget:\n  uri: qdrant://127.0.0.1:9\n  dataset: d\n  options:\n    {option}\n"
        answer = cli.run("copy", "--config", job(cli.folder, text), "--log", "log.jsonl", "-v", env={"MY_TOKEN": secret})
        assert answer.code != 0 and secret not in answer.out + answer.err, answer
        assert ("stands in the job file" in answer.err) == (secret in option), answer
    for line in ("model: ${MY_TOKEN}", "target: jsonl:${MY_TOKEN}.jsonl", "target: {uri: 'qdrant://h', dataset: '${MY_TOKEN}'}"):
        answer = cli.run("plan", "--config", job(cli.folder, "source: mcp-memory:memories.db\n" + line + "\n"), env={"MY_TOKEN": secret})
        assert answer.code == 2 and "MY_TOKEN" in answer.err and secret not in answer.out + answer.err, answer
    left = [p for p in cli.folder.rglob("*") if p.is_file() and p.name != "job.yaml" and secret.encode() in p.read_bytes()]
    assert left == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_the_examples_hold_to_the_schema(schema, example):
    jsonschema.Draft7Validator(schema).validate(yaml.load(example.read_text(), Loader))


def test_the_example_with_memories_runs(cli, memories):
    env = {"MEMORIES": "memories.db", "REPORT": "report.html"}
    answer = cli.run("copy", "--config", ROOT / "examples/memories-to-qdrant.yaml", "--json", env=env)
    assert answer.code == 0 and answer.json["written"] == 300, answer
    assert (cli.folder / "report.html").exists() and (cli.folder / "qdrant").is_dir()


def test_the_variables_of_the_guide_are_understood_as_people_write_them(cli):
    if "postgresql" not in {store["scheme"] for store in cli.run("stores", "--json").json["stores"]}:
        pytest.skip("this build has no postgresql:")
    example = ROOT / "examples/qdrant-to-postgres.yaml"
    env = {"QDRANT_URL": "http://127.0.0.1:9", "QDRANT_GRPC_PORT": "9", "DATABASE_URL": "postgres://rpg:secret-7@127.0.0.1:9/gamedb"}
    answer = cli.run("plan", "--config", example, env=env)
    assert "game_collection" in answer.err and "secret-7" not in answer.out + answer.err, answer
    assert answer.code not in (0, 1, 2), answer
    unset = cli.run("plan", "--config", example, env={"DATABASE_URL": ""})
    assert unset.code == 2 and "qdrant-to-postgres.yaml:" in unset.err and "uri is empty" in unset.err, unset
