"""Every command line of docs/guide/milvus.md, run as it stands there, in its order, against the vendor's own server."""
import re
import shlex

import harness
from milvus_scenario import floats, key, lite, make, ok, rows_of, vector, work  # noqa: F401

GUIDE = harness.ROOT / "docs/guide/milvus.md"


def test_every_command_of_the_guide(lite, work):  # noqa: F811
    client = lite.client()
    make(client, "articles", [key(), floats()], {"vector": ("HNSW", "COSINE")})
    client.insert("articles", [{"id": f"a{i}", "vector": vector(i), "title": f"Title {i}", "year": 2000 + i % 20} for i in range(80)])
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S) for line in block.splitlines()]
    assert len(lines) >= 10
    for line in lines:
        command, *words = shlex.split(line.replace("milvus.example:19530", f"127.0.0.1:{lite.port}"))
        assert command == "vecferry"
        ok(work.run(*words, cwd=work.folder))
    assert rows_of(client, "moved") == rows_of(client, "articles") == rows_of(client, "copied")
