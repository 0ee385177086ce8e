"""Tell whether a process can serve: whether the broker answers, and there is room for browsers."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from ..concurrency.per_process import Part
from ..runtime import Runtime
from ..telemetry.events import log_event
from .http import HttpAnswer

TIMEOUT = 2.0  # seconds that the broker has to answer
FRESH_SECONDS = 1.0  # that an answer counts: however many ask, the broker is asked once a second

logger = logging.getLogger("dash_pipe")


class BrokerHealth(Part):
    """Ping the broker at most once a second. Any thread may call it.

    Args:
        ping: see ``Broker.ping``.
        clock: seconds that only go forward.
    """

    def __init__(
        self, ping: Callable[[float], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ping = ping
        self._clock = clock
        self._lock = threading.Lock()
        self._checked_at = -FRESH_SECONDS
        self._problem = ""
        self._ping_seconds = 0.0

    def numbers(self) -> Mapping[str, float]:
        """See ``Part``: of the last check."""
        return {"broker_away": bool(self._problem), "broker_ping_seconds": self._ping_seconds}

    def problem(self) -> str:
        """Return why the broker is away; an empty string if it answers. Wait ``TIMEOUT`` at most.

        The text is for everybody, so the details go to the log.
        """
        with self._lock:  # a thread that had to wait finds a fresh answer
            if self._clock() >= self._checked_at + FRESH_SECONDS:
                self._problem = self._check()
                self._checked_at = self._clock()
            return self._problem

    def _check(self) -> str:
        begun_at = self._clock()
        try:
            self._ping(TIMEOUT)
        except ConnectionError as error:
            if not self._problem:
                extra = log_event("broker_away")
                logger.warning("dash-pipe: the broker is away: %s", error, extra=extra)
            kind = type(error.__cause__ or error).__name__
            return (
                f"the broker is away ({kind}); messages go on when it is back. The log of this "
                "server has the details"
            )
        finally:
            self._ping_seconds = self._clock() - begun_at
        return ""


def broker_health(runtime: Runtime) -> BrokerHealth:
    """Make the health of a runtime's broker; see ``Runtime.part``."""
    return BrokerHealth(lambda timeout: runtime.broker.ping(timeout))


def health(runtime: Runtime) -> HttpAnswer:
    """Tell an orchestrator whether new browsers may come to this process: 200, or 503 with reasons.

    Everybody may ask, and no code of the app is called. Wait ``TIMEOUT`` at most.
    """
    found = [runtime.part(broker_health).problem()]
    if runtime.connections >= runtime.max_connections:
        found.append(f"{runtime.connections} browsers are connected, as many as can be")
    reasons = [reason for reason in found if reason]
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    body = json.dumps({"status": "unavailable" if reasons else "ok", "reasons": reasons})
    return HttpAnswer(status, body, {"Cache-Control": "no-store"})
