"""What a channel consists of: messages, and places among them. Values alone."""

from __future__ import annotations

import json
from typing import NamedTuple

Labels = frozenset[str] | None
"""The labels of a listener; ``None`` is every label."""

Lost = tuple[str | None, int]
"""``(label, offset)``: messages of ``label`` up to ``offset`` are gone; ``None`` is every other."""

NO_HISTORY = "~"
"""How the epoch of a log begins that knows only what this process heard; see docs/protocol.md."""

_DECODER = json.JSONDecoder()


class Position(NamedTuple):
    """A place in a channel: all up to and including ``offset``, in the log named ``epoch``."""

    epoch: str
    offset: int


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
