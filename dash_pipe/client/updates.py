"""Run a client over any number of connections: on a loop, or in a thread that may block."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from ..errors import EndpointUnavailableError
from .async_connection import AsyncConnection, BlockingConnection
from .client import Client, Update
from .connection import Connection

T = TypeVar("T")


async def async_updates(
    client: Client,
    connect: Callable[[], AsyncConnection],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[Update, None]:
    """Yield the updates of a client; reconnect for ever once the server has accepted it.

    Raises:
        EndpointUnavailableError: the first connection failed.
        ListenDeniedError: the server denied the subscription.
    """
    retrying = False
    while True:
        try:
            async with connect() as connection:
                for frame in client.opened(clock()):
                    await connection.send(frame)
                while True:
                    update = await _next(client, connection, clock)
                    retrying = retrying and not update.opened
                    yield update
        except EndpointUnavailableError as error:
            delay = client.closed(error)
            if not client.accepted:
                raise
            if not retrying:
                yield Update(notes=[f"{error}; reconnecting"])
            retrying = True
            await sleep(delay)


def updates(
    client: Client,
    connect: Callable[[], Connection],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Generator[Update, None, None]:
    """Yield the same as ``async_updates``, and block meanwhile. There is no loop and no thread."""

    async def pause(seconds: float) -> None:
        sleep(seconds)

    steps = async_updates(client, lambda: BlockingConnection(connect()), clock, pause)
    try:
        while True:
            yield _finish(steps.__anext__())
    finally:
        _finish(steps.aclose())


async def _next(client: Client, connection: AsyncConnection, clock: Callable[[], float]) -> Update:
    """Wait for the next update on a connection."""
    try:
        text = await connection.receive(client.timeout(clock()))
    except TimeoutError:
        update = client.waited(clock())
    else:
        update = client.received(text, clock())
    # Before the caller, which may take long: the server waits for a pong. No update with frames
    # has rows, which a cancellation here would lose.
    for frame in update.frames:
        await connection.send(frame)
    return update


def _finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends; return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("expected a coroutine that never suspends")
