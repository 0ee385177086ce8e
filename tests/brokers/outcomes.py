"""The promise: which messages pages get after an event, and which losses they are told.

test_outcomes.py holds every line; tools/outcomes.py writes them into docs/brokers.md. Messages 1 to
4 are sent before an event, and a rollback returns to 2. A page has got the first of them (behind),
two (at) or all (ahead).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

POSITIONS = {"ahead": 4, "at": 2, "behind": 1}
"""The newest message that a page has got before the event."""


@dataclass(frozen=True)
class Outcome:
    """An outcome for a page.

    Attributes:
        lost: the messages after its position that it never gets.
        told: the cause of its last gap, and none if it is None.
        n_gaps: the number of gaps that it counts.
    """

    lost: tuple[int, ...] = ()
    told: str | None = None

    @property
    def n_gaps(self) -> int:
        """Return the number of gaps that it counts."""
        return int(self.told not in (None, "unknown"))


@dataclass(frozen=True)
class Event:
    """An event, and its outcomes by position.

    Attributes:
        title: the event, for the docs.
        present: for pages that stay, or return while a process has the mirror.
        away: for pages that return after the mirror was released.
    """

    title: str
    present: Mapping[str, Outcome]
    away: Mapping[str, Outcome]


def without(first: int, last: int, told: str | None, **others: Outcome) -> dict[str, Outcome]:
    """Return the outcomes if the messages from ``first`` to ``last`` are lost."""
    outcomes = {
        name: Outcome(tuple(range(max(first, position + 1), last + 1)), told)
        for name, position in POSITIONS.items()
    }
    return {**outcomes, **others}


NOTHING = Outcome()
EVERYTHING = without(0, 0, None)
ROLLED_BACK = without(3, 4, "epoch")
NOBODY_KNOWS = without(3, 4, None, ahead=Outcome((), "epoch"))
FORGOTTEN = without(1, 4, "epoch")
OVERFLOWED = without(1, 6, "window")
WITHOUT_ROWS = without(1, 4, "window", ahead=NOTHING)

EVENTS = {
    "cut": Event("A connection to Redis is cut", EVERYTHING, EVERYTHING),
    "silent": Event("A connection dies without closing", EVERYTHING, EVERYTHING),
    "stop": Event("Redis restarts, and had saved its data", EVERYTHING, EVERYTHING),
    "kill": Event(
        "Redis is killed, and has its data (`appendfsync always`)", EVERYTHING, EVERYTHING
    ),
    "overflow": Event(
        "Messages leave the window while a process is cut off", OVERFLOWED, OVERFLOWED
    ),
    "others_overflow": Event(
        "The same, and they have labels that the page does not listen to", EVERYTHING, EVERYTHING
    ),
    "rollback": Event("Redis returns with older data", ROLLED_BACK, ROLLED_BACK),
    "rollback_and_send": Event(
        "The same, and others send before the process is back", ROLLED_BACK, ROLLED_BACK
    ),
    "failover": Event("A replica that lags behind is promoted", ROLLED_BACK, ROLLED_BACK),
    "sender_remembers": Event(
        "Redis returns with older data, and the server process is lost; a sender that had the lost "
        "messages sends again",
        ROLLED_BACK,
        ROLLED_BACK,
    ),
    "nobody_knows": Event(
        "The same, and each of these senders is lost too", NOBODY_KNOWS, NOBODY_KNOWS
    ),
    "flushall": Event("`FLUSHALL`", FORGOTTEN, FORGOTTEN),
    "empty": Event("Redis returns without data", FORGOTTEN, FORGOTTEN),
    "empty_and_send": Event(
        "The same, and others send before the process is back", FORGOTTEN, FORGOTTEN
    ),
    "evict_meta": Event("Redis evicts the key `meta`", FORGOTTEN, FORGOTTEN),
    "evict_rows": Event("Redis evicts the key `rows`", EVERYTHING, WITHOUT_ROWS),
    "evict_others": Event(
        "Redis evicts all other keys, and the messages are in the window", EVERYTHING, EVERYTHING
    ),
}
