import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.concurrency import greenlets
from dash_pipe.protocol import Close
from dash_pipe.transports import takeover, wsgi
from dash_pipe.transports.takeover import find_socket
from dash_pipe.transports.wsgi import headers_of, serve_websocket
from harness.wait import TIMEOUT
from unit.fakes import are_closed, is_last_descriptor, needs_descriptors


@pytest.fixture
def environ(ends: tuple[socket.socket, socket.socket]) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "HTTP_HOST": "app.org",
        "HTTP_ORIGIN": "https://app.org",
        "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_PROTOCOL": "dash-pipe.v1",
        "SERVER_SOFTWARE": "Werkzeug/3",
        "werkzeug.socket": ends[1],
    }


class FakeLoop:
    """A fake loop thread that records what it adopts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.adopted: list[Any] = []
        self.error = error

    def adopt(self, sock: socket.socket, *rest: Any) -> None:
        if self.error is not None:
            raise self.error
        self.adopted.append((sock, *rest))


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLoop]:
    fake = FakeLoop()
    monkeypatch.setattr(wsgi, "loop_thread", lambda _: fake)
    yield fake
    for sock, *_ in fake.adopted:
        sock.close()


@needs_descriptors
def test_websocket_request_is_adopted_by_the_loop_thread(
    environ: dict[str, Any], loop: FakeLoop
) -> None:
    answer = serve_websocket(runtime.current(), environ)
    assert (answer.status, answer.body) == (101, "")
    ((sock, ws, response, rejection, _, address),) = loop.adopted
    assert sock.fileno() != environ["werkzeug.socket"].fileno()
    assert response.status_code == 101
    assert response.headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert response.headers["Sec-WebSocket-Protocol"] == "dash-pipe.v1"
    assert "Sec-WebSocket-Extensions" not in response.headers
    assert rejection is None
    assert address is None  # not counted by default
    assert ws.subprotocol == "dash-pipe.v1"


@needs_descriptors
def test_address_behind_a_trusted_proxy_is_passed_to_the_loop_thread(
    environ: dict[str, Any], loop: FakeLoop, fresh_runtime: None
) -> None:
    dash_pipe.configure(max_connections_per_address=1, trusted_proxies=["10.0.0.7"])
    serve_websocket(
        runtime.current(),
        environ | {"REMOTE_ADDR": "10.0.0.7", "HTTP_X_FORWARDED_FOR": "198.51.100.1"},
    )
    assert loop.adopted[0][-1] == "198.51.100.1"


@needs_descriptors
def test_rejection_is_passed_to_the_loop_thread(environ: dict[str, Any], loop: FakeLoop) -> None:
    rejection = (Close.ORIGIN, "why")
    serve_websocket(runtime.current(), environ, rejection)
    assert loop.adopted[0][3] == rejection


def test_headers_of_environ_are_http_headers_in_lowercase(environ: dict[str, Any]) -> None:
    headers = headers_of(environ | {"CONTENT_TYPE": "text/plain", "wsgi.url_scheme": "http"})
    assert headers["host"] == "app.org"
    assert headers["sec-websocket-version"] == "13"
    assert headers["content-type"] == "text/plain"
    assert "url-scheme" not in headers


@needs_descriptors
def test_failing_loop_thread_leaks_no_descriptor(
    environ: dict[str, Any],
    loop: FakeLoop,
    ends: tuple[socket.socket, socket.socket],
    pairs: list[socket.socket],
) -> None:
    loop.error = RuntimeError("no loop")
    with pytest.raises(RuntimeError, match="no loop"):
        serve_websocket(runtime.current(), environ)
    assert ends[0].recv(1) == b""  # the duplicate was the last descriptor of the connection
    assert len(pairs) == 2
    assert are_closed(pairs)


@needs_descriptors
def test_handshake_of_http_1_0_opens_no_websocket(
    environ: dict[str, Any], loop: FakeLoop, pairs: list[socket.socket]
) -> None:
    answer = serve_websocket(runtime.current(), environ | {"SERVER_PROTOCOL": "HTTP/1.0"})
    assert answer.status in (400, 505)  # by the release of websockets
    assert not loop.adopted
    assert not pairs


@needs_descriptors
@pytest.mark.parametrize(
    "broken",
    [
        {"REQUEST_METHOD": "HEAD"},
        {"HTTP_SEC_WEBSOCKET_KEY": ""},
        {"HTTP_SEC_WEBSOCKET_KEY": "short"},
        {"HTTP_SEC_WEBSOCKET_KEY": "\N{ROCKET}"},
        {"HTTP_SEC_WEBSOCKET_KEY": "x" * 100_000},
        {"HTTP_SEC_WEBSOCKET_VERSION": ""},
        {"HTTP_SEC_WEBSOCKET_VERSION": "x"},
        {"HTTP_SEC_WEBSOCKET_PROTOCOL": ",;"},
        {"HTTP_HOST": "a\r\nb"},
    ],
)
def test_invalid_handshake_returns_400(
    broken: dict[str, str],
    environ: dict[str, Any],
    loop: FakeLoop,
    ends: tuple[socket.socket, socket.socket],
    pairs: list[socket.socket],
) -> None:
    answer = serve_websocket(runtime.current(), environ | broken)
    assert answer.status == 400
    assert answer.headers["Sec-WebSocket-Version"] == "13"
    assert answer.body
    assert not loop.adopted
    assert not pairs
    assert is_last_descriptor(ends[1], ends[0])


def test_server_without_a_socket_gets_501_and_is_logged_once(
    environ: dict[str, Any], loop: FakeLoop, caplog: pytest.LogCaptureFixture
) -> None:
    del environ["werkzeug.socket"]
    environ["SERVER_SOFTWARE"] = "waitress"
    for _ in range(3):
        answer = serve_websocket(runtime.current(), environ)
        assert answer.status == 501
        assert "waitress does not let an app use its sockets" in answer.body
        assert "gunicorn" in answer.body
    assert [record.message for record in caplog.records] == [answer.body]
    assert not loop.adopted


class Encrypted(socket.socket):
    def getpeercert(self) -> None: ...


@needs_descriptors
def test_find_socket_without_a_usable_socket_gives_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as sock, Encrypted() as encrypted:
        assert find_socket({"werkzeug.socket": sock}) == (sock, "")
        assert find_socket({"gunicorn.socket": sock}) == (sock, "")
        for environ, reason in [
            ({}, "this server does not let an app use its sockets"),
            ({"SERVER_SOFTWARE": "mod_wsgi/5"}, "mod_wsgi/5 does not let"),
            ({"werkzeug.socket": object()}, "does not let an app"),
            ({"gunicorn.socket": encrypted}, "this server terminates TLS"),
        ]:
            found, said = find_socket(environ)
            assert found is None
            assert reason in said
            assert "To fix it, " in said
        # A socket that is no descriptor holds a thread, so there must be several threads.
        monkeypatch.setattr(takeover, "is_descriptor", lambda sock: False)
        assert find_socket({"werkzeug.socket": sock, "wsgi.multithread": True}) == (sock, "")
        assert "this server has one thread" in find_socket({"werkzeug.socket": sock})[1]


@needs_descriptors
def test_concurrent_takeovers_keep_their_own_sockets(
    loop: FakeLoop, environ: dict[str, Any]
) -> None:
    pairs = [socket.socketpair() for _ in range(16)]
    answers: list[Any] = []

    def serve(server: socket.socket) -> None:
        answers.append(serve_websocket(runtime.current(), environ | {"werkzeug.socket": server}))

    threads = [threading.Thread(target=serve, args=(server,)) for _, server in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [101] * 16
    for sock, *_ in loop.adopted:
        sock.send(b"!")
    for browser, server in pairs:
        browser.settimeout(TIMEOUT)
        assert browser.recv(10) == b"!"
        browser.close()
        server.close()


@needs_descriptors
def test_socket_under_gevent_is_served_by_a_greenlet(
    environ: dict[str, Any], ends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greenlets, "are_threads", lambda: True)
    answer = serve_websocket(runtime.current(), environ)
    ends[1].close()
    assert answer.status == 101
    assert ends[0].recv(12) == b"HTTP/1.1 101"
    ends[0].shutdown(socket.SHUT_WR)
    while ends[0].recv(1000):  # until the greenlet has closed its socket
        pass


def test_socket_without_descriptor_is_served_in_the_request_thread(
    environ: dict[str, Any], ends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "is_descriptor", lambda sock: False)
    environ |= {"wsgi.multithread": True}
    answers: list[Any] = []
    serving = threading.Thread(
        target=lambda: answers.append(serve_websocket(runtime.current(), environ))
    )
    serving.start()
    assert ends[0].recv(12) == b"HTTP/1.1 101"
    assert serving.is_alive()  # as long as the browser is connected
    ends[0].close()
    serving.join(TIMEOUT)
    (answer,) = answers
    assert answer.status == 101


@needs_descriptors
def test_is_descriptor_of_open_socket_is_true_and_of_closed_false() -> None:
    with socket.socket() as sock:
        assert takeover.is_descriptor(sock)
    assert not takeover.is_descriptor(sock)
