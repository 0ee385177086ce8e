"""Await with a timeout."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, coroutine: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine with a timeout; cancel it if it takes longer.

    No cancellation of the caller is lost. Before Python 3.12 ``asyncio.wait_for`` loses one that
    comes together with the result.

    Raises:
        TimeoutError: it took longer.
    """
    task = asyncio.ensure_future(coroutine)
    try:
        await asyncio.wait({task}, timeout=max(seconds, 0.0))
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # note that it was seen
    if task.cancelled():
        raise TimeoutError
    return task.result()
