"""A relay before the gRPC port that notes which compressions clients offer: gRPC's Python server keeps that header to itself."""
import socket
import threading

import hpack
import hyperframe.frame

_PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_HEADER = 9
_KEPT = (hyperframe.frame.HeadersFrame, hyperframe.frame.ContinuationFrame)


class _Reader:
    """Follows the frames of one connection, from the client's side."""

    def __init__(self, offered):
        self._offered, self._decoder = offered, hpack.Decoder()
        self._buffer, self._skip, self._block = bytearray(), _PREFACE, b""

    def feed(self, data):
        self._buffer += data
        while True:
            if self._skip:
                gone = min(self._skip, len(self._buffer))
                del self._buffer[:gone]
                self._skip -= gone
            if len(self._buffer) < _HEADER:
                return
            frame, length = hyperframe.frame.Frame.parse_frame_header(memoryview(bytes(self._buffer[:_HEADER])))
            if not isinstance(frame, _KEPT):
                self._skip = _HEADER + length
                continue
            if len(self._buffer) < _HEADER + length:
                return
            frame.parse_body(memoryview(bytes(self._buffer[_HEADER:_HEADER + length])))
            del self._buffer[:_HEADER + length]
            self._headers(frame)

    def _headers(self, frame):
        self._block += bytes(frame.data)
        if "END_HEADERS" not in frame.flags:
            return
        for name, value, *_ in self._decoder.decode(self._block):
            if name == "grpc-accept-encoding":
                self._offered(value)
        self._block = b""


def _pump(source, target, feed=None):
    try:
        while data := source.recv(1 << 18):
            if feed:
                feed(data)
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(port, behind, offered):
    """Listens on 127.0.0.1:port, passes everything to the port behind. Returns the port."""
    listener = socket.create_server(("127.0.0.1", port))

    def accept():
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", behind))
            threading.Thread(target=_pump, args=(client, server, _Reader(offered).feed), daemon=True).start()
            threading.Thread(target=_pump, args=(server, client), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]
