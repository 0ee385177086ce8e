"""Log each warning about this process once, above all that messages can't reach every browser.

Nothing is guessed. A process serves if it has accepted a page, or it may serve if it has an app and
a socket that listens; ``family`` knows the parent and the siblings.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Callable
from typing import Protocol

from .telemetry.events import Extra, log_event
from .telemetry.limited_log import LimitedLog

GRACE_SECONDS = 5.0  # after its first message, that a process with an app has to begin to listen

REMEDY = (
    "Use one broker for all processes: set DASH_PIPE_BROKER=redis://localhost:6379/0 in the "
    'environment of each (pip install "dash-pipe[redis]"; see docs/brokers.md)'
)

SEVERAL = (
    "this server runs multiple workers (processes), and each keeps its messages in its own memory: "
    "a browser receives only the messages sent by the worker that it is connected to"
)
NO_APP = (
    "no browser can receive the messages of this process: it has no Dash app (an app has to be "
    "made before the first message), and its memory, where it keeps them, no other process can read"
)
NO_PARENT = (
    "no browser can receive the messages of this process: it serves no page, and neither does the "
    "process that started it, which would take them from here once a page has come to it"
)
NO_SERVER = (
    "no browser can receive the messages of this process: it has a Dash app, but it is no server, "
    "and its memory, where it keeps them, no other process can read"
)

logger = logging.getLogger("dash_pipe")


class Process(Protocol):
    """A process among others; see ``family``."""

    def may_serve(self) -> bool:
        """Return whether a page may come to this process."""

    def is_job(self) -> bool:
        """Return whether another process has started this one to compute something."""

    def has_parent(self) -> bool:
        """Return whether a process with an app has started this one."""


class Diagnostics:
    """Track whether this process sends what nobody can hear; log each warning once.

    A forked child keeps its copy: it has the parent's apps, and its warnings are logged already.

    Attributes:
        limited_log: for the lines that strangers can cause.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._has_endpoint = False
        self._first: tuple[int, float] | None = None  # the process that sent first, and when
        self._is_settled = False  # a page may come to this process
        self._has_warned = False
        self._warnings: set[str] = set()
        self.limited_log = LimitedLog(clock)

    def warn_once(self, text: str, extra: Extra) -> None:
        """Log a warning, unless the same text was logged before; ``extra`` is a ``log_event``."""
        if text not in self._warnings:
            self._warnings.add(text)
            logger.warning(text, extra=extra)

    def has_endpoint(self) -> None:
        """Note that this process has an app that browsers may connect to."""
        self._has_endpoint = True

    @property
    def has_warned(self) -> bool:
        """True once a warning said that messages can't reach every browser."""
        return self._has_warned

    def has_siblings(self) -> None:
        """Note that other processes of the same server serve pages too."""
        self._warn(SEVERAL)

    def serves(self) -> None:
        """Note that this process has accepted a page."""
        self._is_settled = True

    def keeps(self, process: Process) -> None:
        """Note that a message stays in the memory of this process, which serves no page yet."""
        if self._is_settled or self._has_warned or "PYTEST_VERSION" in os.environ:
            return
        now, pid = self._clock(), os.getpid()
        if self._first is None or self._first[0] != pid:
            self._first = (pid, now)
            if self._has_endpoint and process.has_parent():
                atexit.register(self.judge)
        problem = self._problem(process, now - self._first[1])
        if problem:
            self._warn(problem)

    def judge(self) -> None:
        """Warn at the end of a child if no browser can have received its messages."""
        if self._first is not None and self._first[0] == os.getpid() and not self._is_settled:
            self._warn(NO_PARENT)

    def copy(self) -> Diagnostics:
        """Return the diagnostics of the same apps, with no message sent and nothing logged yet."""
        other = Diagnostics(self._clock)
        other._has_endpoint = self._has_endpoint
        return other

    def reset_after_fork(self) -> None:
        """In a forked child: pages are connected to the parent."""
        self._is_settled = False

    def end(self) -> None:
        """Stop: do not warn when the process ends."""
        atexit.unregister(self.judge)

    def _problem(self, process: Process, seconds: float) -> str:
        """Return why no browser can receive a message; "" if one may yet."""
        if not self._has_endpoint:
            return NO_PARENT if process.has_parent() else NO_APP
        if not process.is_job() and seconds < GRACE_SECONDS:
            return ""
        if process.may_serve():
            self._is_settled = True
            return ""
        return NO_PARENT if process.has_parent() else NO_SERVER

    def _warn(self, problem: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            extra = log_event("messages_unheard", reason=problem)
            logger.warning("dash-pipe: %s. %s.", problem, REMEDY, extra=extra)
