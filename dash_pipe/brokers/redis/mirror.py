"""A log in this process that follows one in Redis. Pure: heads and readings in, next steps out."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from ...log import Limits, Log, Message, Snapshot, translate
from .commands import Reading
from .known import NOTHING, Head, Known


class Next(Enum):
    """The step that follows a comparison."""

    NOTHING = "the mirror is in step"
    READ = "read what is new"
    READ_ALL = "read the log from its beginning"
    CHECK = "have the script begin a log, or a new epoch"


class Mirror:
    """The mirror of one channel's log.

    A log in Redis can lose its end: a killed server returns with what it had written to disk, or a
    replica takes over that lags behind. Then the epoch has to end, since other messages get the
    same offsets. Redis' run shows a restart; within a run, each message carries a mark, and the
    mirror checks that the newest message that this process knows still has the same.

    Args:
        limits: the bounds of the log.
        known: the newest message that the process knows from before.
        clock: the time in seconds.

    Attributes:
        log: the mirror itself.
        known: the newest message that the process knows.
    """

    def __init__(
        self, limits: Limits, known: Known = NOTHING, clock: Callable[[], float] = time.time
    ) -> None:
        self.log = Log("", limits, self._time)
        self.known = known
        self._sent = NOTHING  # a message of another epoch than `known`
        self._clock = clock
        self._ahead = 0.0  # how many seconds Redis' clock is ahead of ours
        self._mark = ""  # of the newest message in the log
        self._sent_at = ""  # when it was sent, by Redis' clock

    @property
    def is_empty(self) -> bool:
        """Return whether it has an epoch, but never carried a message."""
        end = self.log.end
        return end.epoch != "" and end.offset == 0

    @property
    def all_known(self) -> tuple[Known, ...]:
        """Return ``known``, and the newest message that this process has sent in another epoch."""
        return (self.known, self._sent) if self._sent.epoch else (self.known,)

    def learn(self, known: Known) -> None:
        """Take the newest message that this process has sent."""
        self._sent = NOTHING
        if known.epoch != self.known.epoch:
            self._sent = known
        elif known.offset > self.known.offset:
            self.known = known

    def hear(self, epoch: str, before: str, mark: str, row: str) -> bool:
        """Take an announced message. Return False if the log has to be read instead.

        ``before`` is the mark of the message that precedes it.
        """
        message = Message.of(row)
        end = self.log.end
        if epoch == end.epoch and message.offset <= end.offset:  # read before it was announced
            return message.offset < end.offset or mark == self._mark
        if (epoch, message.offset, before) != (end.epoch, end.offset + 1, self._mark):
            return False
        self._add(message, mark)
        return True

    def compare(self, head: Head, run: str) -> Next:
        """Compare the mirror with the head of the log. Return the step that follows.

        Args:
            head: the end of the log in Redis.
            run: the run of Redis; empty if it is unknown.
        """
        if self._needs_check(head, run, None):
            return Next.CHECK
        end = self.log.end
        if (end.offset, self._mark) != (head.offset, head.mark) or not self._goes_on(head):
            return Next.READ
        if end.epoch != head.epoch:
            self._rename(head)
        return Next.NOTHING

    def take(self, reading: Reading, run: str) -> Next:
        """Apply a reading. Return the step that follows."""
        self._ahead = reading.time - self._clock()
        head, offset = reading.end, self.log.end.offset
        mark = reading.mark_at(self.known.offset) if self.known.epoch == head.epoch else None
        if not reading.whole or self._needs_check(head, run, mark):
            return Next.CHECK
        news = [entry for entry in reading.entries if entry.offset > offset]
        is_complete = len(news) == head.offset - offset and reading.mark_at(offset) == self._mark
        if self._goes_on(head) and is_complete:
            self._rename(head)
            for entry in news:
                self._add(Message.of(entry.row), entry.mark)
        elif reading.after:
            return Next.READ_ALL
        else:
            self._load(reading)
        return Next.NOTHING

    def _needs_check(self, head: Head, run: str, mark: str | None) -> bool:
        """Return whether a log or an epoch has to begin; ``mark`` is that at the known offset."""
        if not head.epoch or (run and head.run != run):
            return True
        return self.known.is_missing(head, mark) or self._sent.is_missing(head)

    def _goes_on(self, head: Head) -> bool:
        """Return whether the log continues what the mirror has."""
        end = self.log.end
        if end.epoch == head.epoch:
            return True
        return any(ended.epoch == end.epoch for ended in head.past) and (
            translate(head.past, end)[0] == end.offset
        )

    def _rename(self, head: Head) -> None:
        """Go on in the epoch that continues the mirror's."""
        if self.log.epoch != head.epoch:
            self.log.rename(head.epoch, head.past)
            self._know(self.log.head)

    def _add(self, message: Message, mark: str) -> None:
        self._mark, self._sent_at = mark, f"{message.time:.3f}"
        self.log.add(message)
        if message.offset >= self.known.offset:
            self._know(message.offset)

    def _load(self, reading: Reading) -> None:
        """Replace the log by a reading from the beginning."""
        head = reading.end
        window = [Message.of(entry.row) for entry in reading.entries]
        beside = [Message.of(row) for row in reading.beside]
        if window:
            self._sent_at = f"{window[-1].time:.3f}"
        self._mark = head.mark
        self.log.load(
            Snapshot(
                head.epoch, head.offset, window, beside, reading.lost, reading.lost_rest, head.past
            )
        )
        self._know(head.offset)

    def _know(self, offset: int) -> None:
        """Note the newest message in the log as known."""
        end, past = self.log.present()
        self.known = Known(end.epoch, offset, self._mark, self._sent_at, past)

    def _time(self) -> float:
        return self._clock() + self._ahead
