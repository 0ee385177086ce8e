"""Who is told when a log has grown."""

from __future__ import annotations

import threading
from collections.abc import Callable

from . import Grown


class Watchers:
    """Those whom a broker tells. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: tuple[Grown, ...] = ()

    def add(self, grown: Grown) -> Callable[[], None]:
        """Tell one more, until the returned function is called; see ``Broker.watch``."""
        with self._lock:
            self._told = (*self._told, grown)

        def remove() -> None:
            with self._lock:
                self._told = tuple(each for each in self._told if each is not grown)

        return remove

    def tell(self, channel: str) -> None:
        """Tell them all that a log has grown."""
        for grown in self._told:
            grown(channel)
