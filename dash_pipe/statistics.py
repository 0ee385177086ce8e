"""Count the connections that this server closes, and log those that reached a limit or a rule."""

from __future__ import annotations

import logging

from .counters import CLOSE_CODES
from .protocol import Close
from .runtime import Runtime, current

logger = logging.getLogger("dash_pipe")

_LEVELS: dict[int, int] = {
    Close.TOO_LARGE: logging.WARNING,
    Close.TRY_LATER: logging.WARNING,
    Close.BAD_FRAMES: logging.WARNING,
    Close.ORIGIN: logging.WARNING,
    Close.NO_PONG: logging.INFO,  # a laptop that sleeps is no fault
}
"""The levels of the closes that are logged. The others are the app's, or ordinary."""


# The log has a better line about these: it names the channel, or the exception.
_LOGGED = ("authorize() timed out", "a websocket_connect hook timed out", "an error in this server")


def stats() -> dict[str, int]:
    """Return the numbers of this process; docs/operations.md has their meanings.

    ``connections`` is the number of browsers that are connected now; the others count from the
    start of the process.
    """
    runtime = current()
    return {"connections": runtime.connections, **runtime.counters.all()}


def note_close(runtime: Runtime, code: int, reason: str) -> None:
    """Note that this server has closed or rejected a connection: first in the log.

    So whoever sees the number can read the line.
    """
    level = _LEVELS.get(int(code))
    if level is not None and not reason.startswith(_LOGGED):
        text = f"dash-pipe: closed a connection with {int(code)}: %s"
        runtime.diagnostics.limited_log.line(logger, level, text, reason)
    if code in CLOSE_CODES:
        runtime.counters.add(f"closed_{int(code)}")


def note_full(runtime: Runtime) -> None:
    """Note that a connection was rejected since there are too many."""
    runtime.counters.add("max_connections_reached")
