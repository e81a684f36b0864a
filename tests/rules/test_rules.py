"""What holds for every source file: who may include whom, how long a file may be, who may print, what is tested."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

# folder -> folders below it that it may include, besides itself
GROUND = {"base"}
DATA = GROUND | {"sqlite", "record", "options", "journal", "progress"}
MAY_INCLUDE = {
    "base": set(),
    "sqlite": GROUND,
    "record": GROUND,
    "pickle": GROUND | {"record"},
    "sidecar": GROUND | {"record", "pickle", "options", "connector", "files"},
    "options": GROUND,
    "progress": GROUND,
    "journal": GROUND | {"sqlite", "record", "connector"},
    "connector": GROUND | {"record", "options"},
    "layouts": GROUND | {"record", "connector"},
    "transform": GROUND | {"sqlite", "record", "options", "connector"},
    "net": GROUND | {"options"},
    "files": GROUND | {"record", "options", "connector"},
    "columnar": GROUND | {"record", "options", "connector", "files"},
    "qdrant_model": GROUND | {"record", "connector"},
    "chroma_model": GROUND | {"record", "options", "connector", "net"},
    "connectors": DATA - {"journal", "progress"} | {"connector", "layouts", "net", "files", "columnar", "pickle", "qdrant_model", "chroma_model", "sidecar"},
    "pipeline": DATA | {"connector", "transform"},
    "migration": DATA | {"connector", "layouts", "transform", "pipeline"},
    "report": DATA - {"sqlite", "options"} | {"connector", "transform", "pipeline", "migration"},
    "cli": DATA | {"connector", "connectors", "layouts", "transform", "pipeline", "migration", "report", "net"},
}
PRINTS = re.compile(r"std::(cout|cerr|clog)\b|\b(printf|puts|fprintf|fputs|putchar)\s*\(|fmt::print\b")
# Where the process ends or a listener is the printer, with the reason.
MAY_PRINT = {
    "base/failpoint.cc": "writes the list of failpoints to a file",
    "connector/connector.cc": "says which defect ends the program",
}


def sources(suffixes=(".h", ".cc")):
    return sorted(p for p in SRC.rglob("*") if p.suffix in suffixes)


def included(path):
    return re.findall(r'^\s*#include "([^"]+)"', path.read_text(), re.M)


def name(path):
    return path.relative_to(SRC).as_posix()


def generated(target):
    """Made by protoc from the .proto files of the connector whose name it bears (cmake/VecferryProto.cmake)."""
    return target.split("/")[0].endswith("_pb")


def check_include(path, target):
    """None, or what is wrong with `path` (relative to src) including `target`."""
    folder, to = path.split("/")[0], target.split("/")[0]
    if generated(target):
        return None if path.startswith(f"connectors/{to.removesuffix('_pb')}/") else f"{path} includes {target}, another connector's messages"
    if folder not in MAY_INCLUDE:
        return f"{path}: the folder {folder} is not in the table of this test"
    if folder == to:
        if folder == "connectors" and path.count("/") == 2:
            mine, other = path.split("/")[1], target.split("/")[1]
            if mine != other and target.count("/") == 2:
                return f"{path} includes {target}: a connector never includes another"
        return None
    if to not in MAY_INCLUDE[folder]:
        return f"{path} includes {target}: {folder} may include {sorted(MAY_INCLUDE[folder])}"
    return None


def is_test(path):
    return path.name.endswith("_test.cc") or path.name.startswith("test_support")


def test_includes_go_downwards():
    wrong = [check_include(name(p), target) for p in sources() if not is_test(p) for target in included(p)]
    assert [w for w in wrong if w] == []


@pytest.mark.parametrize("path, target", [
    ("base/x.cc", "record/batch.h"), ("pipeline/x.cc", "connectors/memory/memory.h"), ("pipeline/x.h", "net/http.h"),
    ("connectors/jsonl/x.cc", "connectors/memory/memory.h"), ("record/x.cc", "sqlite/db.h"), ("novel/x.cc", "base/error.h"),
    ("connectors/jsonl/x.cc", "migration/plan.h"), ("layouts/x.cc", "connectors/builtin.h"),
    ("connectors/jsonl/x.cc", "qdrant_pb/points.pb.h"), ("pipeline/x.cc", "qdrant_pb/points.pb.h")])
def test_the_check_of_includes_can_fail(path, target):
    assert check_include(path, target)


def test_every_include_exists():
    missing = [f"{name(p)}: {t}" for p in sources() for t in included(p) if not generated(t) and not (SRC / t).exists()]
    assert missing == []


def test_files_stay_small():
    long = {p.relative_to(ROOT).as_posix(): n for base in ("src", "tests", "fuzz", "bench", "tools") for p in sorted((ROOT / base).rglob("*"))
            if p.suffix in (".h", ".cc", ".py") and (n := len(p.read_text().splitlines())) > 600}
    assert long == {}


def test_nothing_prints_below_cli():
    found = {}
    for path in sources():
        if name(path).startswith("cli/") or is_test(path):
            continue
        lines = [i for i, line in enumerate(path.read_text().splitlines(), 1) if PRINTS.search(re.sub(r"//.*", "", line))]
        if lines:
            found[name(path)] = lines
    assert set(found) <= set(MAY_PRINT), {k: v for k, v in found.items() if k not in MAY_PRINT}
    assert set(MAY_PRINT) <= set(found), "a waiver that nothing needs any more"


def test_heavy_headers_stay_out_of_headers():
    heavy = re.compile(r"#include <(arrow/api\.h|simdjson\.h|nlohmann/json\.hpp)>")
    assert [name(p) for p in sources((".h",)) if heavy.search(p.read_text())] == []


def folders_with_sources():
    return sorted({p.parent for p in sources((".cc",)) if not is_test(p)})


def test_every_connector_is_registered_and_has_tests_and_a_fixture():
    builtin = (SRC / "connectors/builtin.cc").read_text()
    suite = ROOT / "tests/conformance"
    fixtures = "".join(p.read_text() for p in [suite / "fixtures.cc", *sorted(suite.glob("fixtures/*.cc"))])
    for folder in folders_with_sources():
        if folder.parent != SRC / "connectors":
            continue
        assert list(folder.glob("*_test.cc")), f"{folder.name} has no test"
        assert f'"connectors/{folder.name}/' in builtin, f"{folder.name} is not in builtin.cc"
        assert f'"{folder.name.replace("_", "-")}"' in fixtures, f"{folder.name} has no fixture in tests/conformance"


def is_built(folder):
    own, above = folder / "CMakeLists.txt", folder.parent / "CMakeLists.txt"
    return own.exists() or (above.exists() and f"{folder.name}/" in above.read_text())


def test_every_folder_is_one_target():
    assert [name(f) for f in folders_with_sources() if not is_built(f)] == []


def test_headers_guard_themselves():
    assert [name(p) for p in sources((".h",)) if not p.read_text().startswith("#pragma once\n")] == []
