"""The timeout of what a client awaits."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from dash_pipe.client.within import within
from harness.wait import TIMEOUT


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, TIMEOUT))


def test_result_in_time_is_returned_also_without_any_time() -> None:
    async def ready() -> int:
        return 1

    assert run(within(TIMEOUT, ready())) == 1
    assert run(within(-1.0, ready())) == 1


def test_coroutine_that_takes_longer_is_cancelled() -> None:
    ended = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    with pytest.raises(TimeoutError):
        run(within(0.01, slow()))
    assert ended == [1]


def test_error_of_the_coroutine_is_raised() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(within(TIMEOUT, fail()))


@pytest.mark.parametrize("raises", [False, True])
def test_cancellation_that_comes_with_the_result_is_not_lost(raises: bool) -> None:
    async def scene() -> bool:
        came: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def waiting() -> int:
            return await came

        async def cancel_with_result() -> None:
            if raises:
                came.set_exception(ZeroDivisionError())
            else:
                came.set_result(1)
            await asyncio.sleep(0)  # the coroutine ends; the caller has not heard of it
            caller.cancel()

        caller = asyncio.create_task(within(TIMEOUT, waiting()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await cancel_with_result()
        await asyncio.wait({caller})
        return caller.cancelled()

    assert run(scene())
