"""The broker of one process: the logs live in its memory."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from ..log import Limits, Log, Position
from . import IDS_SECONDS, MAX_IDS, Broker, OnAppend
from .watchers import Watchers


class MemoryBroker(Broker):
    """Keeps at most ``max_idle_channels`` logs beside those that someone listens to.

    A log that nobody listens to is forgotten when it has been idle for ``limits.label_seconds``
    (by then nothing is left in it), or when there are too many: those that never carried a
    message first, then the least recently used. A channel that is forgotten begins anew under
    another epoch, so that a browser that comes back knows.
    """

    may_wait = False

    def __init__(
        self, limits: Limits, max_idle_channels: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._limits = limits
        self._max_channels = max_idle_channels
        self._clock = clock
        self._lock = threading.Lock()
        self._watchers = Watchers()
        self._listeners: Counter[str] = Counter()
        self._open: dict[str, Log] = {}
        self._ids: OrderedDict[tuple[str, str], tuple[Position, float]] = OrderedDict()
        # Nobody listens to these; the value is when that began or a message came last.
        self._silent: OrderedDict[str, tuple[Log, float]] = OrderedDict()
        self._spoken: OrderedDict[str, tuple[Log, float]] = OrderedDict()

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message; see ``Broker``."""
        with self._lock:
            if message_id is not None and (sent := self._sent(channel, message_id)):
                return sent
            log = self._open.get(channel)
            if log is None:
                log = self._take(channel)
                offset = log.append(label, value)
                self._shelve(channel, log)
            else:
                offset = log.append(label, value)
            position = Position(log.epoch, offset)
            if message_id is not None:
                self._ids[channel, message_id] = (position, self._clock())
        self._watchers.tell(channel)
        return position

    def open(self, channel: str) -> Log:
        """The log of a channel; see ``Broker``."""
        with self._lock:
            self._listeners[channel] += 1
            if channel not in self._open:
                self._open[channel] = self._take(channel)
            return self._open[channel]

    def close(self, channel: str) -> None:
        """Let go of a log; see ``Broker``."""
        with self._lock:
            self._listeners[channel] -= 1
            if not self._listeners[channel]:
                del self._listeners[channel]
                self._shelve(channel, self._open.pop(channel))

    def refresh(self, channel: str) -> int:
        """Nothing to do: the logs live here; see ``Broker``."""
        return 0

    def watch(self, on_append: OnAppend) -> Callable[[], None]:
        """Register a watcher; see ``Broker``."""
        return self._watchers.add(on_append)

    def _sent(self, channel: str, message_id: str) -> Position | None:
        """Where the message with this id is, if it was sent; forget what has been kept too long."""
        while self._ids:
            _, then = next(iter(self._ids.values()))
            if len(self._ids) <= MAX_IDS and then >= self._clock() - IDS_SECONDS:
                break
            self._ids.popitem(last=False)
        sent = self._ids.get((channel, message_id))
        return None if sent is None else sent[0]

    def _take(self, channel: str) -> Log:
        """Take a log off its shelf, or begin a new one."""
        for shelf in (self._silent, self._spoken):
            if channel in shelf:
                return shelf.pop(channel)[0]
        return Log(secrets.token_urlsafe(8), self._limits, self._clock)

    def _shelve(self, channel: str, log: Log) -> None:
        """Put a log that nobody listens to on its shelf, and clear what has lain too long."""
        now = self._clock()
        shelf = self._spoken if log.head else self._silent
        shelf[channel] = (log, now)
        for each in (self._silent, self._spoken):
            while each and next(iter(each.values()))[1] < now - self._limits.label_seconds:
                each.popitem(last=False)
        while len(self._silent) + len(self._spoken) > self._max_channels:
            (self._silent or self._spoken).popitem(last=False)


def connect(url: str, limits: Limits, max_idle_channels: int, send_timeout: float) -> MemoryBroker:
    """Make the broker for ``memory://``."""
    return MemoryBroker(limits, max_idle_channels)
