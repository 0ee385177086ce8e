"""Let the polls of a process take turns, so that they leave time for its websockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from ..concurrency.per_process import Part

TIMEOUT = 10.0  # seconds that a poll waits for its turn
SLICE = 0.005  # seconds of work after which a poll lets others have the turn
SHORT = 0.001  # seconds of a turn after which there is no rest
LONGEST_REST = 0.05  # seconds


class TurnTimeoutError(Exception):
    """A poll did not get its turn in time."""


class Turn(Protocol):
    """The turn of one poll."""

    def taken(self) -> AbstractContextManager[None]:
        """Hold the turn while inside."""

    def lent(self) -> AbstractContextManager[None]:
        """Let others have the turn while inside, since the poll waits."""

    def share(self) -> None:
        """Let others have the turn if it was long enough; return when it is had again."""


class FreeTurn:
    """A turn that nobody waits for: of a poll without a runtime."""

    def taken(self) -> AbstractContextManager[None]:
        """See ``Turn``."""
        return nullcontext()

    def lent(self) -> AbstractContextManager[None]:
        """See ``Turn``."""
        return nullcontext()

    def share(self) -> None:
        """See ``Turn``."""


class PollTurns(Part):
    """The turns of the polls in a process: one poll works at a time; a part of the runtime.

    Threads that work compete with the websockets' for Python's lock, 5 ms each time, and a
    greenlet lets no other run. After its turn a poll rests as long as it has worked, so polls take
    half of the time at most.
    """

    def __init__(self, _runtime: object) -> None:
        self._lock = threading.Lock()

    def turn(self) -> LockTurn:
        """Return the turn of another poll."""
        return LockTurn(self._lock)


class LockTurn:
    """A turn that is had with a lock.

    Args:
        lock: that of all polls.
        clock: the seconds that this thread has worked.
        rest: waits a number of seconds.
    """

    def __init__(
        self,
        lock: threading.Lock,
        clock: Callable[[], float] = time.thread_time,
        rest: Callable[[float], None] = lambda seconds: time.sleep(seconds),
    ) -> None:
        self._lock = lock
        self._clock = clock
        self._rest = rest
        self._began: float | None = None  # None: others may have the turn

    @contextmanager
    def taken(self) -> Iterator[None]:
        """See ``Turn``.

        Raises:
            TurnTimeoutError: the turn did not come, at first or after it was lent.
        """
        self._take()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """See ``Turn``."""
        self._leave()
        try:
            yield
        finally:
            self._take()

    def share(self) -> None:
        """See ``Turn``."""
        if self._began is not None and self._clock() - self._began > SLICE:
            self._leave()
            self._take()

    def _take(self) -> None:
        if not self._lock.acquire(timeout=TIMEOUT):
            raise TurnTimeoutError
        self._began = self._clock()

    def _leave(self) -> None:
        if self._began is None:
            return
        worked, self._began = self._clock() - self._began, None
        try:
            if worked > SHORT:
                self._rest(min(worked, LONGEST_REST))
        finally:
            self._lock.release()
