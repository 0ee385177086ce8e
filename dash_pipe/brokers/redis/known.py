"""Compare what a process knows of a log with its end in Redis. Pure."""

from __future__ import annotations

from typing import NamedTuple

from ...log import Past


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

    ``lineage`` are the names of the epochs that its epoch continued, newest first. Redis may have
    forgotten an epoch that began after it saved its data, but not what that one continued.
    """

    epoch: str = ""
    offset: int = 0
    mark: str = ""
    time: str = ""
    lineage: tuple[str, ...] = ()

    def is_missing(self, head: Head, mark: str | None = None) -> bool:
        """Return whether the log does not have the message, nor knows that it had it.

        ``mark`` is that of the message at its offset, if it is known.
        """
        if self.epoch == head.epoch:
            if self.offset == head.offset:
                mark = head.mark
            return self.offset > head.offset or mark not in (None, self.mark)
        named = {ended.epoch: ended for ended in head.past}
        if self.epoch not in named:  # the log may have forgotten it
            return any(name == head.epoch or name in named for name in self.lineage)
        _, offset, end = named[self.epoch]
        return self.offset > (offset if end is None else end)


NOTHING = Known()
"""The value for a process that knows no message of the channel."""


def lineage(past: Past) -> tuple[str, ...]:
    """Return the names of the epochs of a past, newest first."""
    return tuple(ended.epoch for ended in reversed(past))
