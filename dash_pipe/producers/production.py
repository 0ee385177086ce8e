"""Decide when this process runs a source on a channel, and do it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..brokers.coordinator import LeaseLostError
from .backoff import Backoff
from .claim import Claim
from .source_log import SourceLog

if TYPE_CHECKING:
    from .run import Run
    from .source import Source

RETRY_SECONDS = 1.0  # between two looks: whether another process has let go, whether to go on
RENEW_SECONDS = 2.0  # between two renewals of a claim
STOP_SECONDS = 5.0  # in which a run that was told to end has to do so
# The end of a loop, or of an app under dash.testing. If the process goes on, the source does, too.
INTERRUPTED = (asyncio.CancelledError, SystemExit)


class Production:
    """A source on a channel, as far as this process is concerned. One thread calls it.

    It claims the source while a browser of this process listens. It keeps it while one of any
    process does, so that the run survives that pages move from worker to worker.

    Args:
        source: the source.
        channel: the channel.
        claim: the right to run it.
        is_wanted_here: returns whether this process has a reason to run it.
        make_run: makes a run.
        note_failure: called when a run has raised.

    Attributes:
        is_over: there is nothing left to do, and the process has let go of it.
    """

    def __init__(
        self,
        source: Source,
        channel: str,
        claim: Claim,
        is_wanted_here: Callable[[], bool],
        make_run: Callable[[], Run],
        note_failure: Callable[[], None],
    ) -> None:
        self.is_over = False
        self._source = source
        self._log = SourceLog(source.name, channel)
        self._claim = claim
        self._is_wanted_here = is_wanted_here
        self._make_run = make_run
        self._note_failure = note_failure
        self._run: Run | None = None
        self._backoff = Backoff()
        self._wanted_at = -math.inf
        self._was_wanted_here = False
        self._holds = self._is_ending = False
        self._renew_at = -math.inf
        self._start_at = -math.inf  # infinite after the source has returned
        self._give_up_at: float | None = None  # while a run is told to end

    @property
    def runs(self) -> bool:
        """True while it runs here."""
        run = self._run
        return run is not None and not run.has_ended

    def beat(self, now: float) -> float:
        """Do what is due. Return the seconds until the next call is needed.

        Args:
            now: the time in seconds, on a clock that only goes forward.
        """
        if self._give_up_at is not None:
            self._wait_for_end(now, self._give_up_at)
        elif not self._holds:
            self._seek(now)
        elif not self._keeps(now):
            self._stop(now)
        elif self._run is None:
            if now >= self._start_at:
                self._start(now)
        elif self._run.has_ended:
            self._take_end(now, self._run)
        return self._seconds(now)

    def stop(self, now: float) -> None:
        """Have the run end, and let go of the source for good."""
        self._is_ending = True
        if not self._holds:
            self.is_over = True
        elif self._give_up_at is None:
            self._stop(now)

    def _seek(self, now: float) -> None:
        """Take the source if it is wanted here and nobody has it."""
        if not self._is_wanted_here():
            self.is_over = True
            return
        try:
            self._holds = self._claim.hold()
        except ConnectionError:
            return  # the broker says so in the log
        if self._holds:
            self._was_wanted_here = True
            self._wanted_at, self._renew_at = now, now + RENEW_SECONDS
            self._start(now)

    def _keeps(self, now: float) -> bool:
        """Return whether this process goes on. Look who listens, and renew the claim."""
        is_here, is_due = self._is_wanted_here(), now >= self._renew_at
        has_lingered = now - self._wanted_at >= self._source.linger
        is_wanted = is_here or self._was_wanted_here
        if not is_wanted and (is_due or has_lingered):
            is_wanted = self._is_wanted_elsewhere()
        if is_wanted:
            self._wanted_at = now
        self._was_wanted_here = is_here
        if is_due and not self._renew(now):
            self._log.lost()
            return False
        return is_wanted or now - self._wanted_at < self._source.linger

    def _is_wanted_elsewhere(self) -> bool:
        try:
            return self._claim.listening().count(self._source.label) > 0
        except ConnectionError:
            return True  # nobody knows; the lease ends if others can reach the broker

    def _renew(self, now: float) -> bool:
        self._renew_at = now + RENEW_SECONDS
        try:
            return self._claim.hold()
        except ConnectionError:
            return True  # likewise

    def _start(self, now: float) -> None:
        self._run = self._make_run()
        self._backoff.begin(now)
        self._log.started()
        self._run.start()

    def _stop(self, now: float) -> None:
        if self._run is not None:
            self._run.stop()
        self._give_up_at = now + STOP_SECONDS
        self._wait_for_end(now, self._give_up_at)

    def _wait_for_end(self, now: float, deadline: float) -> None:
        """Let go of the source when its run has ended, or has had enough time for it."""
        if self._run is not None and not self._run.has_ended:
            if now < deadline:
                return
            self._run.abandon()
            self._log.hangs(STOP_SECONDS)
        else:
            self._log.stopped()
        self._run = self._give_up_at = None
        self._holds, self.is_over = False, self._is_ending
        with suppress(ConnectionError):  # then the lease expires
            self._claim.release()

    def _take_end(self, now: float, run: Run) -> None:
        """Plan the next run."""
        self._run = None
        if isinstance(run.error, LeaseLostError):
            self._log.lost()
            self._stop(now)
            return
        if isinstance(run.error, INTERRUPTED):
            self._start_at = now + RETRY_SECONDS
            return
        if run.error is None:
            self._start_at = math.inf
            self._log.returned()
            return
        delay = self._backoff.delay(now)
        self._start_at = now + delay
        self._log.failed(run.error, delay)
        self._note_failure()

    def _seconds(self, now: float) -> float:
        if not self._holds or self._give_up_at is not None:
            return RETRY_SECONDS
        ends_in = max(self._wanted_at + self._source.linger - now, RETRY_SECONDS)
        starts_at = self._start_at if self._run is None else math.inf
        due_in = max(0.0, min(self._renew_at, starts_at) - now)
        return due_in if self._was_wanted_here else min(due_in, ends_in)
