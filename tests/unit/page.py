"""A browser at the other end of a connection, on a fake transport."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.uri import parse_uri

from dash_pipe import runtime
from dash_pipe.auth.call_app import OpenRequest
from dash_pipe.client import encode
from dash_pipe.hub.connection import Connection, connect
from dash_pipe.hub.hub import Hub
from dash_pipe.protocol import SUBPROTOCOL, Close, Subscribe
from dash_pipe.transports.asyncio_socket import AsyncioSocket
from dash_pipe.transports.framing import websocket
from unit.fakes import Room

BUFFER = bytearray(64 * 1024)


class Transport(asyncio.Transport):
    """A fake transport that records what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = self.aborted = self.paused = False

    def write(self, data: Any) -> None:
        assert not self.closed, "written after the end"
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Looped:
    """A fake LoopHub with the loop and the clock of the test."""

    def __init__(self, hub: Hub) -> None:
        self.runtime = runtime.current()
        self._hub = hub
        self.disconnect = hub.disconnect
        self.resolve_authorization = hub.resolve_authorization
        self.resolve_renewal = hub.resolve_renewal

    def connect(self, *arguments: Any) -> Connection | None:
        *most, _address, renew = arguments
        return connect(self._hub, *most, renew)


class Page:
    """A browser at the other end of a connection: websockets' own client, fed by hand."""

    def __init__(
        self,
        room: Room,
        subprotocols: list[str] | None = None,
        rejection: tuple[Close, str] | None = None,
        open_request: OpenRequest | None = None,
    ) -> None:
        offered: Any = [SUBPROTOCOL] if subprotocols is None else subprotocols
        self.ws = ClientProtocol(
            parse_uri("ws://app.org/_pipe/ws"),
            subprotocols=offered or None,
            extensions=[ClientPerMessageDeflateFactory()],
        )
        self.ws.send_request(self.ws.connect())
        server = websocket()
        server.receive_data(b"".join(self.ws.data_to_send()))
        (request,) = server.events_received()
        assert isinstance(request, Request)
        self.gone: list[AsyncioSocket] = []
        self.transport = Transport()
        response = server.accept(request)
        hub: Any = Looped(room.hub)
        self.connection = AsyncioSocket(
            hub, server, response, rejection, open_request, BUFFER, self.gone.append
        )
        self.connection.connection_made(self.transport)
        self.frames = self.read()[1:]

    @property
    def closed(self) -> tuple[int, str] | None:
        """Return the code and the reason of the server's close frame."""
        close = self.ws.close_rcvd
        return (close.code, close.reason) if close else None

    @property
    def close_code(self) -> int | None:
        return self.closed[0] if self.closed else None

    def read(self) -> list[Any]:
        """Return the events since the last call: the answer to the handshake, frames."""
        written, self.transport.written = self.transport.written, []
        for data in written:
            self.ws.receive_data(data)
        assert self.ws.parser_exc is None
        return self.ws.events_received()

    def sends(self, send: Callable[..., None], *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """Let the client send; return the answers."""
        send(*args, **kwargs)
        return self.deliver(b"".join(self.ws.data_to_send()))

    def deliver(self, data: bytes) -> list[dict[str, Any]]:
        for at in range(0, len(data), len(BUFFER)):
            part = data[at : at + len(BUFFER)]
            buffer = self.connection.get_buffer(-1)
            buffer[: len(part)] = part
            self.connection.buffer_updated(len(part))
        frames = [event for event in self.read() if event.opcode is Opcode.TEXT]
        return [json.loads(frame.data) for frame in frames]

    def subscribe(self, channel: str = "jobs") -> list[dict[str, Any]]:
        return self.sends(self.ws.send_text, subscription(channel))


def subscription(channel: str = "jobs") -> bytes:
    return encode(Subscribe(channel, None)).encode()


def run_with_page(room: Room, test: Callable[[Page], None], **page: Any) -> None:
    """Run a test with a page, on a loop."""

    async def main() -> None:
        test(Page(room, **page))

    asyncio.run(main())


def with_page(test: Callable[..., None]) -> Callable[[Room], None]:
    def run(room: Room) -> None:
        run_with_page(room, lambda page: test(room, page))

    return run
