"""Pace the calls of ``authorize`` that one websocket causes."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..log import Labels
from ..protocol import Subscribe
from ..telemetry.bucket import Bucket

BURST = 256  # calls at once: a page subscribes to all of its channels, 128 at most


class Pace:
    """Count the calls for one websocket, and tell how long the next subscribe has to wait.

    It takes the place of an ``Allowance``, which is for polls.

    Args:
        rate: calls a second after ``BURST``.
        clock: seconds that only go forward.
    """

    __slots__ = ("_calls", "_clock", "_rate")

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._calls = Bucket(clock())

    def seconds(self) -> float:
        """Return how long to wait before the next call; mostly 0."""
        return max(0.0, (self._level() - BURST) / self._rate)

    def deadline(self) -> None:
        """Return no deadline: each call has its own time limit."""

    def has(self, _subscribe: Subscribe, _labels: Labels) -> bool:
        """Return that there is no answer yet: each call is made."""
        return False

    def answer(self, _subscribe: Subscribe, _labels: Labels) -> object:
        """Return no answer: none is kept."""

    def put(self, _subscribe: Subscribe, _labels: Labels, _answer: object) -> None:
        """Count a call that was made."""
        self._level()
        self._calls.add()

    def _level(self) -> float:
        return self._calls.level(self._clock(), self._rate)
