"""The sans-IO half of a websocket: bytes in, texts out, and back. Whatever carries the bytes."""

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

# What a stranger sends is not news for the server's log; websockets would tell it there.
_quiet = logging.getLogger("dash_pipe.websocket")
_quiet.setLevel(logging.CRITICAL + 1)


def websocket() -> ServerProtocol:
    """The half of a handshake: our subprotocol, and no compression."""
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
    """A frame as a websocket message: the same bytes for every browser.

    What a server sends is not masked, and nothing is compressed.
    """
    if frame.websocket_bytes is None:
        message = WebsocketFrame(Opcode.TEXT, frame.text.encode())
        frame.websocket_bytes = message.serialize(mask=False, extensions=[])
    return frame.websocket_bytes


class Framing:
    """An open websocket, after its handshake."""

    __slots__ = ("_text", "_ws")

    def __init__(self) -> None:
        # A fresh one, rather than the handshake's, which would keep the request: 4 KiB a browser.
        self._ws = Protocol(Side.SERVER, state=State.OPEN, max_size=MAX_FRAME_BYTES, logger=_quiet)
        self._text = b""  # of a message that comes in parts; Protocol bounds it

    @property
    def open(self) -> bool:
        """Whether messages may be sent."""
        return self._ws.state is State.OPEN

    @property
    def ending(self) -> bool:
        """Whether the browser's end of the connection is all that is waited for."""
        return self._ws.close_expected()

    def receive(self, data: bytes) -> Iterator[str]:
        """Take bytes from a browser; none is its end. What is no text closes the websocket."""
        if data:
            self._ws.receive_data(data)
        else:
            self._ws.receive_eof()
        for event in self._ws.events_received():
            frame = cast(WebsocketFrame, event)
            if frame.opcode is Opcode.BINARY:
                self.close(Close.UNSUPPORTED, "frames are text")
            elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
                self._text += frame.data
                if frame.fin:
                    yield from self._message()

    def close(self, code: Close, reason: str) -> None:
        """Close the websocket; more than once does no harm."""
        if self.open:
            self._ws.send_close(code, close_reason(reason))

    def data_to_send(self) -> list[bytes]:
        """What is to be written now; an empty piece is the end of the stream."""
        return self._ws.data_to_send()

    def _message(self) -> Iterator[str]:
        data, self._text = self._text, b""
        try:
            yield data.decode()
        except UnicodeDecodeError:
            self.close(Close.NOT_TEXT, "text is UTF-8")
