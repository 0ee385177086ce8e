"""The limits of a log."""

from __future__ import annotations

from dataclasses import dataclass

LOSSES_PER_LABEL = 64
"""Losses that are known for each label that is kept: they are far smaller than messages."""


@dataclass(frozen=True)
class Limits:
    """The limits of a log.

    Attributes:
        messages: the number of messages in the window.
        bytes: the number of bytes of rows in the window.
        seconds: the age of a message in the window.
        labels: the number of labels whose newest message is kept after it has left the window.
        label_seconds: the age of the newest message of a label.
    """

    messages: int = 10_000
    bytes: int = 4 * 2**20
    seconds: float = 3600.0
    labels: int = 256
    label_seconds: float = 86_400.0

    @property
    def losses(self) -> int:
        """Return the number of labels whose newest lost offset is known; the others share one."""
        return LOSSES_PER_LABEL * self.labels
