"""The values that a log consists of: messages, positions, batches, snapshots."""

from __future__ import annotations

import json
from typing import NamedTuple

Labels = frozenset[str] | None
"""The labels of a listener; None means every label."""

Lost = tuple[str | None, int]
"""``(label, offset)``: messages of ``label`` up to ``offset`` are lost; None: of other labels."""

NO_HISTORY = "~"
"""The prefix of the epoch of a log without history; see docs/protocol.md."""

_DECODER = json.JSONDecoder()


class Position(NamedTuple):
    """A position in a channel: everything up to ``offset``, in the log named ``epoch``."""

    epoch: str
    offset: int


NOWHERE = Position("", 0)
"""The position of a mirror that was not loaded yet: in no log."""


class Message(NamedTuple):
    """A message as the log keeps it. ``row`` is its wire form: ``[offset,label,value,time]``."""

    offset: int
    label: str
    row: str
    time: float
    size: int

    @classmethod
    def of(cls, row: str) -> Message:
        """Parse a row, except for its value."""
        comma = row.index(",")
        label, _ = _DECODER.raw_decode(row, comma + 1)
        time = float(row[row.rindex(",") + 1 : -1])
        return cls(int(row[1:comma]), label, row, time, len(row.encode()))


class Batch(NamedTuple):
    """The result of a read: rows in order, the reader's next offset, and what it lost.

    ``upto`` and the offsets in ``lost`` belong to the log named ``epoch``.
    """

    rows: list[str]
    upto: int
    lost: list[Lost]
    epoch: str


class Summary(NamedTuple):
    """The labels of a log, for a listener that has received nothing.

    Attributes:
        kept: the number of messages in the window.
        seconds: the age limit of the window.
        labels: the labels whose newest message is kept, newest first.
        silent: the labels of the listener that the log has never had, as far as it knows.
        is_new: whether the log has never had a message.
    """

    kept: int
    seconds: float
    labels: list[str]
    silent: list[str]
    is_new: bool


class Snapshot(NamedTuple):
    """The content of a log. ``window`` ends at ``head``; ``beside`` is kept from before it."""

    epoch: str
    head: int
    window: list[Message]
    beside: list[Message]
    lost: dict[str, int]
    lost_rest: int
