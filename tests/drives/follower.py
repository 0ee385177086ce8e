"""A thread that listens, leaves and returns, and records what it was given."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterable

from dash_pipe.client import Client, Gap, Subscription, Update, WebSocketConnection, listen
from dash_pipe.errors import EndpointUnavailableError
from drives.knowledge import Event
from drives.oracle import Listener
from drives.served import Served
from drives.trial import UNKNOWN

RETURN = 0.5  # seconds that a lost connection is spread over: a drive has no time for more
AWAY = 0.2  # seconds until it looks again if it may return


class Follower(threading.Thread):
    """A listener in a thread, until `end`."""

    def __init__(
        self,
        name: str,
        channel: str,
        labels: Iterable[str] | None,
        served: Served,
        seed: int,
        replay: int = 0,
    ) -> None:
        super().__init__(daemon=True)
        chosen = None if labels is None else frozenset(labels)
        self.record = Listener(name, channel, chosen)
        self.delivered: set[int] = set()
        self.is_open = False
        self._choice = random.Random(seed)
        self._served = served
        named = None if labels is None else sorted(labels)
        self._subscription = Subscription(channel, named, replay=replay)
        self._client = Client(
            self._subscription, lambda low, _: low + self._choice.random() * RETURN
        )
        self._connection: WebSocketConnection | None = None
        self._link = served.links[0]
        self._process = 0
        self._last: Gap | None = None
        self._here = threading.Event()
        self._ended = threading.Event()
        self._here.set()
        self.start()

    @property
    def is_here(self) -> bool:
        """Return whether it has not left."""
        return self._here.is_set()

    def leave(self) -> None:
        """Close the connection, and stay away."""
        self._here.clear()
        self._close()

    def back(self) -> None:
        """Return, and read on, unless it has ended."""
        if not self._ended.is_set():
            self._here.set()

    def end(self) -> None:
        """Stop for ever."""
        self._ended.set()
        self.leave()
        self.join(10)

    def run(self) -> None:
        """Listen, whenever it is here."""
        while not self._ended.is_set():
            if not self._here.wait(AWAY):
                continue
            with contextlib.suppress(EndpointUnavailableError):  # the first connection failed
                for update in listen(self._client, self._connect, sleep=self._sleep):
                    self._take(update)
                    if not self._here.is_set():
                        break
            self.is_open = False

    def _connect(self) -> WebSocketConnection:
        if not self._here.is_set():
            raise EndpointUnavailableError("it has left")
        self.is_open = False
        self._link = self._choice.choice(self._served.links)
        self._connection = WebSocketConnection(f"{self._link.url}/_pipe/")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.__exit__(None, None, None)

    def _soon(self, least: float, _: float) -> float:
        return least + self._choice.random() * RETURN

    def _sleep(self, seconds: float) -> None:
        self._ended.wait(seconds)

    def _take(self, update: Update) -> None:
        now = time.monotonic()
        if update.opened:
            self._process = self._find_process()
            self.is_open = True
            self.record.opened = self.record.opened or now
        gaps = self._gaps(update)
        rows = tuple(int(row[2]) for row in update.rows)
        if rows or gaps:
            position = self._subscription.position
            epoch = "" if position is None else position.epoch
            self.record.events.append(Event(now, rows, gaps, epoch, self._process))
        self.delivered.update(rows)

    def _gaps(self, update: Update) -> tuple[Gap, ...]:
        """Return the gaps of an update; also an unknown one that only the subscription has."""
        gaps, last = list(update.gaps), self._subscription.last_gap
        if (
            last is not None
            and last.cause == UNKNOWN
            and last is not self._last
            and last not in gaps
        ):
            gaps.append(last)
        self._last = last
        return tuple(gaps)

    def _find_process(self) -> int:
        connection = self._connection
        if connection is None or connection._socket is None:
            return 0
        with contextlib.suppress(OSError):
            port = connection._socket.socket.getsockname()[1]
            beyond = self._link.beyond(port)
            return self._served.owner(beyond) if beyond else 0
        return 0
