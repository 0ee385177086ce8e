"""Fuzz what strangers and mistakes may send: mutated inputs, of which none may do harm.

The gate tries some hundreds of each kind; `make fuzz` tries 20,000. FUZZ_SEED repeats a run.
"""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import pytest

from fuzz.targets import Bytes, Frames, Pokes, Polls, RedisReplies, SettingValues, Tokens
from harness import chance

COUNT = int(os.environ.get("FUZZ", "500"))
CHECK_EVERY = 50
GROWTH = 2000  # objects that may be more after the second half than after the first


class Target(Protocol):
    def take(self) -> Any: ...

    def check(self) -> None: ...


TARGETS: dict[str, Callable[[random.Random], Target]] = {
    "frames": Frames,
    "frames of dpd": partial(Frames, dpd=True),
    "bytes": Bytes,
    "polls": Polls,
    "pokes": Pokes,
    "settings": SettingValues,
    "tokens": Tokens,
    "replies of Redis": RedisReplies,
}


@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", TARGETS)
def test_mutated_input_raises_nothing_disturbs_nobody_and_leaves_nothing(kind: str) -> None:
    seed = chance.seed("FUZZ_SEED")
    sys.stdout.write(f"fuzz of {kind}: {COUNT:,} inputs, FUZZ_SEED={seed}\n")
    choice = random.Random(f"{seed} {kind}")
    target = TARGETS[kind](choice)
    counts = []
    for number in range(1, COUNT + 1):
        state = choice.getstate()
        try:
            target.take()
            if number % CHECK_EVERY == 0:
                target.check()
        except Exception as error:
            choice.setstate(state)
            pytest.fail(f"input {number} of FUZZ_SEED={seed}: {error!r}", pytrace=True)
        if number in (COUNT // 2, COUNT):
            target.check()
            gc.collect()
            counts.append(len(gc.get_objects()))
    assert counts[1] - counts[0] < GROWTH
