"""Count durations by their size. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

BOUNDS: Mapping[str, float] = {"1ms": 0.001, "10ms": 0.01, "100ms": 0.1, "1s": 1.0}
"""The largest duration of each size."""

_LIMITS = tuple(BOUNDS.values())


def histogram_names(name: str) -> tuple[str, ...]:
    """Return the names of the numbers of a histogram."""
    return (*(f"{name}_within_{size}" for size in BOUNDS), f"{name}_count", f"{name}_seconds")


class Histogram:
    """The durations of one thing. One thread at a time may add."""

    __slots__ = ("_counts", "_seconds")

    def __init__(self) -> None:
        self._counts = [0] * (len(_LIMITS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration. A negative one, of clocks that differ, counts as 0."""
        self._counts[bisect_left(_LIMITS, seconds)] += 1
        self._seconds += max(0.0, seconds)

    def numbers(self, name: str) -> dict[str, float]:
        """Return its numbers. Each size includes the smaller ones."""
        total, found = 0, []
        for count in list(self._counts):
            total += count
            found.append(total)
        return dict(zip(histogram_names(name), (*found, self._seconds), strict=True))
