"""The losses of a channel: the newest lost offset of each label. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush, nlargest

from .message import Labels, Lost, Message

MAX_NAMED = 256  # losses that one answer names


class Losses:
    """The newest lost offset of each label, for a bounded number of labels.

    All other labels share the newest of theirs, which no named one is below: whether such a label
    has lost a message up to there is unknown.

    Args:
        room: the number of labels with an offset of their own.
        named: the newest lost offsets by label.
        rest: the newest lost offset of all labels that are not named.
    """

    def __init__(self, room: int, named: Mapping[str, int] | None = None, rest: int = 0) -> None:
        self._room = room
        self._named = {label: lost for label, lost in (named or {}).items() if lost > rest}
        self._rest = rest
        self._oldest: list[tuple[int, str]] = []  # a heap of the named, also of older offsets
        self._sort()
        self._forget()

    def note(self, message: Message) -> None:
        """Record that a message is lost."""
        if message.offset <= self._rest:
            return  # it is covered
        self._named[message.label] = message.offset
        heappush(self._oldest, (message.offset, message.label))
        self._forget()

    def after(self, offset: int, labels: Labels) -> list[Lost]:
        """Return the losses of the labels after an offset; empty if nothing was lost.

        At most ``MAX_NAMED`` are named, the newest. The label None stands for the others.
        """
        known = self._named
        if labels is not None:
            known = {label: known[label] for label in labels if label in known}
        named = [(lost, label) for label, lost in known.items() if lost > offset]
        rest = self._rest if labels is None or len(known) < len(labels) else 0
        if len(named) > MAX_NAMED:
            newest = nlargest(MAX_NAMED + 1, named)
            named, rest = newest[:-1], newest[-1][0]
        found: list[Lost] = [(None, rest)] if rest > offset else []
        return found + [(label, lost) for lost, label in sorted(named)]

    def _forget(self) -> None:
        while len(self._named) > self._room:
            offset, label = heappop(self._oldest)
            if self._named.get(label) == offset:
                del self._named[label]
                self._rest = offset
        if len(self._oldest) > 2 * self._room:
            self._sort()

    def _sort(self) -> None:
        self._oldest = [(offset, label) for label, offset in self._named.items()]
        heapify(self._oldest)
