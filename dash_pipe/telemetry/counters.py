"""Count what happens in a process, by stable names. Any thread may count."""

from __future__ import annotations

import threading
from collections.abc import Mapping

CLOSE_CODES = (1001, 1002, 1003, 1007, 1009, 1012, 1013, 4400, 4401, 4403, 4406, 4408)

NAMES = (
    "max_connections_reached",
    "max_connections_per_address_reached",
    "token_denied",
    *(f"closed_{code}" for code in CLOSE_CODES),
)
"""The names, each with its meaning in docs/operations.md."""


class Counters:
    """Count from 0; a count never falls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(NAMES, 0)

    def add(self, name: str) -> None:
        """Add one to the count of a name of ``NAMES``."""
        with self._lock:
            self._counts[name] += 1

    def all(self) -> Mapping[str, int]:
        """Return a copy of all counts."""
        with self._lock:
            return dict(self._counts)
