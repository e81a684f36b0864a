"""A server that one of the launchers beside this file starts (`NAME start|stop|status --dir DIR`, which prints what it started as JSON):
started in a folder of the test's own, stopped after it, killed and started again at will."""
import json
import os
import pathlib
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent


class Launched:
    def __init__(self, name, folder, *words, env=None):
        self.name, self.folder, self._words, self._env = name, pathlib.Path(folder), words, {**os.environ, **(env or {})}
        self.state = {}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def command(self, *words):
        return [HERE / self.name, *map(str, words)]

    def _run(self, command, *words, check=True):
        done = subprocess.run(self.command(command, "--dir", self.folder, *words), env=self._env, capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done

    def start(self, *words):
        self.state = json.loads(self._run("start", *self._words, *words).stdout)
        return self

    @property
    def port(self):
        return self.state["port"]

    def kill(self):
        os.kill(self.state["pid"], signal.SIGKILL)
        self.wait()

    def wait(self, seconds=20):
        """Until the process is gone."""
        deadline = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server {self.name} is still running")
            time.sleep(0.02)

    def running(self):
        return self._run("status", check=False).returncode == 0

    def restart(self, *words):
        self.kill()
        return self.start(*words)

    def stop(self):
        self._run("stop")

    def put(self, name, value):
        """Of a double: a file of its folder that it looks at, whole or not at all; None takes it away."""
        path = self.folder / name
        if value is None:
            path.unlink(missing_ok=True)
            return
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(value))
        os.replace(partial, path)

    def stats(self, seconds=20):
        """Of a double: what it counted, which it tells when it is asked by a signal."""
        path = self.folder / "stats.json"
        path.unlink(missing_ok=True)
        os.kill(self.state["pid"], signal.SIGUSR1)
        deadline = time.monotonic() + seconds
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return json.loads(path.read_text())
