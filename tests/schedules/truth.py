"""The messages that Redis should have, and those that it lost, with who knew them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from schedules.oracle import Sent

Content = dict[str, list[Sent]]


@dataclass(eq=False)
class Event:
    """Redis has lost the end of a log, or all of it.

    Attributes:
        moment: when.
        fork: the offset of the newest message that is left.
        lost: the numbers of the messages that are gone.
        epochs: those of the log until then.
        gone: nothing is left of the log.
        heard: when one who knew a lost message came to Redis again, if one did.
    """

    channel: str
    moment: int
    fork: int
    lost: frozenset[int]
    epochs: frozenset[str]
    gone: bool
    heard: int | None = None


class Truth:
    """The messages that Redis should have, by what was sent and what happened to it."""

    def __init__(self) -> None:
        self.moment = 0
        self.rollbacks = 0
        self.content: Content = defaultdict(list)
        self.events: list[Event] = []
        self.injured: dict[str, int] = {}  # channels that lost a key, and when
        self.lineage: dict[str, int] = defaultdict(int)  # grows when a log is gone
        self.lineage_of: dict[str, int] = {}  # by epoch
        self._epochs: dict[str, set[str]] = defaultdict(set)
        self._seen: dict[tuple[object, str], set[int]] = defaultdict(set)

    def sent(self, sent: Sent) -> None:
        self.content[sent.channel].append(sent)
        self.names(sent.channel, sent.epoch)

    def names(self, channel: str, epoch: str) -> None:
        """Take the epoch that a log has now."""
        self._epochs[channel].add(epoch)
        self.lineage_of.setdefault(epoch, self.lineage[channel])

    def snapshot(self) -> dict[str, list[Sent]]:
        """Return the messages of each channel."""
        return {name: list(self.content[name]) for name in self._epochs}

    def rolls_back(self, channel: str, left: list[Sent], moment: int) -> None:
        """Take the content of an earlier moment. What was reported since is forgotten too."""
        self.rollbacks += 1
        for event in self.events:
            if event.channel == channel and event.heard is not None and event.heard > moment:
                event.heard = None
        self._loses(channel, left, gone=False)

    def loses_all(self, channel: str) -> None:
        if self.content[channel]:
            self._loses(channel, [], gone=True)
        self.lineage[channel] += 1

    def _loses(self, channel: str, left: list[Sent], *, gone: bool) -> None:
        lost = frozenset(sent.number for sent in self.content[channel][len(left) :])
        if lost:
            fork = left[-1].offset if left else 0
            epochs = frozenset(self._epochs[channel])
            self.events.append(Event(channel, self.moment, fork, lost, epochs, gone))
        self.content[channel] = list(left)

    # Who knows

    def sees(self, who: object, channel: str, numbers: set[int]) -> None:
        self._seen[who, channel] |= numbers

    def speaks(self, who: object, channel: str, epoch: str) -> None:
        """Someone compared what it knows with Redis, and found this epoch."""
        for event in self.events:
            is_later = event.channel == channel and epoch not in event.epochs
            if is_later and event.heard is None and self._seen[who, channel] & event.lost:
                event.heard = self.moment

    def forgets(self, who: object) -> None:
        for name in [name for name in self._seen if name[0] is who]:
            del self._seen[name]
