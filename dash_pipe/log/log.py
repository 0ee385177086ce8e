"""The log of one channel: a bounded window of messages, and the losses behind it.

Pure: no sockets, no tasks; the clock is an argument. Any thread may use a log.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

from .content import Batch, Snapshot, Summary
from .limits import Limits
from .losses import Losses
from .message import NO_HISTORY, Labels, Lost, Message, Position
from .past import Loss, Past, translate
from .window import Window

_quote = json.JSONEncoder().encode


class Log:
    """The messages of one channel, numbered 1, 2, 3, ... without holes.

    The log's owner writes it with ``append``. A mirror of a log elsewhere is written with ``add``,
    ``load`` and ``rename``. A mirror has no epoch until it was loaded; another load may change it.

    Attributes:
        end: the position of the newest message; its offset is 0 if there is none yet.
        past: the epochs that it had before.
        refreshed: the number of comparisons of a mirror with its log; see ``Broker.refresh``.
    """

    def __init__(self, epoch: str, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.end = Position(epoch, 0)
        self.past: Past = ()
        self.refreshed = 0
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._window = Window(limits)
        self._newest: dict[str, Message] = {}  # of each label; least recently published first
        self._losses = Losses(limits.losses)

    @property
    def epoch(self) -> str:
        """The random name of this incarnation of the log."""
        return self.end.epoch

    @property
    def has_history(self) -> bool:
        """Return whether it holds all messages sent, not only those that this process received."""
        return not self.epoch.startswith(NO_HISTORY)

    @property
    def head(self) -> int:
        """The offset of the newest message, 0 if there is none yet."""
        return self.end.offset

    @property
    def newest_at(self) -> float | None:
        """The time of the newest message that it keeps; None if it keeps none."""
        with self._lock:
            newest = next(reversed(self._newest.values()), None)
        return None if newest is None else newest.time

    @property
    def size(self) -> tuple[int, int]:
        """The number of messages that it keeps, and their bytes."""
        with self._lock:
            messages, size = len(self._window), self._window.bytes
            for message in self._newest.values():  # the oldest come first
                if message.offset >= self._window.first:
                    break
                messages += 1
                size += message.size
            return messages, size

    def append(self, label: str, value: str) -> int:
        """Append a message whose value is the JSON text ``value``. Return its offset."""
        with self._lock:
            now = self._clock()
            offset = self.head + 1
            row = f"[{offset},{_quote(label)},{value},{now:.3f}]"
            self._add(Message(offset, label, row, now, len(row.encode())))
            self.end = Position(self.epoch, offset)
            self._trim(now)
            return offset

    def add(self, message: Message) -> None:
        """Add the next message of the mirrored log."""
        with self._lock:
            self._add(message)
            self.end = Position(self.epoch, message.offset)
            self._trim(self._clock())

    def load(self, snapshot: Snapshot) -> None:
        """Replace the content by that of another log."""
        with self._lock:
            self._losses = Losses(self._limits.losses, snapshot.lost, snapshot.lost_rest)
            self._newest = {}
            self._window = Window(self._limits, snapshot.head - len(snapshot.window))
            for message in snapshot.beside:
                self._replace_newest(message)
            for message in snapshot.window:
                self._add(message)
            self.past = snapshot.past  # before the epoch, which it explains
            self.end = Position(snapshot.epoch, snapshot.head)
            self._trim(self._clock())

    def rename(self, epoch: str, past: Past) -> None:
        """Go on under another epoch, with the same content."""
        with self._lock:
            self.past = past  # first, as in `load`
            self.end = Position(epoch, self.head)

    def present(self) -> tuple[Position, Past]:
        """Return its end and its past, of one moment."""
        with self._lock:
            return self.end, self.past

    def read(self, after: int, labels: Labels, max_bytes: int, epoch: str | None = None) -> Batch:
        """Read after the offset ``after``: at most ``max_bytes`` of rows, or one larger row.

        ``upto`` is ``head`` if nothing is left to read. ``lost`` names the messages that have left
        the log unread. If ``epoch`` is given and the log has another one, ``after`` is translated.
        """
        with self._lock:
            self._trim(self._clock())
            past: Past = ()
            if epoch is not None and epoch != self.epoch:
                past = self.past
                after, _ = translate(past, Position(epoch, after))
            lost = self._losses.after(after, labels) if after < self._window.first - 1 else []
            rows: list[str] = []
            size, upto = 0, after
            for message in self._after(after, labels):
                size += message.size
                if rows and size > max_bytes:
                    return Batch(rows, upto, lost, self.epoch, past)
                rows.append(message.row)
                upto = message.offset
            return Batch(rows, self.head, lost, self.epoch, past)

    def newest(self, labels: Labels, last: int, upto: Position | None = None) -> list[Message]:
        """Return the newest ``last`` messages of each label, in order.

        If ``upto`` is given, return none after that position. If it is of an earlier epoch that
        has lost messages, return none at all.
        """
        with self._lock:
            self._trim(self._clock())
            epoch, head = upto or self.end
            if epoch != self.epoch:
                head, loss = translate(self.past, Position(epoch, head))
                if loss is Loss.LOST:
                    return []
            return self._kept(0, head, labels) + self._window.newest(labels, last, head)

    def lost(self, after: int, labels: Labels) -> list[Lost]:
        """Return the losses of the labels after the offset ``after``; empty if nothing was lost."""
        with self._lock:
            self._trim(self._clock())
            return self._losses.after(after, labels)

    def summary(self, labels: Labels) -> Summary:
        """Return which labels the log has had, and which of ``labels`` never."""
        with self._lock:
            self._trim(self._clock())
            silent = [
                label
                for label in sorted(labels or ())
                if label not in self._newest and not self._losses.after(0, frozenset({label}))
            ]
            newest = list(reversed(self._newest))
            return Summary(len(self._window), self._limits.seconds, newest, silent, self.head == 0)

    # Called with the lock held

    def _add(self, message: Message) -> None:
        self._window.add(message)
        self._replace_newest(message)

    def _after(self, after: int, labels: Labels) -> Iterator[Message]:
        """Yield every kept message of the labels after an offset, in order."""
        if after < self._window.first - 1:
            yield from self._kept(after, self.head, labels)
        yield from self._window.after(after, labels)

    def _kept(self, after: int, upto: int, labels: Labels) -> list[Message]:
        """Return the labels' newest messages that have left the window, in order."""
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
        """Drop the messages beyond the limits."""
        for message in self._window.trim(now):
            if self._newest.get(message.label) is not message:
                self._losses.note(message)
        while self._newest:
            label, message = next(iter(self._newest.items()))
            if message.time >= now - self._limits.label_seconds:
                break
            self._forget(label)

    def _forget(self, label: str) -> None:
        """Stop keeping the newest message of a label. The window may still hold it."""
        message = self._newest.pop(label)
        if message.offset < self._window.first:
            self._losses.note(message)
