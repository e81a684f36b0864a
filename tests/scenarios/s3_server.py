"""An S3 server for scenarios (tests/servers/s3); a test that needs it is skipped where it cannot be had."""
import json
import pathlib
import subprocess

import pytest

CONTROL = pathlib.Path(__file__).resolve().parents[1] / "servers" / "s3"


class S3:
    def __init__(self, folder):
        self.folder = folder

    def start(self):
        done = subprocess.run([str(CONTROL), "start", "--dir", str(self.folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
        if done.returncode == 77:
            pytest.skip(done.stderr.strip() or "no S3 server")
        assert done.returncode == 0, done.stderr
        self.facts = json.loads(done.stdout)
        return self

    def stop(self, verb="stop"):
        subprocess.run([str(CONTROL), verb, "--dir", str(self.folder)], check=True, timeout=60)

    @property
    def environment(self):
        return {"AWS_ENDPOINT_URL": self.facts["endpoint"], "AWS_ACCESS_KEY_ID": self.facts["access_key"], "AWS_SECRET_ACCESS_KEY": self.facts["secret_key"],
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}

    def objects(self, prefix=""):
        """The keys that are there, by the files that the server keeps."""
        root = self.folder / "data" / "bucket"
        return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() and ".sgwtmp" not in p.parts and p.relative_to(root).as_posix().startswith(prefix))
