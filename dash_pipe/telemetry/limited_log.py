"""Limit the lines in the log that strangers can cause, and count those that are left out."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable

from .events import Extra

LINES = 10  # of one kind
SECONDS = 60.0  # in this time
MAX_KINDS = 100  # kinds of exceptions whose traceback is logged
MAX_TEXT = 300  # characters of an exception

_logger = logging.getLogger("dash_pipe")


class RateLimit:
    """Let a number of lines pass in a time, and count the others. Pure.

    Threads may share it: a race costs no more than a count.
    """

    def __init__(self, lines: int = LINES, seconds: float = SECONDS) -> None:
        self._lines = lines
        self._seconds = seconds
        self._until: float | None = None  # when the time of the lines that passed ends
        self._passed = 0
        self._left_out = 0

    def take(self, now: float) -> str | None:
        """Return what to add to a line, mostly nothing; None if the line is to be left out."""
        if self._until is None or now >= self._until:
            self._until, self._passed = now + self._seconds, 0
        if self._passed >= self._lines:
            self._left_out += 1
            return None
        self._passed += 1
        notes = []
        if self._left_out:
            notes.append(f"{self._left_out:,} such lines were left out before")
            self._left_out = 0
        if self._passed == self._lines:
            notes.append(f"further such lines are left out for {self._until - now:.0f} s")
        return f" ({'; '.join(notes)})" if notes else ""


class LimitedLog:
    """Log lines that strangers can cause, at most ``LINES`` of each kind in ``SECONDS``.

    The text before its arguments are put in is the kind of a line.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limits: dict[str, RateLimit] = {}
        self._errors: set[tuple[type, str, int]] = set()

    def warning(self, text: str, *args: object, extra: Extra) -> None:
        """Log a warning; ``extra`` is a ``log_event``."""
        self.line(_logger, logging.WARNING, text, *args, extra=extra)

    def raised(self, text: str, error: BaseException, *args: object, extra: Extra) -> None:
        """Log that the app raised an exception, in one line; its first ``%s`` is the exception.

        The traceback follows once for each type of exception and place where it is raised.
        """
        shown = " ".join(f"{type(error).__name__}: {error}".split())
        if len(shown) > MAX_TEXT:
            shown = f"{shown[:MAX_TEXT]}..."
        again = self._is_known(error)
        first = None if again else error
        extra = {**extra, "error": shown}
        self.line(_logger, logging.ERROR, text, shown, *args, extra=extra, exc_info=first)

    def line(
        self,
        logger: logging.Logger,
        level: int,
        text: str,
        *args: object,
        extra: Extra,
        exc_info: BaseException | None = None,
    ) -> None:
        """Log a line with a logger."""
        limit = self._limits.setdefault(text, RateLimit())
        note = limit.take(self._clock())
        if note is not None:
            logger.log(level, f"{text}%s", *args, note, exc_info=exc_info, extra=extra)

    def _is_known(self, error: BaseException) -> bool:
        """Return whether the traceback of such an exception was logged, or there are too many."""
        frames = list(traceback.walk_tb(error.__traceback__))
        raised_at = [(frame.f_code.co_filename, number) for frame, number in frames[-1:]]
        kind = (type(error), *(raised_at or [("", 0)])[0])
        if kind in self._errors or len(self._errors) >= MAX_KINDS:
            return True
        self._errors.add(kind)
        return False
