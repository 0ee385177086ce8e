"""A hub on an asyncio loop: woken by senders from any thread, beating while somebody listens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from .. import runtime
from ..hub.authorization import Authorize, Outcome
from ..hub.connection import Connection, connect
from ..hub.hub import Hub
from ..hub.session import Session, Transport
from ..protocol import Close

logger = logging.getLogger("dash_pipe")


class LoopHub:
    """A hub, and what ties it to its loop. Called on that loop alone.

    Args:
        loop: where the hub lives.
        idle: called when the last session has gone.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, idle: Callable[[], None]) -> None:
        current = runtime.current()
        current.serves()
        self._loop = loop
        self._idle = idle
        self._hub = Hub(current.broker, current.policy, self._wake, time.monotonic)
        self._beat: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._hub)

    def connect(
        self, transport: Transport, authorize: Authorize, subprotocol: str | None
    ) -> Connection | None:
        """Take a browser in; see ``hub.connection.connect``."""
        connection = connect(self._hub, transport, authorize, subprotocol)
        if self._beat is None:
            self._keep_beating()
        return connection

    def disconnect(self, session: Session) -> None:
        """Forget a session; see ``Hub.disconnect``."""
        self._hub.disconnect(session)
        if not len(self._hub):
            self._idle()

    def resolve_authorization(self, session: Session, outcome: Outcome) -> None:
        """Take an outcome that was pending; see ``Hub.resolve_authorization``."""
        self._hub.resolve_authorization(session, outcome)

    def close(self) -> None:
        """Say goodbye to everybody: the server is going away."""
        self._hub.close(Close.GOING_AWAY, "the server is going away")
        if self._beat is not None:
            self._beat.cancel()

    def _keep_beating(self) -> None:
        """Beat while there are sessions."""
        wait = self._hub.beat()
        self._beat = self._loop.call_later(wait, self._keep_beating) if len(self._hub) else None

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._hub.flush)
        except RuntimeError:
            # The loop has ended with its server; so have the browsers' connections.
            logger.debug("dash-pipe: a message came after the loop had ended")


_hubs: dict[asyncio.AbstractEventLoop, LoopHub] = {}


def running_hub() -> LoopHub:
    """The hub of the running loop: made for the first browser, gone with the last."""
    loop = asyncio.get_running_loop()

    if loop not in _hubs:
        hub = LoopHub(loop, lambda: _retire(loop, hub))
        _hubs[loop] = hub
    return _hubs[loop]


def _retire(loop: asyncio.AbstractEventLoop, hub: LoopHub) -> None:
    """Give up a hub whose last session has gone; another may have come in its place already."""
    if _hubs.get(loop) is hub:
        del _hubs[loop]
    hub.close()


def close_running_hub() -> None:
    """Say goodbye to the browsers of the running loop, if it has any."""
    if (hub := _hubs.get(asyncio.get_running_loop())) is not None:
        hub.close()
