"""Count the channels that one connection opens, and say when they are too many. Pure."""

from __future__ import annotations

BURST = 256  # at once: a page has 128 channels at most, and may exchange them all
RATE = 32.0  # a second after that


class OpeningPace:
    """Bound how fast a connection may open channels, each of which costs a broker some work."""

    __slots__ = ("_counted_at", "_opened")

    def __init__(self) -> None:
        self._opened = 0.0  # of which RATE a second are forgotten
        self._counted_at = 0.0

    def take(self, now: float) -> bool:
        """Count a channel that is to be opened. Return False if it is one too many."""
        self._opened = max(0.0, self._opened - (now - self._counted_at) * RATE)
        self._counted_at = now
        if self._opened >= BURST:
            return False
        self._opened += 1
        return True
