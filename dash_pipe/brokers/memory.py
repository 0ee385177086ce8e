"""The broker of one process: logs live in its memory."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from ..log import Limits, Log, Position
from . import IDS_SECONDS, MAX_IDS, Broker, OnAppend, Watchers


class MemoryBroker(Broker):
    """Keep the logs that have listeners, and at most ``max_idle_channels`` others.

    A log without listeners is dropped after ``limits.label_seconds`` (it is empty by then), or if
    there are too many: first logs that never carried a message, then the least recently used. A
    dropped channel starts again under a new epoch, so a returning browser notices.
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
        # Logs without listeners; with the time of the last close or message.
        self._empty: OrderedDict[str, tuple[Log, float]] = OrderedDict()
        self._used: OrderedDict[str, tuple[Log, float]] = OrderedDict()

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
                self._keep_idle(channel, log)
            else:
                offset = log.append(label, value)
            position = Position(log.epoch, offset)
            if message_id is not None:
                self._ids[channel, message_id] = (position, self._clock())
        self._watchers.notify(channel)
        return position

    def open(self, channel: str) -> Log:
        """Return the log of a channel; see ``Broker``."""
        with self._lock:
            self._listeners[channel] += 1
            if channel not in self._open:
                self._open[channel] = self._take(channel)
            return self._open[channel]

    def close(self, channel: str) -> None:
        """Release a log; see ``Broker``."""
        with self._lock:
            self._listeners[channel] -= 1
            if not self._listeners[channel]:
                del self._listeners[channel]
                self._keep_idle(channel, self._open.pop(channel))

    def refresh(self, channel: str) -> int:
        """Do nothing: the logs live here; see ``Broker``."""
        return 0

    def idle_logs(self) -> list[Log]:
        """Return the logs without listeners."""
        with self._lock:
            return [log for idle in (self._empty, self._used) for log, _ in idle.values()]

    def watch(self, on_append: OnAppend) -> Callable[[], None]:
        """Register a watcher; see ``Broker``."""
        return self._watchers.add(on_append)

    def _sent(self, channel: str, message_id: str) -> Position | None:
        """Return the position of the message with this id; drop surplus ids."""
        while self._ids:
            _, then = next(iter(self._ids.values()))
            if len(self._ids) <= MAX_IDS and then >= self._clock() - IDS_SECONDS:
                break
            self._ids.popitem(last=False)
        sent = self._ids.get((channel, message_id))
        return None if sent is None else sent[0]

    def _take(self, channel: str) -> Log:
        """Return the idle log of a channel, or a new one."""
        for idle in (self._empty, self._used):
            if channel in idle:
                return idle.pop(channel)[0]
        return Log(secrets.token_urlsafe(8), self._limits, self._clock)

    def _keep_idle(self, channel: str, log: Log) -> None:
        """Keep a log without listeners; drop logs that are too old or too many."""
        now = self._clock()
        idle = self._used if log.head else self._empty
        idle[channel] = (log, now)
        for each in (self._empty, self._used):
            while each and next(iter(each.values()))[1] < now - self._limits.label_seconds:
                each.popitem(last=False)
        while len(self._empty) + len(self._used) > self._max_channels:
            (self._empty or self._used).popitem(last=False)


def connect(url: str, limits: Limits, max_idle_channels: int, send_timeout: float) -> MemoryBroker:
    """Make the broker for ``memory://``."""
    return MemoryBroker(limits, max_idle_channels)
