import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dash_pipe import runtime
from dash_pipe.concurrency import greenlets
from dash_pipe.protocol import Close
from dash_pipe.transports import takeover, wsgi
from dash_pipe.transports.takeover import find_socket
from dash_pipe.transports.wsgi import headers_of, serve_websocket
from unit.fakes import descriptors, takes_over


@pytest.fixture
def environ(ends: tuple[socket.socket, socket.socket]) -> dict[str, Any]:
    return {
        "HTTP_HOST": "app.org",
        "HTTP_ORIGIN": "https://app.org",
        "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_PROTOCOL": "dash-pipe.v1",
        "SERVER_SOFTWARE": "Werkzeug/3",
        "werkzeug.socket": ends[1],
    }


class FakeLoop:
    """Stands in for the loop thread; keeps what it was given."""

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


@takes_over
def test_a_websocket_is_handed_to_the_loop(environ: dict[str, Any], loop: FakeLoop) -> None:
    answer = serve_websocket(runtime.current(), environ)
    answer.done()
    assert (answer.status, answer.body) == (101, "")
    ((sock, ws, response, rejection, _),) = loop.adopted
    assert sock.fileno() != environ["werkzeug.socket"].fileno()
    assert response.status_code == 101
    assert response.headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert response.headers["Sec-WebSocket-Protocol"] == "dash-pipe.v1"
    assert "Sec-WebSocket-Extensions" not in response.headers
    assert rejection is None
    assert ws.subprotocol == "dash-pipe.v1"


@takes_over
def test_a_refusal_goes_along(environ: dict[str, Any], loop: FakeLoop) -> None:
    rejection = (Close.ORIGIN, "why")
    serve_websocket(runtime.current(), environ, rejection).done()
    assert loop.adopted[0][3] == rejection


def test_the_headers(environ: dict[str, Any]) -> None:
    headers = headers_of(environ | {"CONTENT_TYPE": "text/plain", "wsgi.url_scheme": "http"})
    assert headers["host"] == "app.org"
    assert headers["sec-websocket-version"] == "13"
    assert headers["content-type"] == "text/plain"
    assert "url-scheme" not in headers


@takes_over
def test_a_loop_that_fails_leaves_no_descriptor(environ: dict[str, Any], loop: FakeLoop) -> None:
    loop.error = RuntimeError("no loop")
    before = descriptors()
    with pytest.raises(RuntimeError, match="no loop"):
        serve_websocket(runtime.current(), environ)
    assert descriptors() == before


@takes_over
@pytest.mark.parametrize(
    "broken",
    [
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
def test_a_broken_handshake_is_a_bad_request(
    broken: dict[str, str], environ: dict[str, Any], loop: FakeLoop
) -> None:
    before = descriptors()
    answer = serve_websocket(runtime.current(), environ | broken)
    answer.done()
    assert answer.status == 400
    assert answer.body
    assert not loop.adopted
    assert descriptors() == before


def test_no_socket_is_said_once(
    environ: dict[str, Any], loop: FakeLoop, caplog: pytest.LogCaptureFixture
) -> None:
    del environ["werkzeug.socket"]
    environ["SERVER_SOFTWARE"] = "waitress"
    for _ in range(3):
        answer = serve_websocket(runtime.current(), environ)
        answer.done()
        assert answer.status == 501
        assert "waitress does not let an app use its sockets" in answer.body
        assert "gunicorn" in answer.body
    assert [record.message for record in caplog.records] == [answer.body]
    assert not loop.adopted


class Encrypted(socket.socket):
    def getpeercert(self) -> None: ...


@takes_over
def test_why_there_is_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as sock, Encrypted() as encrypted:
        assert find_socket({"werkzeug.socket": sock}) == (sock, "")
        assert find_socket({"gunicorn.socket": sock}) == (sock, "")
        for environ, reason in [
            ({}, "this server does not let an app use its sockets"),
            ({"SERVER_SOFTWARE": "mod_wsgi/5"}, "mod_wsgi/5 does not let"),
            ({"werkzeug.socket": object()}, "does not let an app"),
            ({"gunicorn.socket": encrypted}, "TLS ends inside this server"),
        ]:
            found, said = find_socket(environ)
            assert found is None
            assert reason in said
            assert "The way out: " in said
        # Where a socket is no descriptor it holds a thread; that has to be one of many.
        monkeypatch.setattr(takeover, "is_descriptor", lambda sock: False)
        assert find_socket({"werkzeug.socket": sock, "wsgi.multithread": True}) == (sock, "")
        assert "the only thread" in find_socket({"werkzeug.socket": sock})[1]


@takes_over
def test_many_at_once_keep_to_their_own(loop: FakeLoop, environ: dict[str, Any]) -> None:
    pairs = [socket.socketpair() for _ in range(16)]
    answers: list[Any] = []

    def serve(server: socket.socket) -> None:
        answers.append(serve_websocket(runtime.current(), environ | {"werkzeug.socket": server}))

    threads = [threading.Thread(target=serve, args=(server,)) for _, server in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        answer.done()
    for sock, *_ in loop.adopted:
        sock.send(b"!")
    for browser, server in pairs:
        browser.settimeout(5)
        assert browser.recv(10) == b"!"
        browser.close()
        server.close()


@takes_over
def test_under_gevent_a_greenlet_has_the_socket(
    environ: dict[str, Any], ends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greenlets, "are_threads", lambda: True)
    answer = serve_websocket(runtime.current(), environ)
    ends[1].sendall(b"what the server answers goes nowhere")
    ends[1].close()
    answer.done()
    assert answer.status == 101
    assert ends[0].recv(12) == b"HTTP/1.1 101"


def test_what_is_no_descriptor_stays_where_it_is(
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
    assert serving.is_alive()  # as long as the browser is there
    ends[0].close()
    serving.join(10)
    (answer,) = answers
    assert answer.status == 101


@takes_over
def test_a_socket_is_a_descriptor_here() -> None:
    with socket.socket() as sock:
        assert takeover.is_descriptor(sock)
    assert not takeover.is_descriptor(sock)
