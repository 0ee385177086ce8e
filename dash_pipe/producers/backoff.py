"""Decide how long a source that failed waits. Pure."""

from __future__ import annotations

FIRST = 1.0  # seconds, then twice as long each time
LONGEST = 60.0


class Backoff:
    """Double the delay after each failure, unless the run before it was longer than the longest."""

    def __init__(self) -> None:
        self._began_at = 0.0
        self._next = FIRST

    def begin(self, now: float) -> None:
        """Note that a run begins."""
        self._began_at = now

    def delay(self, now: float) -> float:
        """Return the seconds until the next run, after one that failed now."""
        if now - self._began_at > LONGEST:
            self._next = FIRST
        delay, self._next = self._next, min(2 * self._next, LONGEST)
        return delay
