"""A hub on an asyncio loop. Senders wake it from any thread; it beats while there are sessions."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from ..auth.addresses import Addresses
from ..concurrency.per_process import Part
from ..hub.authorization import Outcome
from ..hub.connection import Connection, connect
from ..hub.hub import Hub
from ..hub.session import Authorize, Grant, Renew, Session, Transport
from ..protocol import Close
from ..runtime import Runtime
from ..serving import note_page
from ..telemetry.events import log_event
from ..telemetry.statistics import note_full

GOODBYE_TIMEOUT = 2.0  # seconds that the end of a process may wait for its browsers to be told

logger = logging.getLogger("dash_pipe")


class LoopHub(Part):
    """Tie a hub to a loop; a part of the runtime. Call it on that loop alone, except ``end``.

    Args:
        runtime: has the broker that the hub reads.
        loop: a loop of our own, with which the hub stays. Without one the hub belongs to the
            running loop, and is discarded when its last session has gone.

    Attributes:
        runtime: the runtime.
    """

    def __init__(self, runtime: Runtime, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.runtime = runtime
        self._loop = loop or asyncio.get_running_loop()
        self._stays = loop is not None
        self._traffic = runtime.counters.open_traffic()
        self._hub = Hub(
            runtime.broker,
            runtime.policy,
            self._wake,
            time.monotonic,
            self._traffic,
            audience=runtime.audience,
        )
        self._leave: dict[Session, Callable[[], None]] = {}
        self._beat: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """See ``Part``."""
        return len(self._hub)

    def numbers(self) -> Mapping[str, float]:
        """See ``Part``."""
        transport = "loop" if self._stays else "asgi"
        return {**self._hub.numbers(), f"connections_{transport}": len(self._hub)}

    def connect(
        self,
        transport: Transport,
        authorize: Authorize,
        subprotocol: str | None,
        address: str | None = None,
        renew: Renew | None = None,
    ) -> Connection | None:
        """Connect a browser; see ``hub.connection.connect``. ``address`` is counted."""
        addresses = self.runtime.part(Addresses)
        if (rejection := addresses.enter(address)) is not None:
            transport.close(*rejection)
            return None
        connection = connect(self._hub, transport, authorize, subprotocol, renew)
        if connection is None:
            note_full(self.runtime)
            addresses.leave(address)
        else:
            self.runtime.counters.add("connections_opened")
        if connection is not None and address is not None:
            self._leave[connection.session] = partial(addresses.leave, address)
        if self._beat is None:
            self._keep_beating()
        return connection

    def disconnect(self, session: Session) -> None:
        """Disconnect a session; see ``Hub.disconnect``."""
        self._hub.disconnect(session)
        self._leave.pop(session, _do_nothing)()
        if not len(self._hub) and not self._stays:
            self.runtime.discard(self)
            self.close()

    def resolve_authorization(self, session: Session, outcome: Outcome) -> None:
        """Take an outcome that was pending; see ``Hub.resolve_authorization``."""
        self._hub.resolve_authorization(session, outcome)
        self._beat_in_time()

    def resolve_renewal(self, grant: Grant, outcome: Outcome) -> None:
        """Take the outcome of another call; see ``Hub.resolve_renewal``."""
        self._hub.resolve_renewal(grant, outcome)
        self._beat_in_time()

    def close(self) -> None:
        """Tell all browsers that the server is going away."""
        self._hub.close(Close.GOING_AWAY, "the server is going away")
        self.runtime.counters.close_traffic(self._traffic)
        if self._beat is not None:
            self._beat.cancel()

    def end(self) -> None:
        """Close from any thread; wait ``GOODBYE_TIMEOUT`` at most. See ``Part``."""
        if self._is_here():
            self.close()
            return
        done = threading.Event()

        def close() -> None:
            self.close()
            done.set()

        with suppress(RuntimeError):  # the loop is closed, and so are the connections
            self._loop.call_soon_threadsafe(close)
            if self._loop.is_running() and not done.wait(GOODBYE_TIMEOUT):
                logger.warning(
                    "dash-pipe: timed out after %g seconds: the event loop was too busy to tell "
                    "the browsers that the server is going away",
                    GOODBYE_TIMEOUT,
                    extra=log_event("goodbye_timed_out"),
                )

    def _is_here(self) -> bool:
        """Return whether this is the thread of the loop."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def _keep_beating(self) -> None:
        """Beat while there are sessions."""
        wait = self._hub.beat()
        self._beat = self._loop.call_later(wait, self._keep_beating) if len(self._hub) else None

    def _beat_in_time(self) -> None:
        """Beat earlier than planned if that is due."""
        seconds = self._hub.seconds_to_beat()
        if self._beat is not None and self._loop.time() + seconds < self._beat.when():
            self._beat.cancel()
            self._beat = self._loop.call_later(seconds, self._keep_beating)

    def _flush(self) -> None:
        begun_at = time.monotonic()
        if self._hub.flush():
            self._traffic.fanout.add(time.monotonic() - begun_at)

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._flush)
        except RuntimeError:
            # The server has closed the loop, and with it the connections.
            logger.debug(
                "dash-pipe: a message was sent after the event loop was closed",
                extra=log_event("loop_closed"),
            )


def _do_nothing() -> None:
    pass


def running_hub(runtime: Runtime) -> LoopHub:
    """Return the hub of the running loop. The first browser has it made."""
    note_page(runtime)
    loop = runtime.program.app_loop = asyncio.get_running_loop()
    return runtime.part(LoopHub, loop)


def close_running_hub(runtime: Runtime) -> None:
    """Tell the browsers of the running loop that the server is going away."""
    hub = runtime.existing_part(LoopHub, asyncio.get_running_loop())
    if hub is not None:
        hub.close()
