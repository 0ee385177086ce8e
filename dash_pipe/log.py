"""The log of one channel: a bounded window of messages, and what is known of those that left it.

Pure: no sockets, no tasks; the clock is handed in. A log may be used from several threads.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

Labels = frozenset[str] | None
"""The labels of a listener; ``None`` is every label."""

Lost = tuple[str | None, int]
"""``(label, offset)``: messages of ``label`` up to ``offset`` are gone; ``None`` is every other."""


_DECODER = json.JSONDecoder()


class Position(NamedTuple):
    """A place in a channel: all up to and including ``offset``, in the log named ``epoch``."""

    epoch: str
    offset: int


NO_HISTORY = "~"
"""How the epoch of a log begins that knows only what this process heard; see docs/protocol.md."""

NOWHERE = Position("", 0)
"""A position in no log: that of a mirror which was not loaded yet."""


class Message(NamedTuple):
    """One message as the log keeps it. ``row`` is its wire form: ``[offset,label,value,time]``."""

    offset: int
    label: str
    row: str
    time: float
    size: int

    @classmethod
    def of(cls, row: str) -> Message:
        """The message that a row tells of; the value in it is not looked at."""
        comma = row.index(",")
        label, _ = _DECODER.raw_decode(row, comma + 1)
        time = float(row[row.rindex(",") + 1 : -1])
        return cls(int(row[1:comma]), label, row, time, len(row.encode()))


class Batch(NamedTuple):
    """What a reader gets: rows in order, where it stands then, and what it lost on the way.

    ``upto`` is an offset in the log named ``epoch``, and so are those in ``lost``.
    """

    rows: list[str]
    upto: int
    lost: list[Lost]
    epoch: str


class Snapshot(NamedTuple):
    """All that a log knows. ``window`` ends at ``head``; ``beside`` are the newest of labels."""

    epoch: str
    head: int
    window: list[Message]
    beside: list[Message]
    lost: dict[str, int]
    lost_rest: int


@dataclass(frozen=True)
class Limits:
    """The bounds of a log.

    Attributes:
        messages: how many messages the window holds.
        bytes: how many bytes of rows the window holds.
        seconds: how old a message in the window may be.
        labels: for how many labels the newest message is kept beside the window,
            and for how many the newest lost offset is known.
        label_seconds: how old the newest message of a label may be.
    """

    messages: int = 10_000
    bytes: int = 4 * 2**20
    seconds: float = 3600.0
    labels: int = 256
    label_seconds: float = 86_400.0


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
        self._clear()

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
            row = f"[{offset},{json.dumps(label)},{value},{now:.3f}]"
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
            self._clear()
            self._lost.update(snapshot.lost)
            self._lost_rest = snapshot.lost_rest
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
            lost = self._lost_after(after, labels) if after < self._first() - 1 else []
            rows: list[str] = []
            size, upto = 0, after
            for message in self._after(after):
                if labels is not None and message.label not in labels:
                    continue
                size += message.size
                if rows and size > max_bytes:
                    return Batch(rows, upto, lost, self.epoch)
                rows.append(message.row)
                upto = message.offset
            return Batch(rows, self.head, lost, self.epoch)

    def newest(self, labels: Labels, last: int) -> list[Message]:
        """The newest ``last`` messages of each of the labels, in order."""
        with self._lock:
            self._trim(self._clock())
            counts: dict[str, int] = {}
            found: list[Message] = []
            for message in reversed(list(self._after(0))):
                if labels is not None and message.label not in labels:
                    continue
                counts[message.label] = counts.get(message.label, 0) + 1
                if counts[message.label] <= last:
                    found.append(message)
            return found[::-1]

    def lost(self, after: int, labels: Labels) -> list[Lost]:
        """What of the labels is gone for good after the offset ``after``; empty when nothing is."""
        with self._lock:
            self._trim(self._clock())
            return self._lost_after(after, labels)

    # What follows is called with the lock held.

    def _clear(self) -> None:
        self._window: dict[int, Message] = {}  # its keys are contiguous and end at head
        self._bytes = 0
        self._newest: dict[str, Message] = {}  # least recently published label first
        self._lost: dict[str, int] = {}  # newest lost offset of a label, oldest loss first
        self._lost_rest = 0  # the same for every label that _lost does not name

    def _add(self, message: Message) -> None:
        self._window[message.offset] = message
        self._bytes += message.size
        self._replace_newest(message)

    def _first(self) -> int:
        """The offset of the oldest message in the window, ``head + 1`` when it is empty."""
        return self.head + 1 - len(self._window)

    def _after(self, after: int) -> Iterator[Message]:
        """Every message that is still there after an offset, in order."""
        first = self._first()
        if after < first - 1:
            kept = (m for m in self._newest.values() if after < m.offset < first)
            yield from sorted(kept)
        for offset in range(max(after + 1, first), self.head + 1):
            yield self._window[offset]

    def _lost_after(self, after: int, labels: Labels) -> list[Lost]:
        known: dict[str | None, int]
        if labels is None:
            known = {None: self._lost_rest}
            known.update(self._lost)
        else:
            known = {label: self._lost.get(label, self._lost_rest) for label in sorted(labels)}
        return [(label, offset) for label, offset in known.items() if offset > after]

    def _replace_newest(self, message: Message) -> None:
        previous = self._newest.pop(message.label, None)
        if previous is not None and previous.offset not in self._window:
            self._lose(previous)
        self._newest[message.label] = message
        if len(self._newest) > self._limits.labels:
            self._forget(next(iter(self._newest)))

    def _trim(self, now: float) -> None:
        """Let go of what is beyond the limits."""
        limits = self._limits
        while self._window:
            oldest = self._window[self._first()]
            if (
                len(self._window) <= limits.messages
                and self._bytes <= limits.bytes
                and oldest.time >= now - limits.seconds
            ):
                break
            del self._window[oldest.offset]
            self._bytes -= oldest.size
            if self._newest.get(oldest.label) is not oldest:
                self._lose(oldest)
        while self._newest:
            label, message = next(iter(self._newest.items()))
            if message.time >= now - limits.label_seconds:
                break
            self._forget(label)

    def _forget(self, label: str) -> None:
        """Stop keeping the newest message of a label; the window may still hold it."""
        message = self._newest.pop(label)
        if message.offset not in self._window:
            self._lose(message)

    def _lose(self, message: Message) -> None:
        """Note that a message is gone."""
        self._lost.pop(message.label, None)
        self._lost[message.label] = message.offset
        if len(self._lost) > self._limits.labels:
            label = next(iter(self._lost))
            self._lost_rest = max(self._lost_rest, self._lost.pop(label))
