"""The limits of a log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a log.

    Attributes:
        messages: the number of messages in the window.
        bytes: the number of bytes of rows in the window.
        seconds: the age of a message in the window.
        labels: the number of labels whose newest message is kept after it has left the window,
            and of labels whose newest lost offset is known.
        label_seconds: the age of the newest message of a label.
    """

    messages: int = 10_000
    bytes: int = 4 * 2**20
    seconds: float = 3600.0
    labels: int = 256
    label_seconds: float = 86_400.0
