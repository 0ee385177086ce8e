"""A request that a client sends behind a handshake: to a proxy it is a part of the websocket."""

import base64
import os
import socket

import pytest

from harness.process import figures
from harness.server import Server
from harness.wait import TIMEOUT, wait_for

LOGGED = ("--access-logfile=-", "--access-logformat=answered %(r)s %(s)s")


def handshake() -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["GET /_pipe/ws HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket"]
    lines += ["Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    return "\r\n".join([*lines, "", ""]).encode()


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), TIMEOUT)


@pytest.mark.parametrize("host", ["gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent"])
def test_request_behind_a_handshake_is_not_executed(tmp_path, host):
    with Server(host, "room", tmp_path / "log", options=LOGGED) as server, connected(server) as one:
        one.sendall(handshake() + b"GET /behind HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert one.recv(12) == b"HTTP/1.1 101"
        with connected(server) as other:
            other.sendall(b"GET /after HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            while other.recv(1000):
                pass
    assert "answered GET /_pipe/ws HTTP/1.1 101" in server.log_text()
    assert "answered GET /after" in server.log_text()
    assert "/behind" not in server.log_text()
    assert not server.tracebacks()


def test_request_behind_a_handshake_is_not_executed_by_werkzeug(tmp_path):
    with Server("werkzeug", "room", tmp_path / "log") as server, connected(server) as one:
        one.sendall(handshake() + b"GET /behind HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert one.recv(12) == b"HTTP/1.1 101"
        # It would execute the next request, too. The main thread, the relay and the loop stay.
        wait_for(lambda: figures(server.pid).threads == 3, "the thread of the request to end")
    assert "/behind" not in server.log_text()
    assert not server.tracebacks()
