"""The log of one channel: a bounded window of messages, and what is known of those that left it.

Pure: no sockets, no tasks; the clock is handed in. A log may be used from several threads.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

from .limits import Limits
from .losses import Losses
from .message import NO_HISTORY, Batch, Labels, Lost, Message, Position, Snapshot
from .window import Window

_quote = json.JSONEncoder().encode


class Log:
    """The messages of one channel, numbered 1, 2, 3, ... without holes.

    It is written by ``append`` where it lives, or mirrors a log that lives elsewhere, by ``add``
    and ``load``. A mirror has no epoch until it was loaded, and may be loaded with another.

    Attributes:
        end: the position of the newest message; its offset is 0 when there is none yet.
        refreshed: how often a mirror was compared with its original; see ``Broker.refresh``.
    """

    def __init__(self, epoch: str, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.end = Position(epoch, 0)
        self.refreshed = 0
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._window = Window(limits)
        self._newest: dict[str, Message] = {}  # of each label; least recently published first
        self._losses = Losses(limits.labels)

    @property
    def epoch(self) -> str:
        """The random name of this incarnation of the log."""
        return self.end.epoch

    @property
    def has_history(self) -> bool:
        """Whether it knows all that was sent, and not only what this process heard."""
        return not self.epoch.startswith(NO_HISTORY)

    @property
    def head(self) -> int:
        """The offset of the newest message, 0 when there is none yet."""
        return self.end.offset

    def append(self, label: str, value: str) -> int:
        """Add a message whose value is the JSON text ``value``; return its offset."""
        with self._lock:
            now = self._clock()
            offset = self.head + 1
            row = f"[{offset},{_quote(label)},{value},{now:.3f}]"
            self._add(Message(offset, label, row, now, len(row.encode())))
            self.end = Position(self.epoch, offset)
            self._trim(now)
            return offset

    def add(self, message: Message) -> None:
        """Add the message that follows on the newest one in the original."""
        with self._lock:
            self._add(message)
            self.end = Position(self.epoch, message.offset)
            self._trim(self._clock())

    def load(self, snapshot: Snapshot) -> None:
        """Become what another log is."""
        with self._lock:
            self._losses = Losses(self._limits.labels, snapshot.lost, snapshot.lost_rest)
            self._newest = {}
            self._window = Window(self._limits, snapshot.head - len(snapshot.window))
            for message in snapshot.beside:
                self._replace_newest(message)
            for message in snapshot.window:
                self._add(message)
            self.end = Position(snapshot.epoch, snapshot.head)
            self._trim(self._clock())

    def read(self, after: int, labels: Labels, max_bytes: int, epoch: str | None = None) -> Batch:
        """Read on from ``after``: at most ``max_bytes`` of rows, or one row if that is larger.

        ``upto`` is ``head`` when nothing was left behind. ``lost`` names what had left the log
        before it could be read. Where ``epoch`` is given and the log has another one, it is read
        from its beginning: all of it is news.
        """
        with self._lock:
            self._trim(self._clock())
            if epoch not in (None, self.epoch):
                after = 0
            lost = self._losses.after(after, labels) if after < self._window.first - 1 else []
            rows: list[str] = []
            size, upto = 0, after
            for message in self._after(after, labels):
                size += message.size
                if rows and size > max_bytes:
                    return Batch(rows, upto, lost, self.epoch)
                rows.append(message.row)
                upto = message.offset
            return Batch(rows, self.head, lost, self.epoch)

    def newest(self, labels: Labels, last: int, upto: Position | None = None) -> list[Message]:
        """The newest ``last`` messages of each of the labels, in order.

        Where ``upto`` is given, of those up to there; there are none when the log has another
        epoch by now.
        """
        with self._lock:
            self._trim(self._clock())
            epoch, head = upto or self.end
            if epoch != self.epoch:
                return []
            return self._kept(0, head, labels) + self._window.newest(labels, last, head)

    def lost(self, after: int, labels: Labels) -> list[Lost]:
        """What of the labels is gone for good after the offset ``after``; empty when nothing is."""
        with self._lock:
            self._trim(self._clock())
            return self._losses.after(after, labels)

    # What follows is called with the lock held.

    def _add(self, message: Message) -> None:
        self._window.add(message)
        self._replace_newest(message)

    def _after(self, after: int, labels: Labels) -> Iterator[Message]:
        """Every message of the labels that is still there after an offset, in order."""
        if after < self._window.first - 1:
            yield from self._kept(after, self.head, labels)
        yield from self._window.after(after, labels)

    def _kept(self, after: int, upto: int, labels: Labels) -> list[Message]:
        """Of the labels, the newest messages that have left the window, in order."""
        end = min(upto + 1, self._window.first)
        newest = self._newest
        kept = newest.values() if labels is None else filter(None, map(newest.get, labels))
        return sorted(message for message in kept if after < message.offset < end)

    def _replace_newest(self, message: Message) -> None:
        previous = self._newest.pop(message.label, None)
        if previous is not None and previous.offset < self._window.first:
            self._losses.note(previous)
        self._newest[message.label] = message
        if len(self._newest) > self._limits.labels:
            self._forget(next(iter(self._newest)))

    def _trim(self, now: float) -> None:
        """Let go of what is beyond the limits."""
        for message in self._window.trim(now):
            if self._newest.get(message.label) is not message:
                self._losses.note(message)
        while self._newest:
            label, message = next(iter(self._newest.items()))
            if message.time >= now - self._limits.label_seconds:
                break
            self._forget(label)

    def _forget(self, label: str) -> None:
        """Stop keeping the newest message of a label; the window may still hold it."""
        message = self._newest.pop(label)
        if message.offset < self._window.first:
            self._losses.note(message)
