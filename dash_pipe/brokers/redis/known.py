"""Compare what a process knows of a log with its end in Redis. Pure."""

from __future__ import annotations

from sys import maxsize
from typing import NamedTuple

from ...log import Ended, Past


class Head(NamedTuple):
    """The end of the log in Redis. ``epoch`` is empty if there is no log.

    ``run`` is the run of Redis in which the epoch began.
    """

    epoch: str = ""
    offset: int = 0
    mark: str = ""
    run: str = ""
    past: Past = ()


class Known(NamedTuple):
    """The newest message that a process knows: its position, its mark, its time by Redis' clock.

    ``past`` is that of its epoch. Redis may have forgotten an epoch that began after it saved its
    data, and how far the ones before went.
    """

    epoch: str = ""
    offset: int = 0
    mark: str = ""
    time: str = ""
    past: Past = ()

    def is_missing(self, head: Head, mark: str | None = None) -> bool:
        """Return whether the log has less than this, and does not know it.

        ``mark`` is that of the message at its offset, if it is known.
        """
        if self.epoch == head.epoch:
            if self.offset == head.offset:
                mark = head.mark
            return self.offset > head.offset or mark not in (None, self.mark)
        named = {ended.epoch: ended.newest for ended in head.past}
        was_named = False
        for own in (*self.past, Ended(self.epoch, self.offset, None)):
            if own.epoch == head.epoch:
                return True  # the log has gone back to what this epoch continued
            if own.newest > named.get(own.epoch, maxsize):
                return True
            if was_named and own.epoch not in named:
                return True  # it is forgotten
            was_named = was_named or own.epoch in named
        return False


NOTHING = Known()
"""The value for a process that knows no message of the channel."""
