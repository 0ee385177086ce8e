"""One websocket on an ASGI server: its events to frames for the hub, and back."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from ..auth.call_app import OpenRequest
from ..hub.authorization import allow_all
from ..hub.connection import Connection
from ..protocol import CLOSE_TIMEOUT, MAX_FRAME_BYTES, Close, Frame, close_reason
from ..telemetry.events import log_event
from ..telemetry.statistics import note_close
from .loop_authorize import LoopAuthorize
from .loop_hub import LoopHub

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

PLAIN_CODE = 1000  # of a close; a page reconnects after it, with backoff

# Since Python 3.12, a send that does not wait (nearly every one) is done when its task has been
# created. It costs no turn of the loop.
_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}

logger = logging.getLogger("dash_pipe")


class AsgiSocket:
    """Serve a browser's websocket from its acceptance to its end.

    One task at a time sends events: the first, then those that were queued meanwhile. The queue is
    bounded: for messages by flow control (see ``Session``), for answers because no frame is read
    from the browser while events are queued.

    Args:
        hub: the hub for the browser.
        receive: returns the server's next event.
        send: sends an event to the server.
        open_request: opens the request for ``authorize``; ``None`` if there is no ``authorize``.
        subprotocol: the one that was agreed on in the handshake.
        address: the address that the browser counts under, if addresses are counted.
    """

    __slots__ = (
        "_abandoned",
        "_address",
        "_authorize",
        "_closed",
        "_connection",
        "_deadline",
        "_hub",
        "_reader",
        "_receive",
        "_send",
        "_sending",
        "_subprotocol",
        "_waiting",
    )

    def __init__(
        self,
        hub: LoopHub,
        receive: Receive,
        send: Send,
        open_request: OpenRequest | None,
        subprotocol: str | None,
        address: str | None = None,
    ) -> None:
        self._hub = hub
        self._receive = receive
        self._send = send
        self._authorize = open_request and LoopAuthorize(hub, open_request, _ignore_change)
        self._subprotocol = subprotocol
        self._address = address
        self._connection: Connection | None = None
        self._reader = asyncio.current_task()
        self._waiting: deque[Event] | None = None  # created when a send first has to wait
        self._sending: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._closed = False
        self._abandoned = False

    async def serve(self) -> None:
        """Serve the websocket; return when the browser has gone or the websocket was closed."""
        authorize = self._authorize or allow_all
        renew = None if self._authorize is None else self._authorize.renew
        self._connection = self._hub.connect(
            self, authorize, self._subprotocol, self._address, renew
        )
        try:
            while (event := await self._receive())["type"] == "websocket.receive":
                self._take(event)
                await self._settle()
            if event.get("code") == Close.TOO_LARGE and not self._closed:  # by the server itself
                note_close(self._hub.runtime, Close.TOO_LARGE, "a frame above the server's limit")
        except asyncio.CancelledError:
            if not self._abandoned:
                raise
            if sys.version_info >= (3, 11) and self._reader is not None:
                self._reader.uncancel()
        finally:
            self._end()

    # The hub calls these; see Transport

    def send(self, frame: Frame) -> None:
        """Send a frame; see ``Transport``."""
        if not self._closed:
            self._put({"type": "websocket.send", "text": frame.text})

    def close(self, code: Close, reason: str) -> None:
        """Close the connection; see ``Transport``."""
        if self._closed:
            return
        note_close(self._hub.runtime, code, reason)
        reason = close_reason(reason)
        self._put({"type": "websocket.close", "code": int(code), "reason": reason})
        self._closed = True
        self._deadline = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._abandon)

    # Inside

    def _take(self, event: Event) -> None:
        text = event.get("text")
        if text is None:
            self.close(Close.UNSUPPORTED, "expected a text frame, got a binary one")
        elif len(text) > MAX_FRAME_BYTES or len(text.encode()) > MAX_FRAME_BYTES:
            self.close(Close.TOO_LARGE, f"a frame has at most {MAX_FRAME_BYTES} bytes")
        elif self._connection is not None:
            self._connection.receive(text)

    async def _settle(self) -> None:
        """Wait until the sends and the authorization that are under way are done."""
        while waits_for := self._tasks():
            await asyncio.wait(waits_for)

    def _tasks(self) -> set[asyncio.Task[None]]:
        """Return the tasks that are under way for the browser."""
        authorizing = None if self._authorize is None else self._authorize.task
        return {task for task in (authorizing, self._sending) if task is not None}

    def _put(self, event: Event) -> None:
        if self._sending is not None:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append(event)
            return
        loop = asyncio.get_running_loop()
        task = asyncio.Task(self._deliver(event), loop=loop, **_EAGER)
        if not task.done():
            self._sending = task

    async def _deliver(self, event: Event) -> None:
        """Send an event, then those that were queued meanwhile."""
        try:
            await self._send(event)
            while self._waiting:
                event = self._waiting.popleft()
                await self._send(event)
        except Exception as error:
            # Servers raise different exceptions if the browser has gone; `receive` reports it too.
            extra = log_event("browser_lost")
            logger.debug("dash-pipe: sending to a browser failed: %r", error, extra=extra)
            self._closed = True
            if event["type"] == "websocket.close":
                await self._close_plainly(event)
        self._sending = None

    async def _close_plainly(self, event: Event) -> None:
        """Close with a code that every server can send: daphne raises for 1001 to 2999."""
        with suppress(Exception):  # the browser has gone
            await self._send({**event, "code": PLAIN_CODE})

    def _abandon(self) -> None:
        """End the websocket of a browser that did not answer the close in time."""
        self._abandoned = True
        if self._reader is not None:
            self._reader.cancel()

    def _end(self) -> None:
        self._closed = True
        if self._deadline is not None:
            self._deadline.cancel()
        if self._authorize is not None:
            self._authorize.cancel()
        if self._sending is not None:
            self._sending.cancel()
        if self._connection is not None:
            self._hub.disconnect(self._connection.session)


def _ignore_change() -> None:
    pass
