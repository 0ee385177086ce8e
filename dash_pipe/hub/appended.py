"""Collect the channels whose logs have grown, from all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Appended:
    """The channels that were appended to since a hub has looked. Any thread may use it.

    Args:
        wake: called when the first of them is added; may be called from any thread.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._channels: set[str] = set()

    def add(self, channel: str) -> None:
        """Add a channel. Never waits."""
        with self._lock:
            is_first = not self._channels
            self._channels.add(channel)
        if is_first:
            self._wake()

    def take(self) -> set[str]:
        """Remove and return the channels."""
        with self._lock:
            channels, self._channels = self._channels, set()
        return channels
