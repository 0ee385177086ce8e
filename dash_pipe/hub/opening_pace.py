"""Count the channels that one connection opens, and say when they are too many. Pure."""

from __future__ import annotations

from ..telemetry.bucket import Bucket

BURST = 256  # at once: a page has 128 channels at most, and may exchange them all
RATE = 32.0  # a second after that


class OpeningPace:
    """Bound how fast a connection may open channels, each of which costs a broker some work."""

    __slots__ = ("_opened",)

    def __init__(self) -> None:
        self._opened = Bucket(0.0)

    def take(self, now: float) -> bool:
        """Count a channel that is to be opened. Return False if it is one too many."""
        if self._opened.level(now, RATE) >= BURST:
            return False
        self._opened.add()
        return True
