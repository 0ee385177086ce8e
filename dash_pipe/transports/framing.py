"""Frame a websocket: bytes to texts, and back. Sans-IO: the caller carries the bytes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import cast

from websockets.frames import Frame as WebsocketFrame
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ..protocol import (
    MAX_FRAME_BYTES,
    SUBPROTOCOL,
    Close,
    Frame,
    choose_subprotocol,
    close_reason,
)

# websockets would log every malformed handshake and frame that a client sends.
_quiet = logging.getLogger("dash_pipe.websocket")
_quiet.setLevel(logging.CRITICAL + 1)


def websocket() -> ServerProtocol:
    """Return the server's side of a handshake: our subprotocol, and no compression."""
    return ServerProtocol(
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        select_subprotocol=_select_subprotocol,
        logger=_quiet,
    )


def _select_subprotocol(
    protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    chosen = choose_subprotocol(offered)
    return None if chosen is None else Subprotocol(chosen)


def encoded(frame: Frame) -> bytes:
    """Return a frame as a websocket message: the same bytes for every browser.

    A server does not mask its messages, and none is compressed.
    """
    if frame.websocket_bytes is None:
        message = WebsocketFrame(Opcode.TEXT, frame.text.encode())
        frame.websocket_bytes = message.serialize(mask=False, extensions=[])
    return frame.websocket_bytes


class Framing:
    """Keep the state of an open websocket, after its handshake."""

    __slots__ = ("_text", "_ws")

    def __init__(self) -> None:
        # A new one: that of the handshake would keep the request, 4 KiB for each browser.
        self._ws = Protocol(Side.SERVER, state=State.OPEN, max_size=MAX_FRAME_BYTES, logger=_quiet)
        self._text = b""  # the first parts of a message; Protocol bounds them

    @property
    def open(self) -> bool:
        """Return whether messages may be sent."""
        return self._ws.state is State.OPEN

    @property
    def closed(self) -> tuple[int, str] | None:
        """The code and reason with which this side closed it; None if the browser did."""
        sent = self._ws.close_sent
        return None if sent is None or self._ws.close_rcvd_then_sent else (sent.code, sent.reason)

    @property
    def ending(self) -> bool:
        """Return whether only the browser's end of the connection is still awaited."""
        return self._ws.close_expected()

    def receive(self, data: bytes) -> Iterator[str]:
        """Take bytes from a browser, none at its end; yield texts. Other messages close it."""
        if data:
            self._ws.receive_data(data)
        else:
            self._ws.receive_eof()
        for event in self._ws.events_received():
            frame = cast(WebsocketFrame, event)
            if frame.opcode is Opcode.BINARY:
                self.close(Close.UNSUPPORTED, "expected a text frame, got a binary one")
            elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
                self._text += frame.data
                if frame.fin:
                    yield from self._message()

    def close(self, code: Close, reason: str) -> None:
        """Close the websocket. Closing it twice is allowed."""
        if self.open:
            self._ws.send_close(code, close_reason(reason))

    def data_to_send(self) -> list[bytes]:
        """Return the pieces to write now; an empty piece is the end of the stream."""
        return self._ws.data_to_send()

    def _message(self) -> Iterator[str]:
        data, self._text = self._text, b""
        try:
            yield data.decode()
        except UnicodeDecodeError:
            self.close(Close.NOT_TEXT, "a text frame is not valid UTF-8")
