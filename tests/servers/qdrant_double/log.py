"""DIR/log: the requests that changed something, in order, so that a killed server has at its next start what it acknowledged.

A write to the file reaches the kernel before the answer leaves; that survives the death of the process, which is all that tests do
to it. A record cut short was never acknowledged, and is cut off.
"""
import os
import struct

_HEADER = struct.Struct("<HI")


class Log:
    def __init__(self, path):
        self._path = path
        self._file = None

    def replay(self):
        """(name, body) of every whole record; then the log is open for more."""
        good = 0
        if os.path.exists(self._path):
            with open(self._path, "rb") as file:
                while len(header := file.read(_HEADER.size)) == _HEADER.size:
                    name_size, body_size = _HEADER.unpack(header)
                    record = file.read(name_size + body_size)
                    if len(record) < name_size + body_size:
                        break
                    good += _HEADER.size + len(record)
                    yield record[:name_size].decode(), record[name_size:]
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, good)
        os.lseek(self._file, good, os.SEEK_SET)

    def append(self, name, body):
        encoded = name.encode()
        left = memoryview(_HEADER.pack(len(encoded), len(body)) + encoded + body)
        while left:
            left = left[os.write(self._file, left):]
