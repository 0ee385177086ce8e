"""Random schedules of events: the page receives every message, or the loss is reported."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from dash_pipe.hub import delivery, pending_replay, session
from dash_pipe.log import window
from harness import chance
from schedules.page import Page
from schedules.world import BATCH, FORGOTTEN, WINDOW, run

SHRINK = os.environ.get("SCHEDULES_SHRINK", "1")  # empty: print the first that fails
SCHEDULES = int(os.environ.get("SCHEDULES", "1000"))
PHASES = [each for each in Phase if each is not Phase.shrink or SHRINK]
SEED = chance.seed("SCHEDULES_SEED")

PIPES = [("p", "c"), ("q", "c"), ("r", "c"), ("r", "d")]
SLOTS = "pqr"
CHOICES = ("a", "b", "ab", None)
BOUNDS = [(0, 1000), (1, 1000), (3, 3)]  # replay and buffer_size

MOUNTS: list[tuple[Any, ...]] = [
    ("mount", *where, labels, *bounds) for where in PIPES for labels in CHOICES for bounds in BOUNDS
]
# A page that may be listening already, so that more happens in the same number of steps.
BEGINNINGS = st.lists(st.sampled_from(MOUNTS), max_size=2).map(
    lambda mounts: [*mounts, ("accept",), ("serve",), ("deliver", 100)]
)

# Each step with its weight; `world.World` describes it.
STEPS: list[tuple[Any, ...]] = [
    *itertools.product(["send"], "cccd", ["a", "b", "c", "abab", "aaaaaa", "bbbbbbbbbbbb"]),
    *itertools.product(["send"], "cd", ["a", "bc", "abc"], [BATCH // 2]),  # few fit in a frame
    *[("serve",)] * 16,
    *[("deliver", count) for count in (1, 2, 100)] * 5,
    *[("again",)] * 6,
    *[("accept",)] * 12,
    *[("cut", noticed) for noticed in (True, False)] * 3,
    *[("network", down) for down in (True, False, False)],
    *[("wait", milliseconds) for milliseconds in (400, 2000, 6000, 45_000)] * 2,
    *[("beat", seconds) for seconds in (0.0, -30.0, 30.0, WINDOW, FORGOTTEN)],
    ("restart",),
    *[("begin_epoch", channel, cut) for channel in "cd" for cut in (None, 0, 0, 2)],
    *MOUNTS,
    *[("unmount", slot) for slot in SLOTS] * 2,
    *[("leave", slot) for slot in SLOTS] * 2,
    *[("remount", slot, *bounds) for slot in SLOTS for bounds in BOUNDS] * 2,
    *itertools.product(["relabel"], SLOTS, CHOICES),
    *[("take", slot) for slot in SLOTS] * 5,
]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with pytest.MonkeyPatch.context() as patch, Page() as page:
        for module in (delivery, pending_replay, session):  # so that flow control has work
            patch.setattr(module, "MAX_BATCH_BYTES", BATCH)
        patch.setattr(window, "SCAN_LIMIT", 3)  # so that messages are looked up as well
        yield page


@pytest.mark.timeout(900)
@seed(SEED)
@settings(max_examples=SCHEDULES, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(BEGINNINGS, st.lists(st.sampled_from(STEPS), min_size=10, max_size=60))
def test_random_schedule_loses_nothing_without_reporting_gap(
    page: Page, beginning: list[tuple[Any, ...]], schedule: list[tuple[Any, ...]]
) -> None:
    note(f"SCHEDULES_SEED={SEED}")
    run(page, [*beginning, *schedule])
