"""Run a source on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ..concurrency.pool import Pool, PoolFullError
from ..runtime import Runtime
from ..telemetry.events import log_event
from .app_context import async_app_context
from .run import Run
from .timed import Timed

if TYPE_CHECKING:
    from .publisher import Publisher
    from .source import Source

BLOCKED = 1.0  # seconds in which a source may do without the loop before it is told
SENDING_THREADS = 8  # in which the async sources of a process wait for the broker
QUEUE_TIMEOUT = 5.0  # seconds until another attempt to get one of them
LAST_SECONDS = 2.0  # that a cancelled run waits until its last value is sent


class LoopRun(Run):
    """A run in a task; for the arguments see ``Run``.

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
        super().__init__(runtime, source, values, publisher, ended)
        self._loop = loop
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start a task; see ``Run``."""
        self._on_loop(self._begin)

    def stop(self) -> None:
        """Cancel the task; see ``Run``."""
        super().stop()
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
        """Send a value; if the run is cancelled meanwhile, before it ends."""
        if not self._runtime.broker.may_wait:
            self._publisher.send(value)
            return
        sending = self._loop.create_task(self._send_in_thread(value))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            await asyncio.wait([sending], timeout=LAST_SECONDS)
            if sending.done() and not sending.cancelled():
                sending.exception()  # so that asyncio does not report it: the run ends anyway
            raise

    async def _send_in_thread(self, value: Any) -> None:
        pool = self._runtime.part(_sending)
        while not self._publisher.abandoned.is_set():
            with suppress(PoolFullError):
                await pool.submit(partial(self._publisher.send, value)).outcome(QUEUE_TIMEOUT)
                return

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
