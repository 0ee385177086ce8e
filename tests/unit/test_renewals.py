"""The times at which `authorize` is called again, with a fake clock."""

from typing import Any

import pytest

from dash_pipe.hub.authorization import allow_all
from dash_pipe.hub.renewals import DELAYS, MAX_CALLS, MIN_SECONDS, Renewals
from dash_pipe.hub.session import Grant, Session
from dash_pipe.protocol import Subscribe
from dash_pipe.testing.brokers.browser import Transport


def session() -> Session:
    return Session(Transport(), allow_all)


def renewals(again: float = 100.0, part: float = 0.8) -> Renewals:
    def uniform(low: float, high: float) -> float:
        assert low <= part <= high
        return part

    return Renewals(again, uniform)


def add(to: Renewals, now: float, seconds: float | None, **options: Any) -> Grant:
    return to.add(options.get("session") or session(), Subscribe("jobs", None), now, seconds)


@pytest.mark.parametrize(
    ("seconds", "ask_after", "ends_after"),
    [
        (None, 80.0, 100.0),  # a permission without an end is asked for early
        (500.0, 80.0, 100.0),
        (90.0, 80.0, 90.0),
        (30.0, 30.0, 30.0),  # one with an end is asked for at its end
        (0.2, MIN_SECONDS, 0.2),
        (-3.0, MIN_SECONDS, -3.0),
    ],
)
def test_permission_is_asked_for_again_at_its_end_or_earlier(
    seconds: float | None, ask_after: float, ends_after: float
) -> None:
    all_ = renewals()
    grant = add(all_, 1000.0, seconds)
    assert (grant.ask_at, grant.ends_at) == (1000.0 + ask_after, 1000.0 + ends_after)
    assert all_.seconds_to_next(1000.0) == ask_after
    assert all_.next_due(grant.ask_at - 0.01) is None
    assert all_.next_due(grant.ask_at) is grant
    assert all_.next_due(grant.ask_at) is None


def test_permissions_are_asked_for_in_the_order_of_their_times_and_few_at_once() -> None:
    all_ = renewals()
    grants = [add(all_, 0.0, 50.0 - number) for number in range(MAX_CALLS + 2)]
    due = [all_.next_due(60.0) for _ in range(MAX_CALLS)]
    assert due == grants[:1:-1]
    assert all_.next_due(60.0) is None
    assert all_.seconds_to_next(60.0) == float("inf")
    all_.finish(grants[5])
    assert all_.seconds_to_next(60.0) == 0.0
    assert all_.next_due(60.0) is grants[1]


def test_session_that_has_gone_gives_back_its_calls() -> None:
    all_, gone = renewals(), session()
    for _ in range(MAX_CALLS):
        add(all_, 0.0, 5.0, session=gone)
    other = add(all_, 0.0, 6.0)
    for _ in range(MAX_CALLS):
        assert all_.next_due(7.0) is not other
    all_.leave(gone)
    assert all_.next_due(7.0) is other


def test_permission_that_is_over_is_not_asked_for() -> None:
    all_ = renewals()
    add(all_, 0.0, 5.0).is_over = True
    assert all_.next_due(7.0) is None


def test_call_without_an_answer_is_repeated_after_growing_delays() -> None:
    all_ = renewals()
    grant, now = add(all_, 0.0, 5.0), 5.0
    for delay in DELAYS:
        assert all_.next_due(now) is grant
        all_.finish(grant)
        assert all_.postpone(grant, now)
        assert all_.next_due(now + delay - 0.01) is None
        now += delay
    assert all_.next_due(now) is grant
    assert not all_.postpone(grant, now)


def test_grants_that_are_over_take_no_memory() -> None:
    all_ = renewals()
    kept = add(all_, 0.0, 50.0)
    for _ in range(10_000):
        add(all_, 0.0, 60.0).is_over = True
    assert len(all_._due) < 200
    assert all_.next_due(55.0) is kept
