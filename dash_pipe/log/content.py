"""The content of a log, and what is read from it."""

from __future__ import annotations

from typing import NamedTuple

from .message import Lost, Message
from .past import Past


class Batch(NamedTuple):
    """The result of a read: rows in order, the reader's next offset, and what it lost.

    ``upto`` and the offsets in ``lost`` belong to the log named ``epoch``. ``past`` is filled if
    the reader's epoch was another one.
    """

    rows: list[str]
    upto: int
    lost: list[Lost]
    epoch: str
    past: Past = ()


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
    past: Past = ()
