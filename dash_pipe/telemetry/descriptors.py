"""Know how many files, so sockets, this process may open (``ulimit -n``)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

RESERVED = 64  # descriptors for everything else, at least; a quarter of them if that is more
ACCEPT_SECONDS = 60.0  # between two lines about a connection that could not be accepted
# asyncio logs the first while no descriptor is left, and the second if the server ends meanwhile.
_ACCEPT = (
    "socket.accept() out of system resource",
    "Exception in callback BaseSelectorEventLoop._start_serving(",
)


def limit() -> int | None:
    """Return the number of files that this process may open; None if there is no limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def possible_connections(descriptors: int | None) -> int | None:
    """Return how many browser connections fit into so many descriptors."""
    if descriptors is None:
        return None
    return max(descriptors - max(RESERVED, descriptors // 4), 1)


class AcceptFilter(logging.Filter):
    """Let one line of a kind pass a minute about connections that could not be accepted.

    asyncio logs up to 2,048 of them a second, with a traceback each, while no descriptor is left.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        kind = next((each for each in _ACCEPT if str(record.msg).startswith(each)), None)
        if kind is None:
            return True
        now = self._clock()
        if now < self._next.get(kind, now):
            return False
        self._next[kind] = now + ACCEPT_SECONDS
        return True


_filter = AcceptFilter()


def limit_accept_lines() -> None:
    """Install the filter. A second call does nothing."""
    logging.getLogger("asyncio").addFilter(_filter)
