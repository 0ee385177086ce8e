"""The channels of which a process follows what lies elsewhere. Pure."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Retention(Generic[T]):
    """What is followed, by channel: while it is open, and for a while after, as browsers come back.

    Args:
        max_idle: how many that nobody has open may linger.
    """

    def __init__(self, max_idle: int) -> None:
        self._max_idle = max_idle
        self._followed: dict[str, T] = {}
        self._listeners: Counter[str] = Counter()
        self._idle: OrderedDict[str, float] = OrderedDict()  # since when, longest first

    def __len__(self) -> int:
        return len(self._followed)

    def get(self, name: str) -> T | None:
        """What is followed of a channel, if it is."""
        return self._followed.get(name)

    def names(self) -> list[str]:
        """All channels that are followed."""
        return list(self._followed)

    def open(self, name: str, make: Callable[[], T]) -> T:
        """Follow a channel, with what is made if it is not followed yet."""
        if name not in self._followed:
            self._followed[name] = make()
        self._listeners[name] += 1
        self._idle.pop(name, None)
        return self._followed[name]

    def close(self, name: str, now: float) -> list[T]:
        """Let go of a channel that was opened; return what is given up as too many linger."""
        self._listeners[name] -= 1
        if self._listeners[name]:
            return []
        del self._listeners[name]
        self._idle[name] = now
        return self._give_up(len(self._idle) - self._max_idle)

    def expire(self, before: float) -> list[T]:
        """Give up what nobody has had open since a moment, and return it."""
        return self._give_up(sum(since <= before for since in self._idle.values()))

    def _give_up(self, count: int) -> list[T]:
        """Give up those that have been idle for the longest time."""
        names = [self._idle.popitem(last=False)[0] for _ in range(count)]
        return [self._followed.pop(name) for name in names]
