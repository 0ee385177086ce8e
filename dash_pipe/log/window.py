"""The newest messages of a channel, indexed by offset and by label. Pure."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from .limits import Limits
from .message import Labels, Message

SCAN_LIMIT = 256  # below this many messages a scan is faster than the index


class Window:
    """Messages with contiguous offsets: added at one end, dropped at the other.

    The cost of a read depends on the messages it returns, not on those of other labels.

    Args:
        limits: the limits of the log.
        head: the offset before the first message.

    Attributes:
        first: the offset of the oldest message, ``head + 1`` if there is none.
        head: the offset of the newest message.
    """

    def __init__(self, limits: Limits, head: int = 0) -> None:
        self.first = head + 1
        self.head = head
        self._limits = limits
        self._bytes = 0
        self._messages: dict[int, Message] = {}
        # By label, in order. Up to half of them, at the front, may have been dropped already.
        self._offsets: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def bytes(self) -> int:
        """The size of its messages."""
        return self._bytes

    def add(self, message: Message) -> None:
        """Add the message that follows the newest."""
        self._messages[message.offset] = message
        self.head = message.offset
        self._bytes += message.size
        offsets = self._offsets.get(message.label)
        if offsets is None:
            self._offsets[message.label] = [message.offset]
        else:
            offsets.append(message.offset)

    def trim(self, now: float) -> list[Message]:
        """Drop the messages beyond the limits. Return them."""
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
        """Yield the messages after an offset that have one of the labels, in order."""
        begin = max(offset + 1, self.first)
        if labels is not None and self.head - begin >= SCAN_LIMIT:
            for found in heapq.merge(*(self._from(begin, label) for label in labels)):
                yield self._messages[found]
            return
        for each in range(begin, self.head + 1):
            message = self._messages[each]
            if labels is None or message.label in labels:
                yield message

    def newest(self, labels: Labels, last: int, upto: int) -> list[Message]:
        """Return the newest ``last`` messages of each label up to an offset, in order."""
        known = self._offsets
        lists = known.values() if labels is None else [known.get(each, []) for each in labels]
        found: list[int] = []
        for offsets in lists:
            end = bisect_right(offsets, upto)
            found += offsets[max(0, end - last) : end]
        return [self._messages[each] for each in sorted(found) if each >= self.first]

    def _from(self, begin: int, label: str) -> Iterator[int]:
        """Return the offsets of a label from ``begin`` on."""
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
