"""The decision when a process runs a source; the test moves clock, claim and runs."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from dash_pipe.brokers.coordinator import LEASE_SECONDS, LeaseLostError
from dash_pipe.brokers.listening import Listening
from dash_pipe.producers.channel_pattern import ChannelPattern
from dash_pipe.producers.production import RENEW_SECONDS, RETRY_SECONDS, STOP_SECONDS, Production
from dash_pipe.producers.source import Source

LINGER = 10.0


def prices() -> Iterator[int]:
    yield 1


class Claim:
    """A claim as the test has it."""

    def __init__(self) -> None:
        self.is_free = True
        self.is_away = False
        self.elsewhere = 0
        self.released = 0
        self.renewed = 0

    def hold(self) -> bool:
        if self.is_away:
            raise ConnectionError
        self.renewed += 1
        return self.is_free

    def release(self) -> None:
        self.released += 1
        if self.is_away:
            raise ConnectionError

    def listening(self) -> Listening:
        if self.is_away:
            raise ConnectionError
        return Listening(self.elsewhere, self.elsewhere)

    def publish(self, label: str, text: str, message_id: str) -> None:
        raise AssertionError


class Run:
    """A run that ends when the test says so, or when it is stopped."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.has_ended = self.is_stopped = False
        self.hangs = self.is_abandoned = False

    def start(self) -> None: ...

    def stop(self) -> None:
        self.is_stopped = True
        self.has_ended = not self.hangs

    def abandon(self) -> None:
        self.is_abandoned = True

    def end(self, error: BaseException | None = None) -> None:
        self.has_ended, self.error = True, error


