"""HTTP/1.1 with kept connections, as little of it as a client of the service needs."""
import asyncio
import gzip
import json
import zlib
from http import HTTPStatus

_MOST_HEAD = 64 << 10
_MOST_BODY = 64 << 20


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body


class Answer:
    def __init__(self, status, body, headers=None):
        """`body` is bytes, or a value that becomes JSON."""
        self.status, self.headers = status, headers or {}
        self.body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        self.cut = None    # bytes of the body after which the connection is reset
        self.lost = False  # the connection is reset before any answer


def _bytes_of(answer):
    reason = HTTPStatus(answer.status).phrase if answer.status in list(HTTPStatus) else "Unknown"
    headers = {"content-type": "application/json", **answer.headers, "content-length": str(len(answer.body))}
    head = f"HTTP/1.1 {answer.status} {reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    return head.encode() + (answer.body if answer.cut is None else answer.body[:answer.cut])


async def _read(reader, writer):
    """The next request, or None where the client is done."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _body(reader, headers)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    elif headers.get("content-encoding") == "deflate":
        body = zlib.decompress(body)
    return Request(method, target, headers, body)


async def _body(reader, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return b"".join(parts)
    length = int(headers.get("content-length", 0))
    if length > _MOST_BODY:
        raise ValueError("a body beyond all measure")
    return await reader.readexactly(length)


async def serve(answer_of, port):
    """A server whose answers `answer_of(request)` gives."""
    async def connection(reader, writer):
        try:
            while (request := await _read(reader, writer)) is not None:
                answer = await answer_of(request)
                if not answer.lost:
                    writer.write(_bytes_of(answer))
                    await writer.drain()
                if answer.lost or answer.cut is not None:
                    writer.transport.abort()
                    return
        except (ConnectionError, asyncio.IncompleteReadError, ValueError, zlib.error):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(connection, "127.0.0.1", port, limit=_MOST_HEAD)
