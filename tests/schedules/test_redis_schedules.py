"""Random schedules of events with a Redis that loses data, and links that break."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from dash_pipe.hub import delivery, pending_replay, session
from harness import chance
from schedules.page import Page
from schedules.redis_world import run
from schedules.world import BATCH

SHRINK = os.environ.get("SCHEDULES_SHRINK", "1")  # empty: print the first that fails
SCHEDULES = int(os.environ.get("SCHEDULES", "1000"))
PHASES = [each for each in Phase if each is not Phase.shrink or SHRINK]
SEED = chance.seed("SCHEDULES_SEED")

SLOTS = "pqr"
PIPES = [("p", "c"), ("q", "c"), ("r", "d")]
BOUNDS = [(0, 1000), (0, 1000), (2, 1000), (0, 3)]  # replay and buffer_size
MOUNTS: list[tuple[Any, ...]] = [
    ("mount", *where, labels, *bounds)
    for where in PIPES
    for labels in ("a", "ab", None)
    for bounds in BOUNDS
]
SENDERS = ("short", "short", "living", "0", "1")
SENDS = list(itertools.product(["send"], "cccd", ["a", "b", "ab", "aaa"], SENDERS))
BURSTS = [
    *itertools.product(["send"], "cd", ["bbbbbbbbbb", "abcabcabcabc"], SENDERS),
    *itertools.product(["send"], "cd", ["abc", "abcaaaaaa"], SENDERS, [BATCH // 2]),
]

HEAR = [("serve",), ("deliver", 100)]
# Messages that Redis loses: known to a sender, to processes, to the page, or to nobody.
ROLLBACKS = [
    [("snapshot",), send, *known, ("roll_back", 1, noticed)]
    for send in SENDS
    for known in ([], [("work", 0)], [("work", 1)], HEAR)
    for noticed in (True, False)
]
# Messages that Redis loses before a process hears of them; their sender may come back.
UNHEARD = [
    [("snapshot",), ("part", 0, noticed), send, ("roll_back", 1, True), ("join", 0), *HEAR, *HEAR]
    for send in SENDS
    if send[3] != "0"
    for noticed in (True, False)
]
# Messages that a process misses.
MISSED = [
    [("part", 0, noticed), send, ("join", 0)]
    for send in [*SENDS, *BURSTS]
    for noticed in (True, False)
]

# A page that is listening already, and a log with messages, so that more happens in few steps.
BEGINNINGS = st.tuples(
    st.lists(st.sampled_from(MOUNTS), max_size=2),
    st.lists(st.sampled_from(SENDS), max_size=2),
    st.lists(st.sampled_from([("snapshot",)]), max_size=1),
).map(
    lambda parts: [
        *parts[0],
        ("accept", 0),
        ("serve",),
        ("deliver", 100),
        ("serve",),
        ("deliver", 100),
        *parts[1],
        *parts[2],
    ]
)

# Each step with its weight; `redis_world.RedisWorld` describes it.
GROUPS: list[tuple[int, list[Any]]] = [
    (12, SENDS),
    (5, [HEAR]),
    (6, ROLLBACKS),
    (3, UNHEARD),
    (3, MISSED),
    (2, BURSTS),
    (10, [("serve",)]),
    (3, [("work", who) for who in (0, 1)]),
    (10, [("deliver", count) for count in (1, 100, 100)]),
    (1, [("again",)]),
    (6, [("accept", who) for who in (0, 1)]),
    (3, [("cut", noticed) for noticed in (True, False)]),
    (4, [("snapshot",)]),
    (4, [("roll_back", count, noticed) for count in (1, 1, 2) for noticed in (True, False)]),
    (2, [("restart_redis", noticed) for noticed in (True, False)]),
    (1, [("flush",)]),
    (1, [("evict", channel, key) for channel in "cd" for key in range(6)]),
    (3, [("part", who, noticed) for who in (0, 0, 1, 2) for noticed in (True, False)]),
    (3, [("join", who) for who in (0, 0, 1, 2)]),
    (1, [("lose_reply", who) for who in (0, 1, 2)]),
    (2, [("kill", who) for who in (0, 1)]),
    (1, [("end_sender",)]),
    (4, [("wait", milliseconds) for milliseconds in (400, 6000, 6000, 31_000, 62_000)]),
    (1, [("beat", seconds) for seconds in (0.0, 26.0, 61.0, 601.0)]),
    (4, MOUNTS),
    (1, [("unmount", slot) for slot in SLOTS]),
    (2, [("leave", slot) for slot in SLOTS]),
    (2, [("remount", slot, 0, 1000) for slot in SLOTS]),
    (1, list(itertools.product(["relabel"], SLOTS, ("a", "ab", None)))),
    (4, [("take", slot) for slot in SLOTS]),
]
STEP = st.sampled_from([group for weight, group in GROUPS for _ in range(weight)]).flatmap(
    st.sampled_from
)
# Several lists, since one with few steps at least would have few on average.
SCHEDULE = st.tuples(*[st.lists(STEP, max_size=16)] * 4).map(
    lambda lists: [
        step
        for steps in lists
        for each in steps
        for step in (each if isinstance(each, list) else [each])
    ]
)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with Page() as page:
        yield page


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give flow control work."""
    for module in (delivery, pending_replay, session):
        monkeypatch.setattr(module, "MAX_BATCH_BYTES", BATCH)


