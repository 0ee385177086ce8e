"""Send with ``on_error="log"``: count the messages that are lost, and log their number."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from ..concurrency.per_process import Part
from ..errors import BrokerUnavailableError, InvalidMessageError
from ..log import Position
from ..runtime import Runtime
from ..telemetry.events import log_event

OnError = Literal["raise", "log"]
"""The reaction to an unavailable broker."""

INTERVAL = 60.0  # seconds from the line of an outage to that of the next

logger = logging.getLogger("dash_pipe")


class Unsent(Part):
    """Log the first lost message, then how many were lost. Any thread may call it.

    An outage has a line at its beginning, one every ``INTERVAL`` seconds, and one at its end. One
    that begins within ``INTERVAL`` of the last is only counted, so a broker that comes and goes
    does not fill the log.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lost = 0  # in this outage
        self._in_doubt = 0  # of these, may have been sent
        self._logged = 0  # of these, are in the log
        self._due = -INTERVAL  # when the next line of a beginning may be logged

    def failed(self, reason: str, *, may_have_been_sent: bool) -> None:
        """Count a message that was lost."""
        with self._lock:
            self._lost += 1
            self._in_doubt += may_have_been_sent
            now = self._clock()
            if now < self._due:
                return
            self._due, self._logged = now + INTERVAL, self._lost
            lost = self._in_words()
        extra = log_event("messages_lost", reason=reason)
        logger.warning("dash-pipe: %s, and the sender goes on: %s", lost, reason, extra=extra)

    def succeeded(self) -> None:
        """Note that a message was sent: the outage is over, if there was one."""
        if self._lost:
            self._close("messages are sent again; ")

    def goodbye(self) -> None:
        """Log the losses that are not in the log; see ``Part``."""
        self.end()

    def end(self) -> None:
        """Log the losses that are not in the log; see ``Part``."""
        if self._lost > self._logged:
            self._due = -INTERVAL
            self._close("")

    def _close(self, news: str) -> None:
        """Log the end of an outage, unless its beginning is not logged and has to wait."""
        with self._lock:
            if not self._lost or (not self._logged and self._clock() < self._due):
                return
            lost = self._in_words()
            self._lost = self._in_doubt = self._logged = 0
        logger.warning("dash-pipe: %s%s", news, lost, extra=log_event("messages_lost_in_all"))

    def _in_words(self) -> str:
        text = "1 message was lost" if self._lost == 1 else f"{self._lost:,} messages were lost"
        return f"{text} ({self._in_doubt:,} may have been sent)" if self._in_doubt else text


def handling(
    current: Runtime, send: Callable[[], Position], on_error: OnError
) -> Callable[[], Position | None]:
    """Return a function that sends, and treats an unavailable broker as ``on_error`` says.

    Raises:
        InvalidMessageError: ``on_error`` is neither "raise" nor "log".
    """
    if not logs(on_error):
        return send

    def send_or_log() -> Position | None:
        with losses_logged(current):
            return send()
        return None

    return send_or_log


def logs(on_error: OnError) -> bool:
    """Return whether ``on_error`` is "log".

    Raises:
        InvalidMessageError: it is neither "raise" nor "log".
    """
    if on_error not in ("raise", "log"):
        raise InvalidMessageError("on_error", f"expected 'raise' or 'log', got {on_error!r}")
    return on_error == "log"


@contextmanager
def losses_logged(current: Runtime) -> Iterator[None]:
    """Send a message inside: if the broker is unavailable, count it as lost and raise nothing."""
    try:
        yield
    except BrokerUnavailableError as error:
        current.part(_unsent).failed(error.reason, may_have_been_sent=error.may_have_been_sent)
        return
    unsent = current.existing_part(_unsent)
    if unsent is not None:
        unsent.succeeded()


def _unsent(_: Runtime) -> Unsent:
    return Unsent()
