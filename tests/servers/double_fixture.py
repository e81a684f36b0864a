"""A double for one test: started in the test's folder, stopped after it, killed and started again at will."""
import json
import os
import pathlib
import signal
import subprocess
import time

LAUNCHER = pathlib.Path(__file__).resolve().parent / "qdrant"


class Double:
    def __init__(self, folder, *words, env=None):
        self.folder, self._words, self._env = pathlib.Path(folder), words, {**os.environ, **(env or {})}
        self.state = {}

    def command(self, *words):
        return [LAUNCHER, *map(str, words)]

    def _run(self, command, *words, check=True):
        done = subprocess.run(self.command(command, "--dir", self.folder, *words), env=self._env, capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(done.stderr)
        return done

    def start(self, *words):
        self.state = json.loads(self._run("start", *self._words, *words).stdout)
        return self

    @property
    def port(self):
        return self.state["grpc_port"]

    @property
    def rest(self):
        return f"http://127.0.0.1:{self.state['rest_port']}"

    def kill(self):
        os.kill(self.state["pid"], signal.SIGKILL)
        self.wait()

    def wait(self, seconds=20):
        """Until the process is gone."""
        deadline = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > deadline:
                raise TimeoutError("the double is still running")
            time.sleep(0.02)

    def running(self):
        return self._run("status", check=False).returncode == 0

    def restart(self, *words):
        self.kill()
        return self.start(*words)

    def stop(self):
        self._run("stop")

    def faults(self, **active):
        """Replaces the faults; none at all clears them."""
        path = self.folder / "faults.json"
        if not active:
            path.unlink(missing_ok=True)
            return
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(active))
        os.replace(partial, path)

    def stats(self):
        path = self.folder / "stats.json"
        path.unlink(missing_ok=True)
        os.kill(self.state["pid"], signal.SIGUSR1)
        deadline = time.monotonic() + 10
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return json.loads(path.read_text())

    def client(self, **more):
        """The vendor's client, over gRPC."""
        from qdrant_client import QdrantClient
        more = {"host": "127.0.0.1", "prefer_grpc": True, "grpc_port": self.port, "port": self.state["rest_port"], "https": self.state["tls"],
                "check_compatibility": False, "timeout": 20, **more}
        return QdrantClient(**more)
