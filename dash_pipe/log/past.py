"""The past of a log: the epochs that it had before, and where each ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from .message import Position

MAX_PAST = 16
"""The number of earlier epochs that a log knows."""


class Loss(IntEnum):
    """The outcome of a translation: what the reader has lost. The larger one prevails."""

    NONE = 0
    UNKNOWN = 1
    LOST = 2


class Ended(NamedTuple):
    """An epoch that has ended.

    Attributes:
        epoch: its name.
        offset: the messages up to here are those of the present log.
        end: the newest offset that it is known to have had: above ``offset`` if messages were
            lost; None if nobody knows.
    """

    epoch: str
    offset: int
    end: int | None

    @property
    def newest(self) -> int:
        """Return the newest offset that it is known to have had."""
        return max(self.offset, self.end or 0)

    def loss(self, offset: int) -> Loss:
        """Return what a reader who had its messages up to an offset has lost."""
        if max(offset, self.newest) > self.offset:
            return Loss.LOST
        return Loss.UNKNOWN if self.end is None else Loss.NONE


Past = tuple[Ended, ...]
"""The earlier epochs of a log, oldest first."""


def raise_ends(past: Past, known: Past) -> Past:
    """Raise the ends in a past to what another past knows of the same epochs."""
    newest = {ended.epoch: ended.newest for ended in known}
    return tuple(
        ended._replace(end=newest[ended.epoch])
        if newest.get(ended.epoch, 0) > ended.newest
        else ended
        for ended in past
    )


def graft(past: Past, epoch: str, lineage: Past) -> Past:
    """Name an epoch in a past that has forgotten it; ``lineage`` is its own past.

    The broker returned to what it had saved before the epoch began. So the epoch parted from the
    present log where the newest epoch ended that both have had. Others may have parted there too:
    they stand in the order of their age, which is that of their names.
    """
    names = [ended.epoch for ended in past]
    if epoch in names:
        return past
    for own in reversed(lineage):
        if own.epoch in names:
            at = names.index(own.epoch)
            offset = min(own.offset, past[at].offset)
            for each in past[(at := at + 1) :]:
                if each.epoch > epoch or each.offset > offset:
                    break
                at += 1
            return (*past[:at], Ended(epoch, offset, own.offset), *past[at:])
    return past


def inherit(past: Past, epoch: str, own: Past) -> Past:
    """Add to a past what the past of an epoch knows that came before.

    Both the epoch and the newest of its past are named, and ends are raised.
    """
    start = max(0, len(own) - MAX_PAST)
    for number, name in enumerate([*(ended.epoch for ended in own[start:]), epoch], start):
        past = graft(past, name, own[:number])
    return raise_ends(past, own)


def translate(past: Sequence[Ended], position: Position) -> tuple[int, Loss]:
    """Translate a position of an earlier epoch into the present one; docs/protocol.md has the rule.

    Returns:
        The offset up to which the reader has what the present log has, and whether it has lost
        messages of the earlier epochs.
    """
    names = [ended.epoch for ended in past]
    offset, loss = position.offset, Loss.NONE
    if position.epoch not in names:
        return 0, Loss.LOST if offset else Loss.UNKNOWN
    for ended in past[names.index(position.epoch) :]:
        loss = max(loss, ended.loss(offset))
        offset = min(offset, ended.offset)
    return offset, loss
