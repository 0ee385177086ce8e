"""Decide when to ping Redis, and when its answer is overdue."""

from __future__ import annotations

import math

PING_SECONDS = 20.0  # between two pings; with each, all heads are compared
TIMEOUT = 5.0  # seconds for a reply from Redis


class Pulse:
    """The pings of one connection. Pure: it is told the time, in seconds.

    A connection that died without a sign is noticed ``PING_SECONDS + TIMEOUT`` later at most.
    """

    def __init__(self, now: float) -> None:
        self._ping_at = now + PING_SECONDS
        self._deadline = math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until ``beat`` has something to do."""
        return max(0.0, min(self._ping_at, self._deadline) - now)

    def heard(self) -> None:
        """Note that the connection is alive."""
        self._deadline = math.inf

    def is_overdue(self, now: float) -> bool:
        """Return whether a ping has had no answer for ``TIMEOUT`` seconds."""
        return now >= self._deadline

    def beat(self, now: float) -> bool:
        """Return whether to ping now."""
        if now < self._ping_at:
            return False
        self._ping_at, self._deadline = now + PING_SECONDS, now + TIMEOUT
        return True
