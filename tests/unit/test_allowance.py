"""The bounds of the calls of `authorize` for one poll."""

from contextlib import nullcontext
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.auth.allowance import MAX_CALLS, Allowance
from dash_pipe.auth.authorize import authorize_subscribe_sync
from dash_pipe.errors import ProtocolError
from dash_pipe.protocol import Denied, Subscribe
from unit.fakes import Clock, denied_of


def test_equal_calls_of_a_poll_are_made_once() -> None:
    asked: list[Any] = []

    def authorize(_request: Any, channel: str, labels: Any, token: str | None) -> bool:
        asked.append((channel, labels, token))
        return labels == ["a"]

    def ask(channel: str, labels: str | None = None, token: str | None = None) -> Denied:
        names = None if labels is None else frozenset(labels)
        subscribe = Subscribe(channel, names, token=token)
        outcome = authorize_subscribe_sync(runtime.current(), nullcontext, subscribe, allowance)
        return denied_of(outcome)

    dash_pipe.configure(authorize=authorize)
    allowance = Allowance(10.0)
    assert [ask("jobs"), ask("jobs"), ask("jobs", token="t"), ask("news")] == [{None}] * 4
    assert ask("jobs", "ab") == {"b"}
    assert [ask("jobs", "a"), ask("jobs", "b")] == [frozenset(), {"b"}]
    assert asked == [
        ("jobs", None, None),
        ("jobs", None, "t"),
        ("news", None, None),
        ("jobs", ["a", "b"], None),
        ("jobs", ["a"], None),
        ("jobs", ["b"], None),
    ]


def test_allowance_that_is_used_up_has_answers_and_gives_no_more_calls() -> None:
    allowance = Allowance(10.0)
    for number in range(MAX_CALLS):
        subscribe = Subscribe(f"c{number}", None)
        assert not allowance.has(subscribe, None)
        allowance.put(subscribe, None, number)
    assert allowance.has(subscribe, None)
    assert allowance.answer(subscribe, None) == MAX_CALLS - 1
    with pytest.raises(ProtocolError, match="at most 128 times") as caught:
        allowance.has(subscribe, frozenset("a"))
    assert (caught.value.code, caught.value.channel) == ("too_many_channels", "c127")


def test_time_of_an_allowance_begins_with_its_first_use(clock: Clock) -> None:
    allowance = Allowance(3.0, clock)
    clock.now += 100
    assert allowance.deadline() == clock.now + 3
    clock.now += 1
    assert allowance.deadline() == clock.now + 2
