"""The process of a double: python -m pinecone_double.serve --dir DIR."""
import asyncio
import base64
import collections
import json
import os
import signal
import sys
import time

from server_process import read_state, write_json

from . import control, control_plane, http
from .data_plane import DataPlane
from .errors import Refusal
from .faults import Faults


class Log:
    """Each request that changed something, in DIR/log, before its answer leaves."""

    def __init__(self, path):
        self._path, self._file = path, None

    def replay(self):
        if not self._path.exists():
            return
        with open(self._path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return  # the answer to this one never left
                name, path, raw = line.rstrip(b"\n").split(b"\t")
                yield name.decode(), path.decode(), base64.b64decode(raw)

    def open(self):
        self._file = open(self._path, "ab", buffering=0)

    def write(self, name, path, raw):
        self._file.write(name.encode() + b"\t" + path.encode() + b"\t" + base64.b64encode(raw) + b"\n")


class Service:
    def __init__(self, options):
        self.options, self.indexes, self.counts = options, {}, collections.Counter()
        self.faults, self.log = Faults(options.dir), Log(options.dir / "log")
        self.key = os.environ.get("PINECONE_DOUBLE_API_KEY", "test-key")
        self._state = read_state(options.dir) or {}
        self._ports = dict(self._state.get("indexes", {}))  # a restart keeps them
        self._up = False

    def authorize(self, request):
        if request.headers.get("api-key") != self.key:
            raise Refusal(401, 16, "Invalid API Key")

    def count(self, path):
        self.counts[path.split("/indexes/")[0] or "/indexes/"] += 1

    def spelled(self, value):
        """Whole float64 numbers of metadata with or without a fraction: both are seen of services."""
        if not self.options.whole_numbers:
            return value
        for record in value.get("vectors", {}).values() if isinstance(value.get("vectors"), dict) else value.get("matches", []):
            metadata = record.get("metadata")
            if metadata:
                record["metadata"] = {k: int(v) if isinstance(v, float) and v.is_integer() and abs(v) < 1e21 else v for k, v in metadata.items()}
        return value

    async def add(self, index):
        plane = DataPlane(self, index)
        index.port = index.port or self._ports.get(index.name, 0)
        index.server = await http.serve(plane, index.port)
        index.port = index.server.sockets[0].getsockname()[1]
        self.indexes[index.name] = index
        if self._up:
            self.save()

    async def remove(self, index):
        del self.indexes[index.name]
        index.server.close()
        self._ports.pop(index.name, None)
        self.save()

    def save(self):
        self._state = {**self._state, "pid": os.getpid(), "port": self.port, "control": f"http://127.0.0.1:{self.port}",
                       "indexes": {name: index.port for name, index in self.indexes.items()}}
        write_json(self.options.dir / "server.json", self._state)

    def write_stats(self):
        records = {name: {space: len(of.records) for space, of in index.written.items()} for name, index in self.indexes.items()}
        write_json(self.options.dir / "stats.json", {"calls": dict(self.counts), "records": records})

    async def _replay(self):
        gone = []
        for name, path, raw in self.log.replay():
            body = json.loads(raw)
            if path == "/indexes":
                self.indexes[name] = control_plane.made(body, time.time(), 0.0)
            elif path == "/indexes/delete":
                gone.append(self.indexes.pop(name))
            elif path == "/indexes/configure":
                control_plane.ControlPlane.configure(self.indexes[name], body)
            else:
                DataPlane(self, self.indexes[name]).apply(path, body)
        for index in list(self.indexes.values()):
            index.namespaces()
            index.lag = self.options.lag
            await self.add(index)

    async def run(self):
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGUSR1, self.write_stats)
        self.port = self.options.port or self._state.get("port", 0)
        server = await http.serve(control_plane.ControlPlane(self), self.port)
        self.port = server.sockets[0].getsockname()[1]
        await self._replay()
        self.log.open()
        self._up = True
        self.save()
        await stop.wait()
        server.close()


def main():
    options = control.options_of(sys.argv[1:])
    options.dir = options.dir.resolve()
    asyncio.run(Service(options).run())


if __name__ == "__main__":
    main()
