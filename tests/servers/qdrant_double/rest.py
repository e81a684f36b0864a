"""The REST port: enough to be recognised by, and the double's own statistics."""
import http.server
import json
import ssl

from .errors import Code, Refused


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double = None

    def parse_request(self):
        if self.raw_requestline.startswith(b"PRI "):  # a gRPC client that has the wrong port
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return False
        return super().parse_request()

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/":
            self._json(200, {"title": "qdrant - vector search engine", "version": self.double.options.version})
        elif path in ("/healthz", "/readyz", "/livez"):
            self._send(200, b"healthz check passed", "text/plain")
        elif path == "/double/stats":
            self._json(200, self.double.stats.as_dict())
        elif path == "/collections":
            self._collections()
        else:
            self._send(404, b"", "text/plain")

    def _collections(self):
        try:
            self.double.authorise({key.lower(): value for key, value in self.headers.items()}, writes=False)
        except Refused as refused:
            assert refused.code is Code.UNAUTHENTICATED
            self._send(401, refused.message.encode(), "text/plain")
            return
        with self.double.lock:
            names = [{"name": name} for name in self.double.store.collections]
        self._json(200, {"result": {"collections": names}, "status": "ok", "time": 0.0})

    def _json(self, status, body):
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status, body, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(double, port, certificate=None):
    """A server bound to 127.0.0.1, to be run by serve_forever. certificate: (certificate file, key file)."""
    handler = type("Handler", (_Handler,), {"double": double})
    http.server.ThreadingHTTPServer.daemon_threads = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    return server
