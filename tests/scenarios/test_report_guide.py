"""Every command line of docs/guide/report.md, run as it stands there, in its order."""
import json
import re
import shlex
import subprocess
import xml.etree.ElementTree as ElementTree

import harness
from test_report import make

GUIDE = harness.ROOT / "docs/guide/report.md"


def lines():
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


def test_every_command_of_the_guide(tmp_path):
    place = harness.Workplace(tmp_path)
    make(tmp_path / "docs.parquet", twice=0)
    assert len(lines()) == 7
    for line in lines():
        command, *words = shlex.split(line.replace(" 9464", " 0"))
        if ">" in words:
            done = subprocess.run(["bash", "-c", line.replace("vecferry", harness.BIN, 1)], cwd=tmp_path, env=place.environment(), capture_output=True, text=True, timeout=120)
        else:
            done = place.run(*words, cwd=tmp_path)
        assert command == "vecferry" and done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    for name in ("copy.html", "verify.html", "again.html"):
        assert (tmp_path / name).read_text().endswith("</html>\n"), name
    assert json.loads((tmp_path / "again.json").read_text())["counts"] == json.loads((tmp_path / "copy.json").read_text())["counts"]
    assert ElementTree.parse(tmp_path / "copy.xml").getroot().get("failures") == "0"
    assert "_vecferry" in (tmp_path / "vecferry.bash").read_text()


def test_every_metric_of_the_guide_is_served_and_the_other_way_round():
    named = set(re.findall(r"`(vecferry_[a-z_]+)", GUIDE.read_text()))
    source = (harness.ROOT / "src/progress/metrics.cc").read_text()
    assert named == set(re.findall(r'"(vecferry_[a-z_]+)"', source))
