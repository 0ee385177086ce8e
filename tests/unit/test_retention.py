"""The retention of idle items, without a broker."""

from itertools import count

import pytest

from dash_pipe.brokers.redis.heads import Heads
from dash_pipe.brokers.redis.mirrors import Mirrors
from dash_pipe.brokers.retention import Retention
from dash_pipe.log import Limits, Snapshot


@pytest.fixture
def retention() -> Retention[str]:
    return Retention(max_idle=2)


def open_each(retention: Retention[str], names: str) -> None:
    for name in names:
        assert retention.open(name, lambda name=name: name.upper()) == name.upper()


def test_open_item_never_expires(retention: Retention[str]) -> None:
    open_each(retention, "abcdaa")
    assert retention.close("a", 1.0) == retention.close("a", 2.0) == []
    assert retention.expire(9.0) == []
    assert retention.names() == ["a", "b", "c", "d"]


def test_open_of_an_open_item_does_not_make_it_again(retention: Retention[str]) -> None:
    open_each(retention, "a")
    assert retention.open("a", lambda: pytest.fail("made again")) == "A"


def test_closed_item_is_kept_until_it_expires(retention: Retention[str]) -> None:
    open_each(retention, "ab")
    retention.close("a", 1.0)
    retention.close("b", 2.0)
    assert retention.get("a") == "A"
    assert retention.expire(0.5) == []
    assert retention.expire(1.0) == ["A"]
    assert retention.get("a") is None
    assert retention.expire(2.0) == ["B"]
    assert len(retention) == 0


def test_reopened_item_does_not_expire(retention: Retention[str]) -> None:
    open_each(retention, "a")
    retention.close("a", 1.0)
    open_each(retention, "a")
    assert retention.expire(9.0) == []
    retention.close("a", 10.0)
    assert retention.expire(9.0) == []


def test_items_over_max_idle_give_up_the_longest_idle(retention: Retention[str]) -> None:
    open_each(retention, "abcd")
    given_up = [retention.close(name, now) for name, now in zip("badc", count(1.0), strict=False)]
    assert given_up == [[], [], ["B"], ["A"]]


def test_reopened_mirror_keeps_its_epoch() -> None:
    mirrors = Mirrors(0, Limits(), 1, Heads(1))

    def listen(name: str) -> None:
        log = mirrors.open(name)
        if not log.epoch:
            log.load(Snapshot(f"epoch of {name}", 0, [], [], {}, 0))

    for name in "abc":  # one mirror is kept, for another only its empty log
        listen(name)
        mirrors.close(name)
    assert [epoch for _, epoch in mirrors.take_surplus()] == ["epoch of a"]
    listen("b")
    given_up = []
    for name in "de":
        listen(name)
        mirrors.close(name)
        given_up.append([epoch for _, epoch in mirrors.take_surplus()])
    assert given_up == [[], ["epoch of c"]]
