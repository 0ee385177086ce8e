"""Run a source once: in a thread, or on an event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import aclosing, closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..concurrency.pool import Pool, PoolFullError
from ..runtime import Runtime
from ..telemetry.events import log_event
from .app_context import app_context, async_app_context
from .timed import Timed

if TYPE_CHECKING:
    from .publisher import Publisher
    from .source import Source

BLOCKED = 1.0  # seconds in which a source may do without the loop before it is told
SENDING_THREADS = 8  # in which the async sources of a process wait for the broker
QUEUE_TIMEOUT = 5.0  # seconds until another attempt to get one of them

T = TypeVar("T")

logger = logging.getLogger("dash_pipe")


class Run(Protocol):
    """A run of a source.

    Attributes:
        error: what it has raised.
        has_ended: its function has returned, or was closed.
    """

    error: BaseException | None
    has_ended: bool

    def start(self) -> None:
        """Start it. Never waits."""

    def stop(self) -> None:
        """Have it end soon. Never waits."""


class ThreadRun:
    """A run in a thread of its own.

    Args:
        runtime: the runtime.
        source: the source.
        values: the variables of the channel.
        publisher: sends.
        ended: called at the end.
    """

    def __init__(
        self,
        runtime: Runtime,
        source: Source,
        values: dict[str, str],
        publisher: Publisher,
        ended: Callable[[], None],
    ) -> None:
        self.error: BaseException | None = None
        self.has_ended = False
        self._runtime = runtime
        self._every = source.every
        self._call = partial(source.function, **values)
        self._publisher = publisher
        self._ended = ended
        name = f"dash-pipe source {source.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread; see ``Run``."""
        self._thread.start()

    def stop(self) -> None:
        """Close the publisher, at which the thread looks; see ``Run``."""
        self._publisher.closed.set()

    def _run(self) -> None:
        try:
            if self._every is None:
                self._iterate()
            else:
                self._repeat(self._every)
        except BaseException as error:
            self.error = error
        finally:
            self.has_ended = True
            self._ended()

    def _iterate(self) -> None:
        with app_context(self._runtime), closing(self._call()) as values:
            for value in values:
                self._publisher.send(value)
                if self._publisher.closed.is_set():
                    return

    def _repeat(self, every: float) -> None:
        due = time.monotonic()
        while not self._publisher.closed.is_set():
            with app_context(self._runtime):
                value = self._call()
            self._publisher.send(value)
            now = time.monotonic()
            due = max(due + every, now)
            self._publisher.closed.wait(due - now)


class LoopRun:
    """A run on an event loop; for the arguments see ``ThreadRun``.

    Args:
        loop: the loop.
    """

    def __init__(
        self,
        runtime: Runtime,
        source: Source,
        values: dict[str, str],
        publisher: Publisher,
        ended: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.error: BaseException | None = None
        self.has_ended = False
        self._runtime = runtime
        self._name = source.name
        self._every = source.every
        self._call = partial(source.function, **values)
        self._publisher = publisher
        self._ended = ended
        self._loop = loop
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start a task; see ``Run``."""
        self._on_loop(self._begin)

    def stop(self) -> None:
        """Cancel the task; see ``Run``."""
        self._publisher.closed.set()
        self._on_loop(self._cancel)

    def _on_loop(self, call: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop is closed, and its tasks have ended
            self.has_ended = True
            self._ended()

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._run(), name=f"dash-pipe source {self._name}")

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            async with async_app_context(self._runtime):
                if self._every is None:
                    await self._iterate()
                else:
                    await self._repeat(self._every)
        except BaseException as error:
            self.error = error
            if not isinstance(error, Exception | asyncio.CancelledError):
                raise
        finally:
            self.has_ended = True
            self._ended()

    async def _iterate(self) -> None:
        async with aclosing(self._call()) as values:
            while not self._publisher.closed.is_set():
                try:
                    value = await Timed(anext(values), self._note_step)
                except StopAsyncIteration:
                    return
                await self._send(value)

    async def _repeat(self, every: float) -> None:
        due = self._loop.time()
        while not self._publisher.closed.is_set():
            await self._send(await Timed(self._call(), self._note_step))
            now = self._loop.time()
            due = max(due + every, now)
            await asyncio.sleep(due - now)

    async def _send(self, value: Any) -> None:
        if not self._runtime.broker.may_wait:
            self._publisher.send(value)
            return
        pool = self._runtime.part(_sending)
        is_sent = False
        while not is_sent and not self._publisher.closed.is_set():
            with suppress(PoolFullError):
                await pool.submit(partial(self._publisher.send, value)).outcome(QUEUE_TIMEOUT)
                is_sent = True

    def _note_step(self, seconds: float) -> None:
        if seconds > BLOCKED:
            self._runtime.diagnostics.limited_log.warning(
                "dash-pipe: source %s has blocked the event loop for %.1f s, in which no page was "
                "served; await something instead, or make it a function without async",
                self._name,
                seconds,
                extra=log_event("source_blocks_loop", source=self._name, seconds=seconds),
            )


def _sending(_: Runtime) -> Pool:
    return Pool("dash-pipe-source", SENDING_THREADS)
