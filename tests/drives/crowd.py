"""The listeners of a drive: some always there, some away for a time, some on a new channel."""

from __future__ import annotations

import itertools
import random

from drives.follower import Follower
from drives.served import Served

LABELS = ("a", "b", "c", "d", "e", "f")
BUSY, QUIET = "busy", "quiet"
# The number of listeners on each channel; the others come to a new one.
SIZES = {BUSY: 14, QUIET: 10}
NEWCOMERS = 5
LATE = 2  # listeners that come to the busy channel in each period, and have its past replayed
REPLAY = 3
WEIGHTS = {BUSY: 8, QUIET: 3}  # of the messages
NEW_WEIGHT = 2
STAY = 0.4  # the part of the listeners of a channel that never leaves, but for a desert


class Crowd:
    """The listeners; `newest` is the channel that was made last."""

    def __init__(self, served: Served, choice: random.Random) -> None:
        self.followers: list[Follower] = []
        self.newest = ""
        self._served = served
        self._choice = choice
        self._passing: list[Follower] = []  # those that a period ends
        self._names = (f"new {number}" for number in itertools.count(1))

    def come(self) -> None:
        """Let the first listeners come."""
        for channel, count in SIZES.items():
            self.followers += [self._follow(channel, number) for number in range(count)]
        self.renew()

    def renew(self) -> None:
        """End the listeners of a period; let others listen on a channel that is new."""
        for follower in self._passing:
            follower.end()
            self.followers.remove(follower)
        self.newest = next(self._names)
        self._passing = [self._follow(self.newest, number) for number in range(NEWCOMERS)]
        self._passing += [self._follow(BUSY, number, REPLAY) for number in range(LATE)]
        self.followers += self._passing

    def end(self) -> None:
        """Stop for ever."""
        for follower in self.followers:
            follower.end()

    def channels(self) -> tuple[str, ...]:
        """Return all channels that have listeners."""
        return (BUSY, QUIET, self.newest)

    def may_leave(self) -> list[Follower]:
        """Return the listeners that are here and may leave."""
        stay = {channel: int(STAY * count) for channel, count in SIZES.items()}
        found = []
        for follower in self.followers:
            channel = follower.record.channel
            stay[channel] = stay.get(channel, 0) - 1
            if stay[channel] < 0 and follower.is_here:
                found.append(follower)
        return found

    def here(self, channel: str | None = None) -> list[Follower]:
        """Return the listeners that are here; those of one channel, if it is named."""
        return [
            follower
            for follower in self.followers
            if follower.is_here and channel in (None, follower.record.channel)
        ]

    def _follow(self, channel: str, number: int, replay: int = 0) -> Follower:
        # Every third listens to everything: it shows what its process knows.
        size = self._choice.randint(1, 3)
        labels = None if number % 3 == 0 else self._choice.sample(LABELS, size)
        shown = "*" if labels is None else "".join(sorted(labels))
        name = f"{channel}/{'late ' if replay else ''}{number}/{shown}"
        seed = self._choice.randrange(2**32)
        return Follower(name, channel, labels, self._served, seed, replay)
