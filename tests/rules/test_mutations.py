"""The deliberate mistakes are made and tested by hand (.ci/extended mutations); here, that each of them still can be made."""
import pathlib
import runpy

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUTATIONS = runpy.run_path(str(ROOT / "tests/scenarios/mutations"), run_name="mutations")["MUTATIONS"]


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_a_mutation_replaces_stands_there_once(name):
    file, old, new = MUTATIONS[name]
    assert (ROOT / file).read_text().count(old) == 1 and old != new
