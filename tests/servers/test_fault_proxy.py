import http.client
import http.server
import json
import threading

import pytest

import fault_proxy as fp


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.server.seen.append(self.path)
        body = json.dumps({"path": self.path, "n": len(self.server.seen), "pad": "x" * 1000}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def post(proxy, path="/a"):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        connection.request("POST", path, body=b"{}")
        answer = connection.getresponse()
        return answer.status, answer.read(), answer
    finally:
        connection.close()


def test_passes_on_what_no_rule_is_about(upstream):
    with fp.FaultProxy(upstream.server_address[1]) as proxy:
        status, body, _ = post(proxy)
        assert status == 200 and json.loads(body)["n"] == 1
        assert proxy.log == [("POST", "/a", 200)] and not proxy.hits


def test_every_third_request_fails_before_the_server_sees_it(upstream):
    with fp.FaultProxy(upstream.server_address[1]) as proxy:
        proxy.add(fp.Status(429, headers={"Retry-After": "2"}), every=3, path="/a")
        got = [post(proxy)[0] for _ in range(6)]
        assert got == [200, 200, 429, 200, 200, 429] and len(upstream.seen) == 4
        assert post(proxy, "/b")[0] == 200
        assert proxy.hits == {"Status 429": 2}


def test_an_answer_can_be_lost_after_the_act(upstream):
    with fp.FaultProxy(upstream.server_address[1]) as proxy:
        proxy.add(fp.Reset(forward=True), at=[1])
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(proxy)
        assert len(upstream.seen) == 1


def test_bodies_end_early_change_and_come_again(upstream):
    with fp.FaultProxy(upstream.server_address[1]) as proxy:
        proxy.add(fp.Cut(), at=[1])
        proxy.add(fp.Truncated(), at=[2])
        proxy.add(fp.Body(b"[]"), at=[3])
        proxy.add(fp.Repeat(), at=[5])
        with pytest.raises((ConnectionError, http.client.IncompleteRead)):
            post(proxy)
        status, body, _ = post(proxy)
        with pytest.raises(ValueError):
            json.loads(body)
        assert post(proxy)[1] == b"[]"
        assert json.loads(post(proxy)[1])["n"] == 4
        assert json.loads(post(proxy)[1])["n"] == 4
        assert len(upstream.seen) == 5


def test_tcp_connections_are_cut(upstream):
    with fp.TcpProxy(upstream.server_address[1]) as proxy:
        assert post(proxy)[0] == 200
        proxy.cut_after = proxy.bytes_down + 500
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(proxy)
        assert post(proxy)[0] == 200
