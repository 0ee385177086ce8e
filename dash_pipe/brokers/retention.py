"""Retain what a process keeps per channel while it is open, and for a while after. Pure."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Retention(Generic[T]):
    """Items by channel: kept while the channel is open, and for a while after, for reconnects.

    Args:
        max_idle: the number of items kept whose channel is closed.
    """

    def __init__(self, max_idle: int) -> None:
        self._max_idle = max_idle
        self._items: dict[str, T] = {}
        self._listeners: Counter[str] = Counter()
        self._idle: OrderedDict[str, float] = OrderedDict()  # closed since when, oldest first

    def __len__(self) -> int:
        return len(self._items)

    def get(self, name: str) -> T | None:
        """Return the item of a channel if there is one."""
        return self._items.get(name)

    def names(self) -> list[str]:
        """Return the names of all channels with an item."""
        return list(self._items)

    def open(self, name: str, make: Callable[[], T]) -> T:
        """Return the item of a channel; make it if there is none."""
        if name not in self._items:
            self._items[name] = make()
        self._listeners[name] += 1
        self._idle.pop(name, None)
        return self._items[name]

    def close(self, name: str, now: float) -> list[T]:
        """Close a channel once. Return the items that are dropped because too many are idle."""
        self._listeners[name] -= 1
        if self._listeners[name]:
            return []
        del self._listeners[name]
        self._idle[name] = now
        return self._drop(len(self._idle) - self._max_idle)

    def expire(self, before: float) -> list[T]:
        """Drop and return the items whose channel was closed at ``before`` or earlier."""
        return self._drop(sum(since <= before for since in self._idle.values()))

    def _drop(self, count: int) -> list[T]:
        """Drop and return the items that have been idle longest."""
        names = [self._idle.popitem(last=False)[0] for _ in range(count)]
        return [self._items.pop(name) for name in names]
