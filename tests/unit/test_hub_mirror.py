"""A hub whose logs are mirrors: not read yet, lagging behind, beginning anew."""

from typing import Any

import pytest

from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from dash_pipe.protocol import MAX_PARKED, Close
from unit.fakes import Browser, Clock, Elsewhere, kinds, rows, values


class House:
    def __init__(self, clock: Clock) -> None:
        self.broker = Elsewhere(clock)
        self.hub = Hub(self.broker, Policy(), lambda: None, clock)

    def browser(self) -> Browser:
        return Browser(self.hub)

    def load(self, epoch: str, *labels: str, first: int = 1) -> None:
        self.broker.load("jobs", epoch, *labels, first=first)
        self.hub.flush()


@pytest.fixture
def house(clock: Clock) -> House:
    return House(clock)


def since(epoch: str, offset: int) -> dict[str, Any]:
    return {"epoch": epoch, "offset": offset}


def test_who_subscribes_waits_for_the_first_reading(house: House) -> None:
    browser = house.browser()
    assert browser.subscribe("jobs") == []
    house.load("e", "a", "b")
    (answer,) = browser.transport.take()
    assert (answer["type"], answer["epoch"], answer["offset"]) == ("subscribed", "e", 2)
    house.load("e", "a", "b", "c")
    assert values(browser.transport.take()) == [3]


def test_what_is_asked_meanwhile_is_answered_in_its_order(house: House) -> None:
    browser = house.browser()
    browser.subscribe("jobs", ["a"], since=since("e", 1))
    browser.subscribe("jobs", ["b"])
    browser.replay("jobs", labels=["b"])
    assert browser.says(type="unsubscribe", channel="jobs") == []
    browser.subscribe("jobs", ["c"], since=since("e", 0))
    house.load("e", "a", "b", "c", "a")
    frames = browser.transport.take()
    answers = ["subscribed", "messages", "subscribed", "replayed", "subscribed", "messages"]
    assert kinds(frames) == answers
    assert values(frames) == [4, 2, 3]


def test_others_do_not_wait(house: House) -> None:
    waiting = house.browser()
    waiting.subscribe("jobs")
    house.broker.open("prices")
    house.broker.load("prices", "p", "a")
    assert kinds(waiting.subscribe("prices")) == ["subscribed"]


@pytest.mark.parametrize("place", [since("e", 5), since("another", 1)])
def test_a_place_that_a_mirror_has_not_heard_of_is_not_judged_yet(
    house: House, place: dict[str, Any]
) -> None:
    first = house.browser()
    first.subscribe("jobs")
    house.load("e", *"aaa")
    first.transport.take()
    browser = house.browser()
    assert browser.subscribe("jobs", since=place) == []
    assert kinds(house.browser().subscribe("jobs", since=since("e", 3))) == ["subscribed"]
    house.load("e", *"aaaaaa")
    frames = browser.transport.take()
    if place["epoch"] == "e":
        assert (frames[0]["recovered"], values(frames)) == (True, [6])
    else:
        assert (frames[0]["recovered"], values(frames)) == (False, [1, 2, 3, 4, 5, 6])


def test_a_place_that_is_not_there_after_a_look_is_a_gap(house: House) -> None:
    browser = house.browser()
    browser.subscribe("jobs", since=since("e", 5))
    house.load("e", *"aaa")
    (answer,) = browser.transport.take()
    assert (answer["recovered"], answer["offset"]) == (False, 3)


def test_a_log_that_begins_anew_is_read_from_its_beginning(house: House) -> None:
    browser, other = house.browser(), house.browser()
    browser.subscribe("jobs", ["a"])
    other.subscribe("jobs", ["b"])
    house.load("old", *"aaaa")
    browser.transport.take()
    other.transport.take()
    house.load("new", *"aa")
    (frame,) = browser.transport.take()
    assert (frame["epoch"], values([frame]), frame["upto"]) == ("new", [1, 2], 2)
    (frame,) = other.transport.take()  # it is told, though there is nothing for it
    assert (frame["epoch"], rows([frame]), frame["upto"]) == ("new", [], 2)
    house.load("newer")
    (frame,) = browser.transport.take()
    assert (frame["epoch"], rows([frame]), frame["upto"]) == ("newer", [], 0)
    house.hub.flush()
    assert browser.transport.take() == []


def test_a_replay_that_is_overtaken_begins_anew(house: House) -> None:
    browser = house.browser()
    browser.subscribe("jobs", since=since("old", 0))
    house.load("old", *["a" * 200] * 600)  # more than goes out before a pong
    frames = browser.transport.take()
    browser.replay("jobs", last=600)
    ping = frames[-1]["n"]
    house.load("new", "b")
    later = list(browser.drain(browser.pong(ping)))
    replayed = [frame for frame in later if frame["type"] == "replayed"]
    assert [(frame["epoch"], values([frame]), frame["done"]) for frame in replayed] == [
        ("new", [], True)
    ]
    assert {frame["epoch"] for frame in later if "epoch" in frame} == {"new"}
    assert values(later) == [1]  # by `messages`, where all of the new log comes


def test_what_waits_is_bounded(house: House) -> None:
    browser = house.browser()
    for _ in range(MAX_PARKED):
        browser.subscribe("jobs")
    assert browser.close_code is None
    browser.subscribe("jobs")
    assert browser.close_code == Close.TRY_LATER
    assert house.broker.opened["jobs"] == 0


def test_who_leaves_while_it_waits_leaves_nothing_behind(house: House) -> None:
    browser = house.browser()
    browser.subscribe("jobs")
    assert browser.session is not None
    house.hub.disconnect(browser.session)
    assert house.broker.opened["jobs"] == 0
    house.load("e", "a")
    assert browser.transport.take() == []


def test_who_has_gone_waits_for_nothing(house: House) -> None:
    browser = house.browser()
    session = browser.session
    assert session is not None
    browser.subscribe("jobs")
    assert session.parked == 1
    house.hub.disconnect(session)
    assert session.parked == 0
