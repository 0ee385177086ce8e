"""Count who listens in this process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from ..brokers.listening import Listening
from ..log import Labels


class Audience:
    """The browsers that listen in this process, by channel and labels. Any thread may call it.

    Args:
        on_change: called with the name of a channel when this has changed, from the thread of the
            change and without a lock. Must not wait.
    """

    def __init__(self, on_change: Callable[[str], None] | None = None) -> None:
        self._on_change = on_change or _do_nothing
        self._lock = threading.Lock()
        self._browsers: dict[str, Counter[Labels]] = {}

    def enter(self, channel: str, labels: Labels) -> None:
        """Count in a browser that listens on a channel for labels; None means all labels."""
        with self._lock:
            self._browsers.setdefault(channel, Counter())[labels] += 1
        self._on_change(channel)

    def leave(self, channel: str, labels: Labels) -> None:
        """Count out a browser that was counted in."""
        with self._lock:
            browsers = self._browsers[channel]
            browsers[labels] -= 1
            if not browsers[labels]:
                del browsers[labels]
            if not browsers:
                del self._browsers[channel]
        self._on_change(channel)

    def listening(self, channel: str) -> Listening:
        """Return how many browsers listen on a channel."""
        with self._lock:
            browsers = dict(self._browsers.get(channel, {}))
        labels: Counter[str] = Counter()
        for wanted, number in browsers.items():
            labels.update(dict.fromkeys(wanted or (), number))
        return Listening(sum(browsers.values()), browsers.get(None, 0), labels)

    def channels(self) -> list[str]:
        """Return the channels on which a browser listens."""
        with self._lock:
            return list(self._browsers)


def _do_nothing(channel: str) -> None:
    pass
