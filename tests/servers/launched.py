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
