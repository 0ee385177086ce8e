"""Who is told when a log has grown."""

from __future__ import annotations

import threading
from collections.abc import Callable

from . import OnAppend


class Watchers:
    """Those whom a broker tells. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: tuple[OnAppend, ...] = ()

    def add(self, on_append: OnAppend) -> Callable[[], None]:
        """Tell one more, until the returned function is called; see ``Broker.watch``."""
        with self._lock:
            self._told = (*self._told, on_append)

        def remove() -> None:
            with self._lock:
                self._told = tuple(each for each in self._told if each is not on_append)

        return remove

    def tell(self, channel: str) -> None:
        """Tell them all that a log has grown."""
        for on_append in self._told:
            on_append(channel)
