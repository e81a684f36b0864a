"""When the collection's index is built: the colours of its status.

Green is no promise of an index, only that nothing is to be optimised under the current settings. What is to be done is decided as a
server does, by the size of the part without index against `indexing_threshold`; doing it takes a fixed short time here.
"""
import time

from .vendor import pb

Status = pb.CollectionStatus


class Optimizer:
    def __init__(self, seconds, clock=time.monotonic):
        self._seconds, self._clock = seconds, clock
        self.indexed, self.built = 0, b""
        self._due = None
        self._asleep = False

    def _wanted(self, collection):
        """What an index is built from: the HNSW and quantization settings."""
        params = collection.config.params.vectors_config
        return b"|".join(part.SerializeToString(deterministic=True) for part in (
            collection.config.hnsw_config, collection.config.quantization_config, params))

    def _without_index(self, collection):
        """Points outside the index; all of them once the settings that it was built from have changed."""
        return collection.count - (self.indexed if self.built == self._wanted(collection) else 0)

    def pending(self, collection):
        threshold = collection.config.optimizer_config.indexing_threshold
        size = max((spec.size for spec in collection.specs.values()), default=0)
        return threshold > 0 and self._without_index(collection) * size * 4 > threshold * 1024

    def sleep(self, collection):
        """A restart: pending work shows Grey and is left alone until any update."""
        self._asleep = self.pending(collection)

    def wake(self):
        self._asleep = False

    def look(self, collection):
        """(status, indexed vectors, whether an index was finished since the last look)."""
        self.indexed = min(self.indexed, collection.count)
        finished = False
        if not self.pending(collection):
            self._due = None
        elif not self._asleep:
            now = self._clock()
            self._due = self._due or now + self._seconds
            if now >= self._due:
                self.finish(collection)
                finished = True
        if not self.pending(collection):
            status = Status.Green
        else:
            status = Status.Grey if self._asleep else Status.Yellow
        dense = sum(spec.kind != "sparse" for spec in collection.specs.values())
        return status, self.indexed * max(1, dense), finished

    def finish(self, collection):
        self.indexed, self.built, self._due = collection.count, self._wanted(collection), None
