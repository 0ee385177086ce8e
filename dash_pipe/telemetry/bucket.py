"""Bound how often something may happen, on average. Pure."""

from __future__ import annotations

SECONDS = 10.0  # over which the average is taken


class Bucket:
    """Count what happens, and forget ``rate`` of it a second.

    Args:
        now: seconds that only go forward.
        reserve: so many may happen at once, if ``SECONDS`` at the rate are fewer.
    """

    __slots__ = ("_counted", "_counted_at", "_reserve")

    def __init__(self, now: float, reserve: int = 1) -> None:
        self._counted = 0.0
        self._counted_at = now
        self._reserve = reserve

    def take(self, now: float, rate: float) -> bool:
        """Count one. Return False, and don't count it, if it is one too many."""
        if self.level(now, rate) + 1 > max(rate * SECONDS, self._reserve):
            return False
        self.add()
        return True

    def level(self, now: float, rate: float) -> float:
        """Return how many are counted and not forgotten."""
        forgotten = (now - self._counted_at) * rate
        self._counted_at = now
        self._counted = max(0.0, self._counted - forgotten)
        return self._counted

    def add(self) -> None:
        """Count one, whatever the level."""
        self._counted += 1

    def give_back(self) -> None:
        """Count one less: it was called for."""
        self._counted = max(0.0, self._counted - 1)
