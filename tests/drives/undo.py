"""The ends of faults that last. Pure: it is told the time, in seconds."""

from __future__ import annotations

from collections.abc import Callable

Act = Callable[[], None]


class Undo:
    """Calls that are due later, each of a kind."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, str, Act]] = []

    def add(self, at: float, kind: str, act: Act) -> None:
        """Call `act` when it is time."""
        self._waiting.append((at, kind, act))

    def next(self) -> float:
        """Return when the next call is due."""
        return min((at for at, _, _ in self._waiting), default=float("inf"))

    def due(self, now: float) -> None:
        """Make the calls that are due."""
        self._make(lambda at, _: at <= now)

    def all(self, *kinds: str) -> None:
        """Make the calls of some kinds now."""
        self._make(lambda _, kind: kind in kinds)

    def _make(self, chosen: Callable[[float, str], bool]) -> None:
        due = [each for each in self._waiting if chosen(*each[:2])]
        self._waiting = [each for each in self._waiting if each not in due]
        for _, _, act in due:
            act()
