"""Every command line of docs/guide/weaviate.md, run as it stands there, in its order."""
import re
import shlex

import harness
from weaviate_scenario import weaviate_double  # noqa: F401

GUIDE = harness.ROOT / "docs/guide/weaviate.md"
ROWS = 120


def test_every_command_of_the_guide(weaviate_double, tmp_path):  # noqa: F811
    server = weaviate_double
    server.act("make_many", "Article", ROWS, 8, "l2")
    work = harness.Workplace(tmp_path / "w")
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S) for line in block.splitlines()]
    assert len(lines) == 5
    for line in lines:
        here = line.replace("localhost:8080", f"127.0.0.1:{server.state['port']}?grpc-port={server.state['grpc_port']}")
        command, *words = shlex.split(here)
        assert command == "vecferry"
        done = work.run(*words, cwd=work.folder)
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    import faiss
    index = faiss.read_index(str(work.folder / "article.index"))
    assert index.ntotal == ROWS and index.d == 8
    before, after = (server.act("look", name)["objects"] for name in ("Article", "ArticleCopy"))
    plain = {identity: [{key: value for key, value in properties.items() if not key.startswith("_vecferry")}, vectors] for identity, (properties, vectors) in after.items()}
    assert plain == before
