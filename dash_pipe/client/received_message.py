"""The messages that a listener yields. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..log import Position
from .client import Update
from .subscription import Gap


@dataclass(frozen=True)
class ReceivedMessage:
    """A message of a channel.

    Attributes:
        channel_name: the channel.
        label: the kind of message.
        value: the value, decoded from JSON.
        offset: its number in the channel.
        time: when it was sent, in seconds since 1970.
        position: give it to ``listen`` as ``since`` to go on after this message.
        gaps: the messages that were, or may have been, lost before this one; almost always empty.
    """

    channel_name: str
    label: str
    value: Any
    offset: int
    time: float
    position: Position
    gaps: tuple[Gap, ...] = ()


def messages_of(channel: str, update: Update, gaps: tuple[Gap, ...]) -> Iterator[ReceivedMessage]:
    """Yield the messages of an update; the first has the gaps."""
    for (offset, label, value, time), epoch in zip(update.rows, update.epochs, strict=True):
        yield ReceivedMessage(channel, label, value, offset, time, Position(epoch, offset), gaps)
        gaps = ()
