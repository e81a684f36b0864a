"""The short form of target_mutations; the long one runs in the second tier."""
import pathlib
import subprocess
import sys


def test_every_mutation_is_found():
    script = pathlib.Path(__file__).with_name("target_mutations")
    done = subprocess.run([sys.executable, str(script), "48", "7"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "48 mutations, all found" in done.stdout
