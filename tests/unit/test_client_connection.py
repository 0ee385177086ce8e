"""The client's websocket, against servers with different answers to a handshake."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from dash_pipe.client import WebSocketConnection
from dash_pipe.client.handshake import client_protocol
from dash_pipe.errors import EndpointUnavailableError, HandshakeRejectedError
from unit.http_server import answering, running


@contextmanager
def websocket(handler: Any, **options: Any) -> Iterator[str]:
    with serve(handler, "127.0.0.1", 0, **options) as server, running(server):
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/app/_pipe/"


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 500])
def test_http_response_raises_handshake_rejected_with_advice(status: int) -> None:
    with answering(status) as base, pytest.raises(HandshakeRejectedError) as caught:
        WebSocketConnection(base).__enter__()
    text = str(caught.value)
    assert caught.value.status == status
    assert text.startswith(f"no dash-pipe endpoint at {base}: ws://")
    assert f"answered HTTP {status}" in text
    assert "which ends with _pipe/, such as http://localhost:8050/_pipe/" in text
    assert ("a guard of the app" in text) == (status in (401, 403))


@pytest.mark.parametrize("status", [502, 503, 504])
def test_bad_gateway_raises_endpoint_unavailable(status: int) -> None:
    with answering(status) as base, pytest.raises(EndpointUnavailableError) as caught:
        WebSocketConnection(base).__enter__()
    assert not isinstance(caught.value, HandshakeRejectedError)


def test_server_without_websockets_raises_with_its_reason() -> None:
    with answering(501, b"this server hides its sockets") as base:
        with pytest.raises(HandshakeRejectedError, match="this server hides its sockets") as caught:
            WebSocketConnection(base).__enter__()
        assert "no dash-pipe endpoint" not in str(caught.value)


def test_unreachable_server_raises_endpoint_unavailable() -> None:
    with pytest.raises(EndpointUnavailableError, match="can't be reached") as caught:
        WebSocketConnection("http://127.0.0.1:9/_pipe/").__enter__()
    assert not isinstance(caught.value, HandshakeRejectedError)


def test_server_with_http_1_0_raises_handshake_rejected() -> None:
    with (
        answering(404, version="HTTP/1.0") as base,
        pytest.raises(HandshakeRejectedError, match="no dash-pipe endpoint") as caught,
    ):
        WebSocketConnection(base).__enter__()
    assert caught.value.status is None


def test_server_without_our_subprotocol_raises_handshake_rejected() -> None:
    speaks = r"does not speak dash-pipe\.v1"
    with (
        websocket(lambda socket: socket.recv()) as base,
        pytest.raises(HandshakeRejectedError, match=speaks),
    ):
        WebSocketConnection(base).__enter__()


def test_connection_sends_receives_and_reports_the_close_code() -> None:
    seen: list[Any] = []

    def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        headers = socket.request.headers
        seen.extend([socket.request.path, headers["Cookie"], headers["Origin"]])
        socket.send(f"got {socket.recv()!r}")
        socket.close(4403, "not from there")

    with websocket(handler, subprotocols=["dash-pipe.v1"]) as base:
        connection = WebSocketConnection(
            base, headers=[("Cookie", "session=1")], origin="http://app.org"
        )
        with connection:
            with pytest.raises(TimeoutError):
                connection.receive(0.0)
            connection.send("hello")
            assert connection.receive(10) == "got 'hello'"
            with pytest.raises(EndpointUnavailableError, match="4403 not from there") as caught:
                connection.receive(10)
            with pytest.raises(EndpointUnavailableError):
                connection.send("still there?")
    assert caught.value.code == 4403
    assert seen == ["/app/_pipe/ws", "session=1", "http://app.org"]


def test_broken_connection_raises_with_code_1006() -> None:
    def handler(socket: ServerConnection) -> None:
        socket.socket.close()

    with (
        websocket(handler, subprotocols=["dash-pipe.v1"]) as base,
        WebSocketConnection(base) as connection,
        pytest.raises(EndpointUnavailableError) as caught,
    ):
        connection.receive(10)
    assert caught.value.code == 1006


def test_client_protocol_requests_our_subprotocol() -> None:
    request = client_protocol("ws://app.org/_pipe/ws", origin="http://app.org").connect()
    assert request.path == "/_pipe/ws"
    assert request.headers["Sec-WebSocket-Protocol"] == "dash-pipe.v1"
    assert request.headers["Origin"] == "http://app.org"
    assert "Sec-WebSocket-Extensions" not in request.headers
