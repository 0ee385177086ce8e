"""Count what happens in a process, by stable names. Any thread may count."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from .traffic import TRAFFIC, Traffic

CLOSE_CODES = (1001, 1002, 1003, 1007, 1009, 1012, 1013, 4400, 4401, 4403, 4406, 4408)

NAMES = (
    "max_connections_reached",
    "max_connections_per_address_reached",
    "handshake_rate_reached",
    "poll_rate_reached",
    "authorize_rate_reached",
    "token_denied",
    *(f"closed_{code}" for code in CLOSE_CODES),
    "connections_opened",
    "polls",
    "messages_published",
    "bytes_published",
    "messages_unsent",
    "app_calls",
    "app_calls_ended",
    "app_calls_timed_out",
    "app_calls_raised",
    "app_calls_seconds",
    "source_failures",
    *TRAFFIC,
)
"""The names, each with its meaning in docs/operations.md."""


class Counters:
    """Count from 0; a count never falls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, float] = dict.fromkeys(NAMES, 0)
        self._traffic: set[Traffic] = set()

    def add(self, name: str, count: float = 1) -> None:
        """Add to the count of a name of ``NAMES``."""
        with self._lock:
            self._counts[name] += count

    def published(self, size: int) -> None:
        """Count a message that was published, with the size of its value."""
        with self._lock:
            self._counts["messages_published"] += 1
            self._counts["bytes_published"] += size

    def open_traffic(self) -> Traffic:
        """Return what counts for one hub. Its numbers are part of the counts from now on."""
        traffic = Traffic()
        with self._lock:
            self._traffic.add(traffic)
        return traffic

    def close_traffic(self, traffic: Traffic) -> None:
        """Keep the numbers of a hub that has ended. More than once does no harm."""
        with self._lock:
            if traffic in self._traffic:
                self._traffic.remove(traffic)
                self._take(self._counts, traffic)

    def all(self) -> Mapping[str, float]:
        """Return a copy of all counts."""
        with self._lock:
            counts = dict(self._counts)
            for traffic in self._traffic:
                self._take(counts, traffic)
        return counts

    def _take(self, counts: dict[str, float], traffic: Traffic) -> None:
        for name, number in traffic.numbers().items():
            counts[name] += number
