"""The two ways to a server's frames: a websocket, or a hub of our own on the shared broker."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from .. import runtime
from ..hub.authorization import allow_all
from ..hub.hub import Hub
from ..protocol import SUBPROTOCOL, Close
from ..protocol import Frame as Encoded
from .exits import Exit, Failure
from .listener import Frame

if TYPE_CHECKING:
    from typing_extensions import Self
    from websockets.sync.client import ClientConnection

OPEN_TIMEOUT = 10.0  # seconds
MAX_FRAME_BYTES = 16 * 2**20  # from a server whose messages may be large
_FINAL = (Close.ORIGIN, Close.VERSION, 4401)


class Conversation(Protocol):
    """Frames to and from a server; a context manager, open while inside."""

    def __enter__(self) -> Self:
        """Open it; ``ConnectionError`` when it can't be now, ``Failure`` when it never can."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""

    def send(self, frame: Frame) -> None:
        """Send a frame."""

    def receive(self, timeout: float) -> Frame:
        """Wait for the next frame; ``TimeoutError``, or ``ConnectionError`` when it has ended."""


class Websocket:
    """A websocket of a running app or gateway.

    Args:
        url: of the endpoint, with a slash at the end.
    """

    def __init__(self, url: str) -> None:
        self._url = url.replace("http", "ws", 1) + "ws"
        self._socket: ClientConnection | None = None

    def __enter__(self) -> Self:
        """See ``Conversation``."""
        from websockets.exceptions import InvalidHandshake, InvalidMessage
        from websockets.sync.client import connect
        from websockets.typing import Subprotocol

        try:
            self._socket = connect(
                self._url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                max_size=MAX_FRAME_BYTES,
                open_timeout=OPEN_TIMEOUT,
            )
        except (OSError, InvalidMessage) as error:
            raise ConnectionError(f"{self._url} can't be reached: {error}") from error
        except InvalidHandshake as error:
            raise ConnectionError(f"{self._url} opens no websocket: {error}") from error
        if self._socket.subprotocol != SUBPROTOCOL:
            self._socket.close()
            raise Failure(Exit.USAGE, f"{self._url} does not speak {SUBPROTOCOL}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See ``Conversation``."""
        if self._socket is not None:
            self._socket.close()

    def send(self, frame: Frame) -> None:
        """See ``Conversation``."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, "a conversation is opened first"
        try:
            self._socket.send(json.dumps(frame))
        except ConnectionClosed as closed:
            raise _ended(self._url, closed) from closed

    def receive(self, timeout: float) -> Frame:
        """See ``Conversation``."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, "a conversation is opened first"
        try:
            frame: Frame = json.loads(self._socket.recv(timeout))
        except ConnectionClosed as closed:
            raise _ended(self._url, closed) from closed
        return frame


def _ended(url: str, closed: Exception) -> Exception:
    received = getattr(closed, "rcvd", None)
    if received is not None and received.code in _FINAL:
        return Failure(Exit.USAGE, f"{url} does not let us listen: {received.reason}")
    return ConnectionError(f"{url} ended the connection: {closed}")


class Local:
    """A hub of this process, with one session: what the broker of the settings has."""

    def __init__(self) -> None:
        current = runtime.current()
        self._frames = _Inbox()
        self._woken = threading.Event()
        self._hub = Hub(current.broker, current.policy, self._woken.set, time.monotonic)
        self._session = self._hub.connect(self._frames, allow_all)  # the broker can be read anyway

    def __enter__(self) -> Self:
        """See ``Conversation``."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See ``Conversation``."""
        self._hub.close(Close.GOING_AWAY, "the listener is going away")

    def receive(self, timeout: float) -> Frame:
        """See ``Conversation``."""
        deadline = time.monotonic() + timeout
        while not self._frames:
            now = time.monotonic()
            if now >= deadline:
                raise TimeoutError
            self._woken.wait(min(self._hub.beat(), deadline - now))
            self._woken.clear()
            self._hub.flush()
        return self._frames.popleft()

    def send(self, frame: Frame) -> None:
        """See ``Conversation``."""
        if self._session is not None:
            self._hub.receive(self._session, json.dumps(frame))


class _Inbox(deque[Frame]):
    """The hub's transport to the listener. The hub bounds it, as it waits for pongs."""

    def send(self, frame: Encoded) -> None:
        """See ``Transport``."""
        self.append(json.loads(frame.text))

    def close(self, code: Close, reason: str) -> None:
        """See ``Transport``; only ``Local`` itself ever ends it."""
