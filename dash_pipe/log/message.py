"""The values that a log consists of: messages and positions."""

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
