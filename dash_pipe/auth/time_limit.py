"""Limit the time of a call of the app, and its wait for a thread."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..concurrency.pool import CallTimeoutError, PoolFullError

THREADS = 16  # for calls of the app; a pool of database connections often has about as many
QUEUE_TIMEOUT = 20.0  # seconds that a call waits for one of them


@dataclass(frozen=True)
class CallTimedOut:
    """Stands for a result that did not come in time."""

    why: str


@dataclass(frozen=True)
class CallRaised:
    """Stands for a result: the app raised an exception."""

    error: Exception


@dataclass(frozen=True)
class TimeLimit:
    """The time limits of one call.

    Attributes:
        timeout: seconds that the call may take.
        deadline: the monotonic time when it and its wait for a thread have to end, too.
    """

    timeout: float
    deadline: float | None

    @property
    def has_passed(self) -> bool:
        """Return whether there is no time for the call."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def of_queue(self) -> float:
        """Return how many seconds the call may wait for a thread from now on."""
        return self._cut(QUEUE_TIMEOUT)

    def of_call(self) -> float:
        """Return how many seconds the call may take from now on."""
        return self._cut(self.timeout)

    def failure(self, error: Exception) -> CallRaised | CallTimedOut:
        """Return what stands for the result after an error."""
        if not isinstance(error, CallTimeoutError | PoolFullError):
            return CallRaised(error)
        if self.has_passed:
            return CallTimedOut(
                f"timed out: all calls for a poll together have {self.timeout:g} s "
                "(authorize_timeout)"
            )
        if isinstance(error, CallTimeoutError):
            return CallTimedOut(f"timed out after {self.timeout:g} s (authorize_timeout)")
        return CallTimedOut(
            f"was not called: none of the {THREADS} threads was free within {QUEUE_TIMEOUT:g} s; "
            "earlier calls are slow or hang"
        )

    def _cut(self, seconds: float) -> float:
        if self.deadline is None:
            return seconds
        return min(seconds, max(0.0, self.deadline - time.monotonic()))
