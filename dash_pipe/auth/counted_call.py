"""Count one call of the app, with its time and its outcome."""

from __future__ import annotations

import time

from ..telemetry.counters import Counters
from .time_limit import CallRaised, CallTimedOut


class CountedCall:
    """Count the call that is made inside, also if it is cancelled.

    Attributes:
        result: to be set to what the call returned, or what stands for it.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.result: object = None

    def __enter__(self) -> CountedCall:
        self._counters.add("app_calls")
        self._begun_at = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._counters.add("app_calls_ended")
        self._counters.add("app_calls_seconds", time.monotonic() - self._begun_at)
        if isinstance(self.result, CallTimedOut):
            self._counters.add("app_calls_timed_out")
        elif isinstance(self.result, CallRaised):
            self._counters.add("app_calls_raised")
