"""The thread that starts and stops the sources of a process."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ..concurrency.greenlets import are_threads as threads_are_greenlets
from ..concurrency.per_process import Part
from ..concurrency.pool import Pool, PoolFullError
from ..runtime import Runtime
from ..telemetry.events import log_event
from .claim import claim
from .loop_run import LoopRun
from .production import Production
from .publisher import Publisher
from .run import Run
from .source_loop import SourceLoop
from .sources import Sources
from .thread_run import ThreadRun

if TYPE_CHECKING:
    from .source import Source

MAX_RUNS = 1000  # a pattern matches what a browser invents, and each may take a thread
GOODBYE_SECONDS = 2.0  # that the end of a process may wait for its sources

logger = logging.getLogger("dash_pipe")


def watch(runtime: Runtime, sources: Sources) -> None:
    """Have the sources run when somebody listens. No thread starts before that."""
    if not sources.is_watching:
        sources.is_watching = True
        runtime.program.watchers.append(_notice)


def _notice(runtime: Runtime, channel: str) -> None:
    """Note that who listens on a channel has changed; "" if the first page has come."""
    sources = runtime.program.declared(Sources)
    if sources.always() if not channel else sources.of(channel):
        runtime.part(Producers).notice(channel)


async def end_producers(runtime: Runtime) -> None:
    """End the sources of this process, whose server ends; return within a bounded time.

    The process may end by a signal after that, without its ``atexit``. And async sources are
    cancelled on the loop, which then is no more.
    """
    part = runtime.existing_part(Producers)
    if part is not None:
        runtime.discard(part)  # if the process goes on, the next page makes another
        with suppress(PoolFullError):
            await Pool("dash-pipe-sources-end", 1).submit(part.end).outcome(GOODBYE_SECONDS)


class Producers(Part):
    """Run the sources that somebody listens to; a part of the runtime.

    Its thread waits until a browser comes or goes, a run ends, or a claim has to be renewed.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._sources = runtime.program.declared(Sources)
        self._due = threading.Event()
        self._noticed: set[str] = set()
        self._waiting: set[str] = set()  # channels for whose sources there is no room
        self._productions: dict[tuple[Source, str], Production] = {}
        self._is_ending = False
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dash-pipe-sources", daemon=True)

    def start(self) -> None:
        """Start the thread; see ``Part``."""
        self._thread.start()

    def notice(self, channel: str) -> None:
        """Note that who listens on a channel has changed. Any thread may call it; never waits."""
        self._noticed.add(channel)
        self._due.set()

    def numbers(self) -> Mapping[str, float]:
        """See ``Part``."""
        return {"sources_running": sum(each.runs for each in list(self._productions.values()))}

    def goodbye(self) -> None:
        """End all runs, and let go of the sources; see ``Part``."""
        self._is_ending = True
        self._due.set()
        self._has_ended.wait(GOODBYE_SECONDS)

    def end(self) -> None:
        """Do the same; see ``Part``."""
        self.goodbye()

    def _run(self) -> None:
        wait: float | None = None
        while True:
            try:
                self._due.wait(wait)
                self._due.clear()
                wait = self._beat(time.monotonic())
                if self._is_ending and not self._productions:
                    break
            except SystemExit:  # dash.testing raises it in all threads when an app ends
                self._due.set()
            except Exception:
                logger.exception(
                    "dash-pipe: starting or ending a source failed; retry in 1 s",
                    extra=log_event("sources_failed"),
                )
                wait = 1.0
        self._has_ended.set()

    def _beat(self, now: float) -> float | None:
        """Do what is due. Return the seconds until the next beat; None if nothing is planned."""
        if not self._is_ending:
            self._add()
        waits = []
        for key, production in list(self._productions.items()):
            if self._is_ending or not self._sources.has(key[0]):
                production.stop(now)
            if not production.is_over:
                waits.append(production.beat(now))
            if production.is_over:
                del self._productions[key]
                self._notice_waiting()
        return min(waits, default=None)

    def _add(self) -> None:
        """Add what somebody began to listen to."""
        while self._noticed:
            channel = self._noticed.pop()
            if channel:
                found = self._sources.of(channel)
            else:
                found = [(source, {}) for source in self._sources.always()]
            for source, values in found:
                key = (source, channel or source.pattern.text)
                if key in self._productions or not self._is_wanted(*key):
                    continue
                if self._can_run(source) and self._has_room(key[1]):
                    self._productions[key] = self._make(*key, values)

    def _notice_waiting(self) -> None:
        """Look again for what has waited for room."""
        while self._waiting:
            self.notice(self._waiting.pop())

    def _has_room(self, channel: str) -> bool:
        """Return whether one more may run; else have the channel wait until another ends."""
        if len(self._productions) < MAX_RUNS:
            return True
        self._waiting.add(channel)
        self._runtime.diagnostics.limited_log.warning(
            "dash-pipe: %d sources run in this process, and no more can: that of channel %r waits "
            "until another ends; check in authorize() which channels there are",
            MAX_RUNS,
            channel,
            extra=log_event("sources_full", channel=channel),
        )
        return False

    def _can_run(self, source: Source) -> bool:
        """Return whether this process can run a source; say so if it can't."""
        if not source.is_async or not threads_are_greenlets():
            return True
        self._runtime.diagnostics.warn_once(
            f"dash-pipe: source {source.name} is async and can't run under gevent, whose greenlets "
            "share one thread; make it a function without async",
            log_event("source_needs_loop", source=source.name),
        )
        return False

    def _is_wanted(self, source: Source, channel: str) -> bool:
        if source.always and self._runtime.program.has_page:
            return True
        return self._runtime.audience.listening(channel).count(source.label) > 0

    def _make(self, source: Source, channel: str, values: dict[str, str]) -> Production:
        claimed = claim(self._runtime, channel, source.label or "")

        def make_run() -> Run:
            publisher = Publisher(self._runtime, claimed, channel, source.label, source.name)
            if not source.is_async:
                return ThreadRun(self._runtime, source, values, publisher, self._due.set)
            return LoopRun(
                self._runtime, source, values, publisher, self._due.set, self._loop(source)
            )

        is_wanted = partial(self._is_wanted, source, channel)
        note_failure = partial(self._runtime.counters.add, "source_failures")
        return Production(source, channel, claimed, is_wanted, make_run, note_failure)

    def _loop(self, source: Source) -> asyncio.AbstractEventLoop:
        loop = self._runtime.program.app_loop
        if loop is not None and loop.is_running():
            return loop
        return self._runtime.part(SourceLoop).loop
