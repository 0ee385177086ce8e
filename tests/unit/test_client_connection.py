"""The client's websocket, against servers with different answers to a handshake."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from dash_pipe.client import AsyncWebSocketConnection, WebSocketConnection
from dash_pipe.client.handshake import client_protocol
from dash_pipe.errors import EndpointUnavailableError, HandshakeRejectedError
from unit.http_server import answering, running


@contextmanager
def websocket(handler: Any, **options: Any) -> Iterator[str]:
    with serve(handler, "127.0.0.1", 0, **options) as server, running(server):
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/app/_pipe/"


def in_thread(base: str) -> None:
    with WebSocketConnection(base) as connection:
        connection.receive(10)


def on_loop(base: str) -> None:
    async def receive() -> None:
        async with AsyncWebSocketConnection(base) as connection:
            await connection.receive(10)

    asyncio.run(receive())


@pytest.fixture(params=[in_thread, on_loop])
def receive(request: pytest.FixtureRequest) -> Any:
    """Open a connection in one of two ways, and wait for a frame."""
    return request.param


Receive = Callable[[str], None]


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 500])
def test_http_response_raises_handshake_rejected_with_advice(status: int, receive: Receive) -> None:
    with answering(status) as base, pytest.raises(HandshakeRejectedError) as caught:
        receive(base)
    text = str(caught.value)
    assert caught.value.status == status
    assert text.startswith(f"no dash-pipe endpoint at {base}: ws://")
    assert f"answered HTTP {status}" in text
    assert "which ends with _pipe/, such as http://localhost:8050/_pipe/" in text
    assert ("a guard of the app" in text) == (status in (401, 403))


@pytest.mark.parametrize("status", [502, 503, 504])
def test_bad_gateway_raises_endpoint_unavailable(status: int, receive: Receive) -> None:
    with answering(status) as base, pytest.raises(EndpointUnavailableError) as caught:
        receive(base)
    assert not isinstance(caught.value, HandshakeRejectedError)


def test_server_without_websockets_raises_with_its_reason(receive: Receive) -> None:
    with answering(501, b"this server hides its sockets") as base:
        with pytest.raises(HandshakeRejectedError, match="this server hides its sockets") as caught:
            receive(base)
        assert "no dash-pipe endpoint" not in str(caught.value)


def test_unreachable_server_raises_endpoint_unavailable(receive: Receive) -> None:
    with pytest.raises(EndpointUnavailableError, match="can't be reached") as caught:
        receive("http://127.0.0.1:9/_pipe/")
    assert not isinstance(caught.value, HandshakeRejectedError)


def test_server_with_http_1_0_raises_handshake_rejected(receive: Receive) -> None:
    with (
        answering(404, version="HTTP/1.0") as base,
        pytest.raises(HandshakeRejectedError, match="no dash-pipe endpoint") as caught,
    ):
        receive(base)
    assert caught.value.status is None


def test_server_without_our_subprotocol_raises_handshake_rejected(receive: Receive) -> None:
    speaks = r"does not speak dash-pipe\.v1"
    with (
        websocket(lambda socket: socket.recv()) as base,
        pytest.raises(HandshakeRejectedError, match=speaks),
    ):
        receive(base)


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


def test_async_connection_sends_receives_and_reports_the_close_code() -> None:
    seen: list[Any] = []

    def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.append(socket.request.headers["Cookie"])
        socket.send(f"got {socket.recv()!r}")
        socket.close(4403, "not from there")

    async def talk(base: str) -> None:
        async with AsyncWebSocketConnection(base, headers=[("Cookie", "a=1")]) as connection:
            with pytest.raises(TimeoutError):
                await connection.receive(0.0)
            await connection.send("hello")
            seen.append(await connection.receive(10))
            with pytest.raises(EndpointUnavailableError, match="4403 not from there") as caught:
                await connection.receive(10)
            seen.append(caught.value.code)
            with pytest.raises(EndpointUnavailableError):
                await connection.send("still there?")

    with websocket(handler, subprotocols=["dash-pipe.v1"]) as base:
        asyncio.run(talk(base))
    assert seen == ["a=1", "got 'hello'", 4403]


@pytest.mark.parametrize("location", ["/login", "http://127.0.0.1:9/login"])
def test_redirect_raises_handshake_rejected(location: str, receive: Receive) -> None:
    with (
        answering(302, headers={"Location": location}) as base,
        pytest.raises(HandshakeRejectedError, match="no dash-pipe endpoint"),
    ):
        receive(base)


def test_broken_connection_raises_with_code_1006(receive: Receive) -> None:
    def handler(socket: ServerConnection) -> None:
        socket.socket.close()

    with (
        websocket(handler, subprotocols=["dash-pipe.v1"]) as base,
        pytest.raises(EndpointUnavailableError) as caught,
    ):
        receive(base)
    assert caught.value.code == 1006


def test_client_protocol_requests_our_subprotocol() -> None:
    request = client_protocol("ws://app.org/_pipe/ws", origin="http://app.org").connect()
    assert request.path == "/_pipe/ws"
    assert request.headers["Sec-WebSocket-Protocol"] == "dash-pipe.v1"
    assert request.headers["Origin"] == "http://app.org"
    assert "Sec-WebSocket-Extensions" not in request.headers