@pytest.mark.timeout(1800)
@seed(SEED)
@settings(
    max_examples=SCHEDULES, phases=PHASES, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(BEGINNINGS, SCHEDULE)
def test_random_schedule_with_redis_tells_what_is_lost_and_nothing_else(
    page: Page, beginning: list[tuple[Any, ...]], schedule: list[tuple[Any, ...]]
) -> None:
    note(f"SCHEDULES_SEED={SEED}")
    with pytest.MonkeyPatch.context() as patch:
        run(page, patch, [*beginning, *schedule])


LISTENING = [("mount", "p", "c", "a", 0, 1000), ("accept", 0), *HEAR]
FOUND = {
    # The process knew by its sender what it had not heard, in an epoch that its mirror missed.
    "a process reports what it sent": [
        *LISTENING,
        ("snapshot",),
        ("roll_back", 1, True),
        ("send", "c", "a", "short"),
        ("snapshot",),
        ("send", "c", "a", "0"),
        ("roll_back", 1, True),
    ],
    # The mirror had no message yet, but heard of one that it could not take.
    "an empty mirror does not begin a log again that had messages": [
        *LISTENING,
        ("flush",),
        ("send", "c", "a", "short"),
        ("flush",),
    ],
    # The page has left the epoch when a sender reports how far it went.
    "a loss that is reported later is told": [
        *LISTENING,
        ("send", "c", "a", "short"),
        *HEAR,
        ("snapshot",),
        ("part", 0, True),
        ("send", "c", "a", "living"),
        ("roll_back", 1, True),
        ("join", 0),
        *HEAR,
        *HEAR,
        ("send", "c", "a", "living"),
    ],
    "a page ahead of a mirror that lags behind waits for Redis": [
        *LISTENING,
        ("part", 0, True),
        ("cut", True),
        ("wait", 2000),
        ("accept", 1),
        *HEAR,
        ("send", "c", "a", "short"),
        *HEAR,
        ("cut", True),
        ("wait", 2000),
        ("accept", 0),
        *HEAR,
    ],
    "what was in an evicted window is told": [
        *LISTENING,
        ("part", 0, True),
        ("send", "c", "a", "short"),
        ("evict", "c", 1),
        ("join", 0),
        *HEAR,
    ],
    "a process reports what a mirror knew that it has released": [
        *LISTENING,
        ("snapshot",),
        ("send", "c", "a", "short"),
        ("work", 0),
        ("cut", True),
        ("wait", 62_000),
        ("roll_back", 1, True),
        ("accept", 0),
        *HEAR,
    ],
    "a Pipe that has just changed to every label is told an unknown loss": [
        ("mount", "q", "c", "a", 2, 1000),
        ("accept", 0),
        *HEAR,
        ("send", "c", "a", "living"),
        ("beat", 61),
        ("relabel", "q", None),
        ("send", "c", "a", "0"),
        ("evict", "c", 4),
    ],
    # Redis has returned to before the report, and the process was in a later epoch.
    "a process reports again what Redis forgot": [
        ("mount", "r", "d", "a", 0, 1000),
        ("accept", 0),
        *HEAR,
        ("snapshot",),
        ("send", "d", "a", "short"),
        ("cut", True),
        ("roll_back", 1, True),
        ("work", 0),
        ("snapshot",),
        *HEAR,
        ("snapshot",),
        ("roll_back", 2, True),
    ],
    # Nobody knows which labels the overflow lost, and the page counts a gap at the same time.
    "a page that counts a gap is not told of an unknown one besides": [
        *LISTENING,
        ("send", "c", "a", "short"),
        *HEAR,
        ("flush",),
        ("send", "c", "abcabcabcabc", "short"),
        ("evict", "c", 3),
    ],
    # The process releases a mirror that has not seen the epoch in which its sender sent.
    "a released mirror does not replace what the process sent later": [
        ("mount", "p", "c", "a", 0, 1000),
        ("accept", 0),
        *HEAR,
        *HEAR,
        ("cut", True),
        ("mount", "q", "c", "a", 0, 1000),
        ("leave", "p"),
        ("accept", 1),
        ("leave", "p"),
        ("flush",),
        *HEAR,
        ("snapshot",),
        ("send", "c", "aaa", "0"),
        ("roll_back", 1, False),
        ("cut", True),
        ("leave", "p"),
    ],
    "the epoch of an empty log that vanished during a cut is not used again": [
        *LISTENING,
        ("part", 0, True),
        ("send", "c", "a", "short"),
        ("flush",),
        ("join", 0),
    ],
}


@pytest.mark.parametrize("schedule", FOUND.values(), ids=FOUND)
def test_schedule_that_failed_once_passes(page: Page, schedule: list[tuple[Any, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        run(page, patch, schedule)
