"""How long what lies elsewhere is followed. No broker here: a list of what was given up."""

from itertools import count

import pytest

from dash_pipe.brokers.redis.mirrors import Mirrors
from dash_pipe.brokers.retention import Retention
from dash_pipe.log import Limits, Snapshot


@pytest.fixture
def following() -> Retention[str]:
    return Retention(max_idle=2)


def open_each(following: Retention[str], names: str) -> None:
    for name in names:
        assert following.open(name, lambda name=name: name.upper()) == name.upper()


def test_what_is_open_stays(following: Retention[str]) -> None:
    open_each(following, "abcdaa")
    assert following.close("a", 1.0) == following.close("a", 2.0) == []
    assert following.expire(9.0) == []
    assert following.names() == ["a", "b", "c", "d"]


def test_it_is_made_once(following: Retention[str]) -> None:
    open_each(following, "a")
    assert following.open("a", lambda: pytest.fail("made again")) == "A"


def test_what_was_closed_lingers(following: Retention[str]) -> None:
    open_each(following, "ab")
    following.close("a", 1.0)
    following.close("b", 2.0)
    assert following.get("a") == "A"
    assert following.expire(0.5) == []
    assert following.expire(1.0) == ["A"]
    assert following.get("a") is None
    assert following.expire(2.0) == ["B"]
    assert len(following) == 0


def test_what_is_opened_again_lingers_no_longer(following: Retention[str]) -> None:
    open_each(following, "a")
    following.close("a", 1.0)
    open_each(following, "a")
    assert following.expire(9.0) == []
    following.close("a", 10.0)
    assert following.expire(9.0) == []


def test_of_too_many_the_longest_idle_are_given_up(following: Retention[str]) -> None:
    open_each(following, "abcd")
    given_up = [following.close(name, now) for name, now in zip("badc", count(1.0), strict=False)]
    assert given_up == [[], [], ["B"], ["A"]]


def test_the_place_of_who_is_listened_to_again_is_not_given_up() -> None:
    mirrors = Mirrors(0, Limits(), 1)

    def listen(name: str) -> None:
        log = mirrors.open(name)
        if not log.epoch:
            log.load(Snapshot(f"epoch of {name}", 0, [], [], {}, 0))

    for name in "abc":  # one lingers, of one the place is kept
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
