"""Milvus servers for tests: the vendor's two Lite engines and the double, each with the vendor's client. Imported by name where they are used."""
import pathlib
import subprocess
import sys

import pytest
from launched import Launched

ROOT = pathlib.Path(__file__).resolve().parents[2]


def vendor():
    """The vendor's client as a module, out of its own environment; skips the test where that cannot be made."""
    if "pymilvus" not in sys.modules:
        made = subprocess.run([ROOT / "tools" / "vendor-env", "milvus"], capture_output=True, text=True)
        if made.returncode:
            pytest.skip("pymilvus cannot be installed here: " + made.stderr.strip()[-200:])
        sys.path.append(str(next(pathlib.Path(made.stdout.strip()).parent.parent.glob("lib/python*/site-packages"))))
    import pymilvus
    return pymilvus


class Server(Launched):
    """One server in a folder: started, killed and started again at will."""

    def __init__(self, folder, engine, *words):
        super().__init__("milvus", folder, "--engine", engine, *(["--", *words] if words else []))
        self.engine = engine

    def uri(self, collection, options=""):
        return f"milvus://127.0.0.1:{self.port}{options}#{collection}"

    def client(self, **more):
        # The client's own pings of an idle connection are more than a server of gRPC's defaults takes.
        return vendor().MilvusClient(uri=f"http://127.0.0.1:{self.port}", grpc_options={"grpc.keepalive_time_ms": 3_600_000}, **more)

    def faults(self, *rules):
        """Replaces the double's faults; none at all clears them."""
        self.put("faults.json", rules or None)

    def calls(self):
        """How often the double was called, by method."""
        return self.stats()


def _shared(engine):
    @pytest.fixture(scope="module")
    def server(tmp_path_factory):
        vendor()
        started = Server(tmp_path_factory.mktemp("milvus"), engine)
        try:
            started.start()
        except RuntimeError as error:
            if "vendor-env" in str(error):
                pytest.skip(f"Milvus Lite cannot be installed here: {error}")
            raise
        yield started
        started.stop()
    return server


lite = _shared("3")
engine2 = _shared("2")
double = _shared("double")


@pytest.fixture
def own(tmp_path):
    """Servers of the test's own; all are stopped at the end."""
    started = []

    def go(engine, *words):
        vendor()
        started.append(Server(tmp_path / f"server{len(started)}", engine, *words).start())
        return started[-1]

    yield go
    for server in started:
        server.stop()
