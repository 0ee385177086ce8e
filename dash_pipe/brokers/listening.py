"""Say how many browsers listen on a channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol


class Listening(NamedTuple):
    """The numbers of browsers that listen on a channel.

    Attributes:
        total: the number of browsers.
        every: those of them that listen for every label.
        labels: the others, for each label; one that listens for several counts for each.
    """

    total: int = 0
    every: int = 0
    labels: Mapping[str, int] = {}

    def count(self, label: str | None) -> int:
        """Return how many listen for a label; None means any label."""
        return self.total if label is None else self.every + self.labels.get(label, 0)


class Audience(Protocol):
    """The browsers that listen in this process."""

    def listening(self, channel: str) -> Listening:
        """Return how many listen on a channel now. Any thread may call it; it never waits."""


def added(parts: Iterable[Listening]) -> Listening:
    """Add the numbers of several processes."""
    total = every = 0
    labels: dict[str, int] = {}
    for part in parts:
        total, every = total + part.total, every + part.every
        for label, number in part.labels.items():
            labels[label] = labels.get(label, 0) + number
    return Listening(total, every, labels)
