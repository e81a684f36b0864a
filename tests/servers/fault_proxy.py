"""A proxy on loopback that stands between the program and an HTTP server, and answers amiss when it is told to.

    with FaultProxy(port) as proxy:
        proxy.add(Status(429, headers={"Retry-After": "1"}), every=3)
        proxy.add(Cut(), path="/get", at=[2])
        ... http://127.0.0.1:{proxy.port} ...
        assert proxy.hits == {"Status 429": 33, "Cut": 1}

A fault strikes the n-th of the requests that match its method and path, counted from 1. Where it says so the server has done
what was asked before the answer is spoilt: that is what makes the difference between a request that was lost and one whose answer was.
What is recorded is method, path and status: no header, no body, so no key."""
import collections
import http.client
import http.server
import re
import socket
import ssl
import struct
import threading
import time


class Fault:
    """`forward`: the server sees the request all the same."""
    forward = False

    def name(self):
        return type(self).__name__

    def strike(self, handler, answer):
        raise NotImplementedError


class Status(Fault):
    """An answer of that status instead of the server's, or (`forward`) after the server did what was asked."""

    def __init__(self, status, body=b'{"error":"injected","message":"injected"}', headers=None, forward=False):
        self.status, self.body, self.headers, self.forward = status, body, headers or {}, forward

    def name(self):
        return f"Status {self.status}"

    def strike(self, handler, answer):
        handler.answer(self.status, {"Content-Type": "application/json", **self.headers}, self.body)


class Reset(Fault):
    """The connection is reset: before the server saw the request, or (`forward`) after."""

    def __init__(self, forward=False):
        self.forward = forward

    def strike(self, handler, answer):
        handler.reset()


class Cut(Fault):
    """The connection is reset in the middle of the body."""
    forward = True

    def strike(self, handler, answer):
        handler.answer(answer.status, answer.headers, answer.body, stop_at=max(1, len(answer.body) // 2))
        handler.reset()


class Truncated(Fault):
    """A whole answer whose JSON ends in the middle."""
    forward = True

    def strike(self, handler, answer):
        handler.answer(answer.status, answer.headers, answer.body[:max(1, len(answer.body) // 2)])


class Body(Fault):
    """Another body than the server's, under its status: the wrong shape."""

    def __init__(self, body):
        self.body, self.forward = body, True

    def strike(self, handler, answer):
        handler.answer(answer.status, answer.headers, self.body)


class Change(Fault):
    """The body as a function makes it of the server's (and of the request's path)."""
    forward = True

    def __init__(self, change):
        self.change = change

    def strike(self, handler, answer):
        handler.answer(answer.status, answer.headers, self.change(answer.body, handler.path))


class Repeat(Fault):
    """The answer to the request before, of the same method and path without its query, once more."""
    forward = True

    def strike(self, handler, answer):
        handler.answer(answer.status, answer.headers, handler.last if handler.last is not None else answer.body)


class Slow(Fault):
    forward = True

    def __init__(self, seconds):
        self.seconds = seconds

    def strike(self, handler, answer):
        time.sleep(self.seconds)
        handler.answer(answer.status, answer.headers, answer.body)


class Do(Fault):
    """Calls a function first (the server is killed, a collection dropped, a key taken back), then forwards."""
    forward = None

    def __init__(self, act):
        self.act = act

    def strike(self, handler, answer):
        self.act()
        handler.pass_on(handler.forward())


Answer = collections.namedtuple("Answer", "status headers body")
Rule = collections.namedtuple("Rule", "fault at every first path method")
KEPT = ("content-type", "content-encoding", "retry-after", "location")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def forward(self):
        proxy = self.server.proxy
        connection = http.client.HTTPConnection("127.0.0.1", proxy.upstream, timeout=120)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "host", "content-length")}
            connection.request(self.command, re.sub("^http://[^/]*", "", self.path), body=self.content, headers=headers)
            got = connection.getresponse()
            kept = {k: v for k, v in got.getheaders() if k.lower() in KEPT or k.lower().startswith("x-")}
            return Answer(got.status, kept, got.read())
        except (ConnectionError, http.client.HTTPException, OSError):
            return None  # the server is not there
        finally:
            connection.close()

    def pass_on(self, answer):
        if answer is None:
            self.reset()
        else:
            self.answer(*answer)

    def answer(self, status, headers, body, stop_at=None):
        self.server.proxy.log.append((self.command, self.path, status))
        head = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'X')}", *(f"{k}: {v}" for k, v in headers.items()), f"Content-Length: {len(body)}", "", ""]
        self.wfile.write("\r\n".join(head).encode("latin-1") + body[:stop_at])
        self.wfile.flush()

    def reset(self):
        """A reset rather than an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def serve(self):
        self.content = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        fault = self.server.proxy.fault_for(self)
        if fault is None or fault.forward:
            answer = self.forward()
            # Before it is sent: the next request may come on another connection as soon as it is.
            self.last = self.server.proxy.before(self)
            if answer is not None:
                self.server.proxy.remember(self, answer)
            if fault is None or answer is None:
                self.pass_on(answer)
            else:
                fault.strike(self, answer)
        else:
            fault.strike(self, None)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


class FaultProxy:
    """`tls`: the files of a certificate and its key, by which it speaks TLS to the program. Asked as a proxy is, with whole URLs, it forwards all the same."""

    def __init__(self, upstream, tls=None):
        self.upstream, self.rules, self.counts, self.hits, self.log = upstream, [], {}, collections.Counter(), []
        self._lock, self._last = threading.Lock(), {}
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.proxy = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, fault, at=(), every=None, first=None, path=".*", method=".*"):
        """`at`: which of the matching requests; `every`: each so-manieth; `first`: the first so many."""
        self.rules.append(Rule(fault, frozenset(at), every, first, re.compile(path), re.compile(method)))
        return fault

    def fault_for(self, handler):
        with self._lock:
            chosen = None
            for rule in self.rules:
                if not (rule.path.search(handler.path) and rule.method.fullmatch(handler.command)):
                    continue
                n = self.counts[id(rule.fault)] = self.counts.get(id(rule.fault), 0) + 1
                if chosen is None and (n in rule.at or (rule.every and n % rule.every == 0) or (rule.first and n <= rule.first)):
                    chosen = rule.fault
            if chosen is not None:
                self.hits[chosen.name()] += 1
            return chosen

    def remember(self, handler, answer):
        with self._lock:
            self._last[handler.command, handler.path.partition("?")[0]] = answer.body

    def before(self, handler):
        with self._lock:
            return self._last.get((handler.command, handler.path.partition("?")[0]))


class TcpProxy:
    """Passes bytes on, until it is told to cut every connection: for gRPC."""

    def __init__(self, upstream):
        self.upstream, self._pairs, self._lock = upstream, set(), threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.bytes_down = 0
        self.cut_after = None  # bytes from the server, over all connections: then all are cut, once
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self._listener.close()
        self.cut()

    def cut(self):
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RDWR)
                    end.close()
                except OSError:
                    pass

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.add((near, far))
            for a, b, down in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pump, args=(a, b, down), daemon=True).start()

    def _pump(self, a, b, down):
        try:
            while data := a.recv(65536):
                if down:
                    self.bytes_down += len(data)
                    if self.cut_after is not None and self.bytes_down >= self.cut_after:
                        self.cut_after = None
                        self.cut()
                        return
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass
