"""Every command line of docs/guide/chroma.md, run as it stands there, in its order, against Chroma's own server and a real PostgreSQL."""
import re
import shlex

import harness
from postgresql_scenario import postgres18  # noqa: F401
from chroma_fixtures import chroma, chroma_server  # noqa: F401

GUIDE = harness.ROOT / "docs/guide/chroma.md"
ROWS = 120


def lines():
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


def test_every_command_of_the_guide(chroma, postgres18, tmp_path):  # noqa: F811
    database = postgres18.create("app")
    vectors = [[((i * 7 + k * 3) % 17 - 8.5) / 4 for k in range(8)] for i in range(ROWS)]
    chroma.act("make", name="documents", configuration={"hnsw": {"space": "l2", "max_neighbors": 24}}, metadata={"owner": "me"},
               records=[{"ids": [f"doc-{i}" for i in range(ROWS)], "embeddings": vectors, "documents": [f"said, \"{i}\"\nand more" for i in range(ROWS)],
                         "metadatas": [{"page": i, "topic": f"t{i % 3}", "score": i / 2, "tags": ["x", "y"]} for i in range(ROWS)]}])
    before = chroma.told("documents")
    work = harness.Workplace(tmp_path / "w")
    assert len(lines()) >= 10
    for line in lines():
        here = line.replace("localhost:8000", f"127.0.0.1:{chroma.port}").replace("localhost:5432", f"127.0.0.1:{database.server.port}")
        command, *words = shlex.split(here)
        assert command == "vecferry"
        done = work.run(*words, cwd=work.folder)
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert database.rows("SELECT content, metadata->>'topic', (metadata->'tags')::text FROM documents WHERE id::text = 'doc-65'") == [("said, \"65\"\nand more", "t2", '["x", "y"]')]
    assert any("USING hnsw (embedding vector_l2_ops)" in text for text in database.indexes("documents").values()), database.indexes("documents")
    assert chroma.told("documents_2") == before
    for name in ("from_postgres", "from_file", "with_json"):
        assert chroma.told(name)["records"] == before["records"], name
    assert sorted(chroma.act("names")) == ["documents", "documents_2", "from_file", "from_postgres", "with_json"]
