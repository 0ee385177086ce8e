"""The measurement of how long a coroutine blocks its loop."""

import asyncio
import time

import pytest

from dash_pipe.producers.timed import Timed


def test_steps_are_measured_without_the_time_in_which_it_waits() -> None:
    steps: list[float] = []

    async def work() -> str:
        time.sleep(0.02)
        await asyncio.sleep(0.05)
        return "done"

    async def main() -> str:
        return await Timed(work(), steps.append)

    assert asyncio.run(main()) == "done"
    assert len(steps) == 2
    assert steps[0] >= 0.02
    assert sum(steps) < 0.05


def test_exception_passes_through_both_ways() -> None:
    steps: list[float] = []
    seen: list[BaseException] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as error:
            seen.append(error)
            raise ValueError("cancelled") from error

    async def main() -> None:
        task = asyncio.ensure_future(_await(Timed(work(), steps.append)))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(ValueError, match="cancelled"):
        asyncio.run(main())
    assert len(seen) == 1
    assert len(steps) == 2


async def _await(timed: Timed[None]) -> None:
    await timed
