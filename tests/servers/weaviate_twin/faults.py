"""Faults that a test asks for: DIR/faults.json, {"Search": [{"every": 3, "code": "UNAVAILABLE"}]}. Each has "every" (each N-th call) or "at" (the N-th call
alone, from 1), and what happens: "code" with "words" and "trailers", "repeat" (the page before once more) or "cut" (an answer that ends early)."""
import json
import threading


class Faults:
    def __init__(self, folder):
        self._path, self._lock, self._text, self._counts, self._active = folder / "faults.json", threading.Lock(), None, {}, {}

    def next(self, name):
        with self._lock:
            try:
                text = self._path.read_text()
            except FileNotFoundError:
                text = "{}"
            if text != self._text:
                self._text, self._counts, self._active = text, {}, json.loads(text)
            count = self._counts[name] = self._counts.get(name, 0) + 1
            for fault in self._active.get(name, []):
                if count == fault.get("at") or ("every" in fault and count % fault["every"] == 0):
                    return fault
        return None
