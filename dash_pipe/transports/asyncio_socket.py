"""One websocket on an asyncio transport: bytes to frames for the hub, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from websockets.http11 import Response
from websockets.server import ServerProtocol

from ..auth.call_app import OpenRequest
from ..hub.authorization import allow_all
from ..hub.connection import Connection
from ..protocol import CLOSE_TIMEOUT, Close, Frame, Rejection, version_rejection
from ..telemetry.statistics import note_close
from .framing import Framing, encoded
from .loop_authorize import LoopAuthorize
from .loop_hub import LoopHub


class AsyncioSocket(asyncio.BufferedProtocol):
    """Serve a browser's websocket from the answer to its handshake to its end.

    Args:
        hub: the hub for the browser.
        ws: a websocket whose handshake was accepted.
        response: the answer to the handshake, which is sent first.
        rejection: why the browser is rejected, if it is. The close code states it, since a page
            can't read the answer to a failed handshake.
        open_request: opens the request for ``authorize``; ``None`` if there is no ``authorize``.
        buffer: receives the bytes. The connections of a loop share it: each has read it before the
            loop goes on.
        gone: called once, when the connection has ended.
        address: the address that the browser counts under, if addresses are counted.
    """

    def __init__(
        self,
        hub: LoopHub,
        ws: ServerProtocol,
        response: Response,
        rejection: Rejection | None,
        open_request: OpenRequest | None,
        buffer: bytearray,
        gone: Callable[[AsyncioSocket], None],
        address: str | None = None,
    ) -> None:
        self._hub = hub
        self._handshake: tuple[ServerProtocol, Response] | None = (ws, response)
        self._rejection = rejection
        self._authorize = open_request and LoopAuthorize(hub, open_request, self._update_reading)
        self._buffer = buffer
        self._gone = gone
        self._address = address
        self._framing = Framing()
        self._connection: Connection | None = None
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._writing_paused = False  # the browser does not read

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer the handshake, and connect the browser to the hub."""
        self._transport = cast(asyncio.Transport, transport)
        assert self._handshake is not None
        (ws, response), self._handshake = self._handshake, None
        ws.send_response(response)
        self._transport.writelines(ws.data_to_send())
        if (rejection := self._rejection or version_rejection(ws.subprotocol)) is not None:
            self.close(*rejection)
        else:
            authorize = self._authorize or allow_all
            renew = None if self._authorize is None else self._authorize.renew
            self._connection = self._hub.connect(
                self, authorize, ws.subprotocol, self._address, renew
            )

    def get_buffer(self, sizehint: int) -> bytearray:
        """Return the buffer for the next bytes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes from the browser."""
        self._receive(bytes(memoryview(self._buffer)[:nbytes]))

    def eof_received(self) -> None:
        """Take the end of the browser's bytes."""
        self._receive(b"")

    def pause_writing(self) -> None:
        """Stop reading from a browser that does not read: the answers to it would pile up."""
        self._writing_paused = True
        self._update_reading()

    def resume_writing(self) -> None:
        """Read from the browser again."""
        self._writing_paused = False
        self._update_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Disconnect the browser from the hub."""
        self._transport = None
        if self._deadline is not None:
            self._deadline.cancel()
        if self._authorize is not None:
            self._authorize.cancel()
        if self._connection is not None:
            self._hub.disconnect(self._connection.session)
        if (closed := self._framing.closed) is not None:
            note_close(self._hub.runtime, *closed)
        self._gone(self)

    # The hub calls these; see Transport

    def send(self, frame: Frame) -> None:
        """Send a frame; see ``Transport``."""
        if self._transport is not None and self._framing.open:
            self._transport.write(encoded(frame))

    def close(self, code: Close, reason: str) -> None:
        """Close the connection; see ``Transport``."""
        self._framing.close(code, reason)
        self._write()

    def abort(self) -> None:
        """Close the connection at once, without waiting for the browser."""
        if self._transport is not None:
            self._transport.abort()

    # Inside

    def _update_reading(self) -> None:
        """Read from the browser, unless it does not read or waits for ``authorize``."""
        if self._transport is None:
            return
        if self._writing_paused or (
            self._authorize is not None and self._authorize.task is not None
        ):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _receive(self, data: bytes) -> None:
        for text in self._framing.receive(data):
            if self._connection is not None:
                self._connection.receive(text)
        self._write()

    def _write(self) -> None:
        """Write the output of the websocket; close the connection at the end of it."""
        transport = self._transport
        if transport is None:
            return
        for data in self._framing.data_to_send():
            if data:
                transport.write(data)
            else:  # websockets' sign for the end of the stream
                transport.close()
        if self._framing.ending and self._deadline is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(CLOSE_TIMEOUT, transport.abort)
