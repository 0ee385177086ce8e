"""A hub that threads share, on servers where it can't have a loop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from ..auth.addresses import Addresses
from ..concurrency.per_process import Part
from ..hub.authorization import Outcome
from ..hub.connection import Connection, connect
from ..hub.hub import Hub
from ..hub.session import Authorize, Grant, Renew, Session, Transport
from ..protocol import Close
from ..runtime import Runtime
from ..telemetry.events import log_event
from ..telemetry.statistics import note_full

GOODBYE_TIMEOUT = 2.0  # seconds that the end of a process may wait for its browsers to be told
GOING_AWAY = "the server is going away"
RETRY = 1.0  # seconds until the next flush after one that failed

logger = logging.getLogger("dash_pipe")


class ThreadTransport(Transport, Protocol):
    """A transport with its own socket, which threads read and write."""

    written: threading.Event
    """Set when everything that was sent before a close has been written."""

    def abandon(self) -> None:
        """In a forked child: close its copy of the socket, and send nothing."""


class ThreadHub(Part):
    """A hub that threads share, and the thread that flushes it; a part of the runtime.

    Attributes:
        runtime: the runtime.
        lock: held during every call of the hub, and never while waiting for a browser.
        hub: the hub.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.lock = threading.RLock()
        self._due = threading.Event()
        self._traffic = runtime.counters.open_traffic()
        self.hub = Hub(
            runtime.broker,
            runtime.policy,
            self._due.set,
            time.monotonic,
            self._traffic,
            audience=runtime.audience,
        )
        self._leave: dict[Session, Callable[[], None]] = {}
        self._open: set[ThreadTransport] = set()
        self._has_ended = False
        self._thread = threading.Thread(target=self._run, name="dash-pipe", daemon=True)

    @property
    def connections(self) -> int:
        """See ``Part``."""
        return len(self.hub)

    def numbers(self) -> Mapping[str, float]:
        """See ``Part``."""
        return {**self.hub.numbers(), "connections_thread": len(self.hub)}

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def enter(self, transport: ThreadTransport) -> None:
        """Note that a socket is open."""
        with self.lock:
            self._open.add(transport)

    def connect(
        self,
        transport: ThreadTransport,
        authorize: Authorize,
        subprotocol: str | None,
        address: str | None = None,
        renew: Renew | None = None,
    ) -> Connection | None:
        """Connect a browser; see ``hub.connection.connect``. ``address`` is counted."""
        addresses = self.runtime.part(Addresses)
        with self.lock:
            if self._has_ended:
                transport.close(Close.GOING_AWAY, GOING_AWAY)
                return None
            if (rejection := addresses.enter(address)) is not None:
                transport.close(*rejection)
                return None
            connection = connect(self.hub, transport, authorize, subprotocol, renew)
            if connection is None:
                note_full(self.runtime)
                addresses.leave(address)
            else:
                self.runtime.counters.add("connections_opened")
            if connection is not None and address is not None:
                self._leave[connection.session] = partial(addresses.leave, address)
        self._due.set()  # the thread has to call `beat` from now on
        return connection

    def resolve_authorization(self, session: Session, outcome: Outcome) -> None:
        """Take an outcome that was pending; see ``Hub.resolve_authorization``."""
        with self.lock:
            self.hub.resolve_authorization(session, outcome)
            self._due.set()  # the thread has to call `beat` earlier, maybe

    def resolve_renewal(self, grant: Grant, outcome: Outcome) -> None:
        """Take the outcome of another call; see ``Hub.resolve_renewal``."""
        with self.lock:
            self.hub.resolve_renewal(grant, outcome)
            self._due.set()

    def leave(self, transport: ThreadTransport, connection: Connection | None) -> None:
        """Forget a socket, and disconnect its browser if it was connected; see ``Hub``."""
        with self.lock:
            self._open.discard(transport)
            if connection is not None:
                self.hub.disconnect(connection.session)
                self._leave.pop(connection.session, _do_nothing)()

    def goodbye(self) -> None:
        """Tell every browser that this server is going away; wait ``GOODBYE_TIMEOUT`` at most."""
        deadline = time.monotonic() + GOODBYE_TIMEOUT
        with self.lock:
            self.hub.close(Close.GOING_AWAY, GOING_AWAY)
            transports = list(self._open)
            self.runtime.counters.close_traffic(self._traffic)
        for transport in transports:
            transport.written.wait(max(0.0, deadline - time.monotonic()))

    def end(self) -> None:
        """Say goodbye, and end the thread. See ``Part``."""
        with self.lock:
            self._has_ended = True
        self.goodbye()
        self._due.set()

    def abandon(self) -> None:
        """In a forked child: close its copies of the sockets. The lock may be held for ever."""
        for transport in list(self._open):
            transport.abandon()

    def _flush(self) -> None:
        begun_at = time.monotonic()
        if self.hub.flush():
            self._traffic.fanout.add(time.monotonic() - begun_at)

    def _run(self) -> None:
        wait: float | None = None
        while not self._has_ended:
            try:
                self._due.wait(wait)
                self._due.clear()
                with self.lock:
                    self._flush()
                    wait = self.hub.beat() if len(self.hub) else None
            except SystemExit:  # as in LoopThread: the next app needs this thread
                self._due.set()
            except Exception:
                logger.exception(
                    "dash-pipe: delivering messages failed; retry in %g s",
                    RETRY,
                    extra=log_event("delivery_failed"),
                )
                wait = RETRY


def _do_nothing() -> None:
    pass


def thread_hub(runtime: Runtime) -> ThreadHub:
    """Return the hub that the threads of a runtime share."""
    return runtime.part(ThreadHub)
