"""Choose what happens in a drive, and when. Pure: a seed in, a list of steps out."""

from __future__ import annotations

import random
from dataclasses import dataclass

PAUSE = (0.2, 3.0)  # seconds between two steps
DESERT = (40.0, 80.0)  # longer than a process keeps a mirror without listeners


@dataclass(frozen=True)
class Kind:
    """A kind of step: how often it comes, and how long it lasts."""

    weight: int
    seconds: tuple[float, float] = (0.0, 0.0)


# `copy` keeps the files of Redis, for a later `rollback`. One listener leaves, or in `desert` all
# those of a channel. `power` fails on the one host that has everything but the senders: processes
# are killed, and Redis is rolled back. In `partition` servers are cut off, and a burst is sent.
KINDS: dict[str, Kind] = {
    "kill": Kind(3),
    "stop": Kind(3, (1.0, 8.0)),
    "reset_clients": Kind(4),
    "reset_servers": Kind(3),
    "reset_senders": Kind(1),
    "silence_clients": Kind(3),
    "silence_servers": Kind(3),
    "silence_senders": Kind(1),
    "partition": Kind(3, (1.0, 8.0)),
    "pause_redis": Kind(2, (0.5, 4.0)),
    "restart": Kind(2),
    "crash": Kind(2),
    "copy": Kind(8),
    "rollback": Kind(6),
    "power": Kind(3),
    "flush": Kind(1),
    "empty": Kind(1),
    "delete_key": Kind(2),
    "burst": Kind(3),
    "leave": Kind(10, (1.0, 60.0)),
    "desert": Kind(3, DESERT),
}
NO_FAULTS = {"copy", "leave", "desert"}


@dataclass(frozen=True)
class Step:
    """Something that happens `at` a second of the period, for some seconds.

    `share` is the part of the connections that it meets; `pick` chooses one of what there is.
    """

    at: float
    kind: str
    seconds: float = 0.0
    share: float = 1.0
    pick: float = 0.0


def steps(choice: random.Random, seconds: float) -> list[Step]:
    """Return the steps of a period, in order."""
    names, weights = zip(*((name, kind.weight) for name, kind in KINDS.items()), strict=True)
    found: list[Step] = []
    at = choice.uniform(*PAUSE)
    while at < seconds:
        (name,) = choice.choices(names, weights)
        lasts = choice.uniform(*KINDS[name].seconds)
        share = choice.choice((0.3, 0.6, 1.0))
        found.append(Step(at, name, lasts, share, choice.random()))
        at += choice.uniform(*PAUSE)
    return found
