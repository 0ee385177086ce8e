"""A log in this process that follows one in Redis. Pure: readings in, next steps out."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from ...log import Limits, Log, Message, Snapshot
from .commands import Head, Reading


class Next(Enum):
    """The step that follows a reading."""

    NOTHING = "the mirror is in step"
    READ_ALL = "read the log from its beginning"
    BEGIN = "the log in Redis has lost messages: begin a new epoch"


class Mirror:
    """The mirror of one channel's log.

    A log in Redis can lose its end: a killed server returns with what it had written to disk, or a
    replica takes over that lags behind. Another sender may have reused the offsets since, so each
    message carries a mark. The mirror checks that its newest message still has the same mark.

    Attributes:
        log: the mirror itself.
        newest_time: when the newest message was sent, by Redis' clock; 0 before the first.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.log = Log("", limits, self._time)
        self.newest_time = 0.0
        self._clock = clock
        self._ahead = 0.0  # how many seconds Redis' clock is ahead of ours
        self._mark = ""

    def hear(self, epoch: str, before: str, mark: str, row: str) -> bool:
        """Take an announced message. Return False if the log has to be read instead.

        ``before`` is the mark of the message that precedes it.
        """
        message = Message.of(row)
        end = self.log.end
        if epoch == end.epoch and message.offset <= end.offset:
            return True  # it was read before its announcement came
        if (epoch, message.offset, before) != (end.epoch, end.offset + 1, self._mark):
            return False
        self._add(message, mark)
        return True

    @property
    def is_empty(self) -> bool:
        """Return whether it has an epoch, but never carried a message."""
        end = self.log.end
        return end.epoch != "" and end.offset == 0

    def in_step(self, head: Head) -> bool:
        """Return whether the mirror ends where the log in Redis does."""
        return head.epoch != "" and head == (*self.log.end, self._mark)

    def take(self, reading: Reading) -> Next:
        """Apply a reading. Return the step that follows."""
        self._ahead = reading.time - self._clock()
        if not reading.end.epoch:
            return Next.BEGIN
        end, continues = self.log.end, False
        if end.epoch == reading.end.epoch:
            mark = _mark_at(reading, end.offset)
            if reading.end.offset < end.offset or mark not in (None, self._mark):
                return Next.BEGIN
            news = [entry for entry in reading.entries if entry.offset > end.offset]
            continues = mark is not None and len(news) == reading.end.offset - end.offset
            unproven = mark is None
        else:
            unproven = False
        if continues:
            for entry in news:
                self._add(Message.of(entry.row), entry.mark)
        elif reading.after:
            return Next.READ_ALL
        else:
            self._load(reading, unproven=unproven)
        return Next.NOTHING

    def _add(self, message: Message, mark: str) -> None:
        self._mark, self.newest_time = mark, message.time
        self.log.add(message)

    def _load(self, reading: Reading, *, unproven: bool) -> None:
        """Replace the log by a reading from the beginning.

        If ``unproven``, the mirror's newest message is no longer in Redis, so the messages between
        it and the window are unknown: everything that is not in the window counts as lost.
        """
        window = [Message.of(entry.row) for entry in reading.entries]
        lost, rest = reading.lost, reading.lost_rest
        if unproven:
            lost, rest = {}, reading.end.offset - len(window)
        beside = [Message.of(row) for row in reading.beside]
        if window:
            self.newest_time = window[-1].time
        self._mark = reading.end.mark
        self.log.load(Snapshot(reading.end.epoch, reading.end.offset, window, beside, lost, rest))

    def _time(self) -> float:
        return self._clock() + self._ahead


def _mark_at(reading: Reading, offset: int) -> str | None:
    """Return the mark of the message at an offset; None if the reading does not contain it."""
    if offset == reading.end.offset:
        return reading.end.mark
    if offset == 0:
        return ""
    if not reading.entries or offset > reading.end.offset:
        return None
    first = reading.entries[0]
    if offset == first.offset - 1:
        return first.before
    return reading.entries[offset - first.offset].mark if offset >= first.offset else None
