"""The newest messages of a channel, found by their offsets and by their labels. Pure."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from .limits import Limits
from .message import Labels, Message

FEW = 256  # so many messages are sooner looked through than looked up


class Window:
    """Messages with contiguous offsets: new ones are added at one end, the oldest drop off.

    What a reader is given costs as much as it is, however much is there for others.

    Args:
        limits: how much it holds.
        head: the offset after which the first message comes.

    Attributes:
        first: the offset of the oldest message, ``head + 1`` when there is none.
        head: the offset of the newest message.
    """

    def __init__(self, limits: Limits, head: int = 0) -> None:
        self.first = head + 1
        self.head = head
        self._limits = limits
        self._bytes = 0
        self._messages: dict[int, Message] = {}
        # By label, in order. Those at the front may have dropped off: up to half of them.
        self._offsets: dict[str, list[int]] = {}

    def add(self, message: Message) -> None:
        """Add the message after the newest."""
        self._messages[message.offset] = message
        self.head = message.offset
        self._bytes += message.size
        offsets = self._offsets.get(message.label)
        if offsets is None:
            self._offsets[message.label] = [message.offset]
        else:
            offsets.append(message.offset)

    def trim(self, now: float) -> list[Message]:
        """Drop what is beyond the limits, and return it."""
        dropped: list[Message] = []
        limits = self._limits
        while self._messages:
            oldest = self._messages[self.first]
            if (
                len(self._messages) <= limits.messages
                and self._bytes <= limits.bytes
                and oldest.time >= now - limits.seconds
            ):
                break
            self._drop(oldest)
            dropped.append(oldest)
        return dropped

    def after(self, offset: int, labels: Labels) -> Iterator[Message]:
        """The messages after an offset that have one of the labels, in order."""
        begin = max(offset + 1, self.first)
        if labels is not None and self.head - begin >= FEW:
            for found in heapq.merge(*(self._from(begin, label) for label in labels)):
                yield self._messages[found]
            return
        for each in range(begin, self.head + 1):
            message = self._messages[each]
            if labels is None or message.label in labels:
                yield message

    def newest(self, labels: Labels, last: int, upto: int) -> list[Message]:
        """The newest ``last`` messages of each of the labels up to an offset, in order."""
        known = self._offsets
        lists = known.values() if labels is None else [known.get(each, []) for each in labels]
        found: list[int] = []
        for offsets in lists:
            end = bisect_right(offsets, upto)
            found += offsets[max(0, end - last) : end]
        return [self._messages[each] for each in sorted(found) if each >= self.first]

    def _from(self, begin: int, label: str) -> Iterator[int]:
        """The offsets of a label from one on."""
        offsets = self._offsets.get(label, [])
        return map(offsets.__getitem__, range(bisect_left(offsets, begin), len(offsets)))

    def _drop(self, oldest: Message) -> None:
        del self._messages[oldest.offset]
        self.first += 1
        self._bytes -= oldest.size
        offsets = self._offsets[oldest.label]
        half = len(offsets) // 2
        if offsets[-1] == oldest.offset:
            del self._offsets[oldest.label]
        elif offsets[half] <= oldest.offset:
            del offsets[: half + 1]
