"""How much a log holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The bounds of a log.

    Attributes:
        messages: how many messages the window holds.
        bytes: how many bytes of rows the window holds.
        seconds: how old a message in the window may be.
        labels: for how many labels the newest message is kept beside the window,
            and for how many the newest lost offset is known.
        label_seconds: how old the newest message of a label may be.
    """

    messages: int = 10_000
    bytes: int = 4 * 2**20
    seconds: float = 3600.0
    labels: int = 256
    label_seconds: float = 86_400.0