class Stage:
    """A production, and all that it depends on."""

    def __init__(self, linger: float = LINGER) -> None:
        self.claim = Claim()
        self.runs: list[Run] = []
        self.wanted = True
        self.now = 1000.0
        source = Source(ChannelPattern("c"), "tick", prices, None, linger, always=False)
        self.failures: list[float] = []
        self.production = Production(
            source,
            "c",
            self.claim,
            lambda: self.wanted,
            self._make,
            lambda: self.failures.append(self.now),
        )

    def _make(self) -> Run:
        self.runs.append(Run())
        return self.runs[-1]

    @property
    def run(self) -> Run:
        return self.runs[-1]

    def after(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass; beat when it is due, and at the end."""
        until = self.now + seconds
        while self.now < until:
            wait = self.production.beat(self.now)
            self.now = min(until, self.now + max(wait, step / 10))
        self.production.beat(self.now)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_source_runs_once_while_a_browser_listens_here(stage: Stage) -> None:
    stage.after(60)
    assert len(stage.runs) == 1
    assert not stage.run.is_stopped


def test_lease_is_renewed_well_before_it_ends(stage: Stage) -> None:
    assert RENEW_SECONDS < LEASE_SECONDS / 3
    stage.after(60)
    assert stage.claim.renewed >= 60 / RENEW_SECONDS


def test_source_that_another_process_runs_is_taken_when_it_lets_go(stage: Stage) -> None:
    stage.claim.is_free = False
    stage.after(30)
    assert not stage.runs
    stage.claim.is_free = True
    stage.after(RETRY_SECONDS)
    assert len(stage.runs) == 1


def test_source_ends_when_nobody_has_listened_for_as_long_as_it_lingers(stage: Stage) -> None:
    stage.after(7)
    stage.wanted = False
    stage.production.beat(stage.now)  # a notice
    stage.after(LINGER - 0.1)
    assert not stage.run.is_stopped
    stage.after(RETRY_SECONDS)
    assert stage.run.is_stopped
    stage.after(RETRY_SECONDS)
    assert (stage.claim.released, stage.production.is_over) == (1, True)


def test_source_without_linger_ends_at_once() -> None:
    stage = Stage(linger=0.0)
    stage.after(7)
    stage.wanted = False
    stage.production.beat(stage.now)
    stage.after(RETRY_SECONDS)
    assert stage.run.is_stopped


def test_browser_that_returns_in_time_finds_the_same_run(stage: Stage) -> None:
    for _ in range(5):
        stage.after(5)
        stage.wanted = not stage.wanted
        stage.production.beat(stage.now)
    assert len(stage.runs) == 1
    assert not stage.run.is_stopped


def test_run_survives_that_all_browsers_move_to_another_process(stage: Stage) -> None:
    stage.after(1)
    stage.claim.elsewhere = 1
    stage.wanted = False
    stage.after(10 * LINGER)
    assert not stage.run.is_stopped
    stage.claim.elsewhere = 0
    stage.after(LINGER + RENEW_SECONDS)
    assert stage.run.is_stopped


def test_process_that_waits_for_the_lease_gives_up_without_browsers(stage: Stage) -> None:
    stage.claim.is_free = False
    stage.after(3)
    stage.wanted = False
    stage.after(RETRY_SECONDS)
    assert stage.production.is_over


def test_run_whose_lease_was_taken_ends_and_the_process_waits_again(stage: Stage) -> None:
    stage.after(3)
    stage.claim.is_free = False
    stage.after(RENEW_SECONDS + RETRY_SECONDS)
    assert stage.run.is_stopped
    assert not stage.production.is_over
    stage.claim.is_free = True
    stage.after(RETRY_SECONDS)
    assert len(stage.runs) == 2


def test_run_whose_message_was_refused_ends_at_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.after(0.1)
    stage.claim.is_free = False
    stage.run.end(LeaseLostError())
    stage.after(0.1)
    stage.after(5)
    assert len(stage.runs) == 1
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_broker_that_is_away_ends_no_run(stage: Stage) -> None:
    stage.after(1)
    stage.claim.is_away = True
    stage.after(120)
    assert not stage.run.is_stopped
    stage.wanted = False
    stage.after(120)
    assert not stage.run.is_stopped  # nobody knows who listens elsewhere


def test_source_is_claimed_when_the_broker_is_back(stage: Stage) -> None:
    stage.claim.is_away = True
    stage.after(30)
    stage.claim.is_away = False
    stage.after(RETRY_SECONDS)
    assert len(stage.runs) == 1


def test_source_that_raises_runs_again_after_twice_as_long_each_time(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    began: list[float] = []
    for _ in range(9):
        count = len(stage.runs)
        while len(stage.runs) == count:
            stage.after(0.25)
        began.append(stage.now)
        stage.run.end(ValueError("no such table"))
    waited = [after - before for before, after in pairwise(began)]
    assert waited == [pytest.approx(each, abs=0.6) for each in (1, 2, 4, 8, 16, 32, 60, 60)]
    assert len(stage.failures) == 8
    lines = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert lines[1] == (
        "dash-pipe: source prices on channel 'c' raised ValueError('no such table'); "
        "next try in 2 s"
    )


def test_source_that_ran_for_long_runs_again_after_a_second(stage: Stage) -> None:
    for _ in range(5):
        stage.after(0.1)
        stage.run.end(ValueError())
        stage.after(70)
    stage.run.end(ValueError())
    count = len(stage.runs)
    stage.after(1.2)
    assert len(stage.runs) == count + 1


def test_source_that_returns_runs_again_when_a_browser_comes_after_all_have_left(
    stage: Stage,
) -> None:
    stage.after(1)
    stage.run.end()
    stage.after(60)
    assert len(stage.runs) == 1
    stage.wanted = False
    stage.after(LINGER + 2 * RETRY_SECONDS)
    assert stage.production.is_over


@pytest.mark.parametrize("error", [SystemExit(), asyncio.CancelledError()])
def test_run_that_the_end_of_an_app_ended_begins_again(stage: Stage, error: Any) -> None:
    stage.after(1)
    stage.run.end(error)
    stage.after(2 * RETRY_SECONDS)
    assert len(stage.runs) == 2


def test_run_that_does_not_end_is_left_alone_and_told(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.after(1)
    stage.run.hangs = True
    stage.claim.is_free = False
    run = stage.run
    stage.after(STOP_SECONDS - RETRY_SECONDS)
    assert (stage.claim.released, run.is_abandoned) == (0, False)
    stage.after(RENEW_SECONDS + 2 * RETRY_SECONDS)
    assert (stage.claim.released, run.is_abandoned) == (1, True)
    assert "did not end within 5 s" in caplog.text


def test_production_that_is_stopped_lets_go_when_its_run_has_ended(stage: Stage) -> None:
    stage.after(1)
    stage.run.hangs = True
    stage.production.stop(stage.now)
    assert not stage.production.is_over
    stage.run.has_ended = True
    stage.production.beat(stage.now)
    assert (stage.claim.released, stage.production.is_over) == (1, True)


def test_production_that_is_stopped_without_a_lease_is_over(stage: Stage) -> None:
    stage.claim.is_free = False
    stage.after(1)
    stage.production.stop(stage.now)
    assert stage.production.is_over
    assert stage.claim.released == 0


def test_lease_that_can_not_be_released_ends_by_itself(stage: Stage) -> None:
    stage.after(1)
    stage.claim.is_away = True
    stage.production.stop(stage.now)
    assert stage.production.is_over
