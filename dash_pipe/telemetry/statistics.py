"""Count the connections that this server closes, and log those that reached a limit or a rule."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from .counters import CLOSE_CODES, Counters
from .events import log_event
from .limited_log import LimitedLog

logger = logging.getLogger("dash_pipe")

NOW = (
    "connections",
    "connections_asgi",
    "connections_loop",
    "connections_thread",
    "subscriptions",
    "logs",
    "log_messages",
    "log_bytes",
    "broker_away",
    "broker_ping_seconds",
    "app_calls_waiting",
    "app_calls_under_way",
    "sources_running",
)
"""The names of the numbers that rise and fall."""

_LEVELS: dict[int, int] = {
    1009: logging.WARNING,  # too large
    1013: logging.WARNING,  # try later
    4400: logging.WARNING,  # bad frames
    4403: logging.WARNING,  # origin
    4408: logging.INFO,  # no pong: a laptop that sleeps is no fault
}
"""The levels of the closes that are logged. The others are the app's, or ordinary."""


# The log has a better line about these: it names the channel, or the exception.
_LOGGED = ("authorize() timed out", "a websocket_connect hook timed out", "an error in this server")


class Logs(Protocol):
    """The holder of the log whose lines are limited."""

    limited_log: LimitedLog


class Process(Protocol):
    """The process that is counted; see ``Runtime``."""

    counters: Counters

    @property
    def diagnostics(self) -> Logs:
        """The holder of its log."""

    def numbers(self) -> Mapping[str, float]:
        """Return what it has now."""


def stats_of(process: Process) -> dict[str, float]:
    """Return the numbers of a process; see ``dash_pipe.stats``."""
    counts = dict(process.counters.all())
    under_way = counts["app_calls"] - counts.pop("app_calls_ended")
    now = {**dict.fromkeys(NOW, 0), **process.numbers()}
    now["app_calls_under_way"] = max(0, under_way - now["app_calls_waiting"])
    return {**now, **counts}


def note_close(process: Process, code: int, reason: str) -> None:
    """Note that this server has closed or rejected a connection: first in the log.

    So the line is there when the number is read.
    """
    level = _LEVELS.get(int(code))
    if level is not None and not reason.startswith(_LOGGED):
        text = f"dash-pipe: closed a connection with {int(code)}: %s"
        extra = log_event("connection_closed", code=int(code), reason=reason)
        process.diagnostics.limited_log.line(logger, level, text, reason, extra=extra)
    if code in CLOSE_CODES:
        process.counters.add(f"closed_{int(code)}")


def note_full(process: Process) -> None:
    """Note that a connection was rejected since there are too many."""
    process.counters.add("max_connections_reached")


def note_slowed(process: Process) -> None:
    """Note that a subscribe waits, since its connection causes too many calls of ``authorize``."""
    process.diagnostics.limited_log.warning(
        "dash-pipe: a connection causes too many calls of authorize (authorize_rate); it waits",
        extra=log_event("authorize_slowed"),
    )
    process.counters.add("authorize_rate_reached")
