"""One websocket on an asyncio transport: bytes to frames for the hub, and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import cast

from websockets.frames import Frame as WebsocketFrame
from websockets.frames import Opcode
from websockets.http11 import Response
from websockets.protocol import Protocol, Side, State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ..access import Refusal
from ..protocol import MAX_FRAME_BYTES, SUBPROTOCOL, Close, Denied, Frame, Subscribe
from ..session import Session
from .guard import OpenRequest
from .loophub import LoopHub

CLOSE_TIMEOUT = 10.0  # seconds that a browser has to answer our close

# What a stranger sends is not news for the server's log; websockets would tell it there.
_quiet = logging.getLogger("dash_pipe.websocket")
_quiet.setLevel(logging.CRITICAL + 1)


def websocket() -> ServerProtocol:
    """The sans-IO half of a handshake: our subprotocol, and no compression."""
    return ServerProtocol(
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        select_subprotocol=_select_subprotocol,
        logger=_quiet,
    )


def _select_subprotocol(
    protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    """Choose ours; else what is offered, so that the browser stays to read why it is closed."""
    if SUBPROTOCOL in offered:
        return Subprotocol(SUBPROTOCOL)
    return offered[0] if offered else None


class Connection(asyncio.BufferedProtocol):
    """A browser's websocket, from the answer to its handshake to the end.

    Args:
        hub: whom the browser talks to.
        ws: a websocket whose handshake was accepted.
        response: the answer to the handshake, which is sent first.
        refusal: why the browser may not stay, if so; it is told by the close code, since a
            browser is not shown the answer to a failed handshake.
        open_request: brings the request back for ``authorize``; ``None`` where nobody asks.
        buffer: where bytes arrive. The connections of a loop share it: each is done with what
            came before it gives the loop back.
        gone: called once, when the connection has ended.
    """

    def __init__(
        self,
        hub: LoopHub,
        ws: ServerProtocol,
        response: Response,
        refusal: Refusal | None,
        open_request: OpenRequest | None,
        buffer: bytearray,
        gone: Callable[[Connection], None],
    ) -> None:
        self._hub = hub
        self._handshake: tuple[ServerProtocol, Response] | None = (ws, response)
        self._refusal = refusal
        self._open_request = open_request
        self._buffer = buffer
        self._gone = gone
        self._text = b""  # of a message that comes in parts; ServerProtocol bounds it
        # A fresh one, rather than the handshake's, which would keep the request: 4 KiB a browser.
        self._ws = Protocol(Side.SERVER, state=State.OPEN, max_size=MAX_FRAME_BYTES, logger=_quiet)
        self._session: Session | None = None
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._clogged = False  # the browser does not read
        self._asking: asyncio.Task[None] | None = None  # the app, whether it may listen

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer the handshake and bring the browser to the hub."""
        self._transport = cast(asyncio.Transport, transport)
        assert self._handshake is not None
        (ws, response), self._handshake = self._handshake, None
        ws.send_response(response)
        self._transport.writelines(ws.data_to_send())
        if self._refusal is not None:
            self.close(*self._refusal)
        elif ws.subprotocol not in (None, SUBPROTOCOL):
            self.close(Close.VERSION, f"this server speaks {SUBPROTOCOL}")
        else:
            self._session = self._hub.connect(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes from the browser."""
        self._ws.receive_data(bytes(memoryview(self._buffer)[:nbytes]))
        for event in self._ws.events_received():
            self._receive(cast(WebsocketFrame, event))
        self._write()

    def eof_received(self) -> None:
        """The browser has gone away."""
        self._ws.receive_eof()
        self._write()

    def pause_writing(self) -> None:
        """Take nothing more from a browser that does not read: what it asks for would pile up."""
        self._clogged = True
        self._listen()

    def resume_writing(self) -> None:
        """Listen to it again."""
        self._clogged = False
        self._listen()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the browser."""
        self._transport = None
        if self._deadline is not None:
            self._deadline.cancel()
        if self._asking is not None:
            self._asking.cancel()
        if self._session is not None:
            self._hub.disconnect(self._session)
        self._gone(self)

    # The hub calls these; see Outlet

    def send(self, frame: Frame) -> None:
        """Send a frame; see ``Outlet``."""
        if self._transport is None or self._ws.state is not State.OPEN:
            return
        if frame.wire is None:
            # The same bytes serve every browser: what a server sends is not masked.
            wire = WebsocketFrame(Opcode.TEXT, frame.text.encode())
            frame.wire = wire.serialize(mask=False, extensions=[])
        self._transport.write(frame.wire)

    def close(self, code: Close, reason: str) -> None:
        """Close the connection; see ``Outlet``."""
        if self._transport is None or self._ws.state is not State.OPEN:
            return
        self._ws.send_close(code, reason)
        self._write()

    def permit(self, request: Subscribe) -> Denied | None:
        """Ask the app; see ``Outlet``."""
        if self._open_request is None or self._session is None:
            return frozenset()
        asking = self._hub.ask(self._session, request, self._open_request)
        self._asking = asyncio.get_running_loop().create_task(asking)
        self._asking.add_done_callback(self._asked)
        self._listen()
        return None

    # Inside

    def _asked(self, asking: asyncio.Task[None]) -> None:
        # What waited for this verdict may have asked for the next one.
        if self._asking is asking:
            self._asking = None
            self._listen()

    def _listen(self) -> None:
        """Read from the browser, unless something has to come first."""
        if self._transport is None:
            return
        if self._clogged or self._asking is not None:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _receive(self, frame: WebsocketFrame) -> None:
        if frame.opcode is Opcode.BINARY:
            self.close(Close.UNSUPPORTED, "frames are text")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._text += frame.data
            if frame.fin:
                data, self._text = self._text, b""
                self._receive_text(data)

    def _receive_text(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.close(Close.NOT_TEXT, "text is UTF-8")
            return
        if self._session is not None:
            self._hub.receive(self._session, text)

    def _write(self) -> None:
        """Send what the websocket has to say, and end the connection when it is over."""
        transport = self._transport
        if transport is None:
            return
        for data in self._ws.data_to_send():
            if data:
                transport.write(data)
            else:  # websockets' sign for the end of the stream
                transport.close()
        if self._ws.close_expected() and self._deadline is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(CLOSE_TIMEOUT, transport.abort)
