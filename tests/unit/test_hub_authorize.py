"""The hub and the verdict of the app on who may listen."""

import json

import pytest

from dash_pipe.hub.authorization import AuthorizationTimeout, Pending
from unit.fakes import Browser, Room, kinds, values


@pytest.fixture
def browser(room: Room) -> Browser:
    """One whose verdicts are open until `decide`."""
    browser = room.browser()
    browser.verdict = Pending()
    return browser


EVERYTHING = frozenset({None})
NOTHING: frozenset[str | None] = frozenset()


def decide(browser: Browser, denied: frozenset[str | None]) -> list[dict[str, object]]:
    assert browser.session is not None
    browser.hub.resolve_authorization(browser.session, denied)
    return browser.transport.take()


def test_it_is_asked_what_the_browser_asked(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["b", "a"])
    browser.subscribe("jobs")
    assert browser.asked == [("jobs", frozenset({"a", "b"})), ("jobs", None)]


def test_a_refusal_is_an_error_for_that_channel(room: Room) -> None:
    browser = room.browser()
    browser.verdict = EVERYTHING
    (error,) = browser.subscribe("jobs")
    assert (error["type"], error["code"], error["channel"]) == ("error", "denied", "jobs")
    room.send("jobs", 1)
    assert browser.transport.take() == []
    browser.verdict = NOTHING
    assert kinds(browser.subscribe("news")) == ["subscribed"]


def test_nothing_is_sent_before_the_verdict(room: Room, browser: Browser) -> None:
    assert browser.subscribe("jobs") == []
    room.send("jobs", 1)
    assert browser.transport.take() == []
    assert kinds(decide(browser, NOTHING)) == ["subscribed"]
    room.send("jobs", 2)
    assert values(browser.transport.take()) == [2]


def test_an_open_verdict_that_refuses(room: Room, browser: Browser) -> None:
    browser.subscribe("jobs")
    (error,) = decide(browser, EVERYTHING)
    assert error["code"] == "denied"
    room.send("jobs", 1)
    assert browser.transport.take() == []


def test_what_comes_before_the_verdict_waits_and_keeps_its_order(
    room: Room, browser: Browser
) -> None:
    room.send("jobs", 1)
    browser.subscribe("jobs")
    assert browser.replay("jobs") == []
    assert browser.subscribe("news") == []
    assert kinds(decide(browser, NOTHING)) == ["subscribed", "replayed"]
    assert browser.asked[-1] == ("news", None)
    assert kinds(decide(browser, NOTHING)) == ["subscribed"]


def test_a_change_of_labels_that_is_refused_leaves_the_old_ones(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["a"])
    browser.verdict = frozenset({"b"})
    assert browser.subscribe("jobs", ["b"])[0]["code"] == "denied"
    room.send("jobs", 1, label="a")
    room.send("jobs", 2, label="b")
    assert values(browser.transport.take()) == [1]


def test_some_labels_are_granted_and_the_others_named(room: Room) -> None:
    browser = room.browser()
    browser.verdict = frozenset({"b"})
    (answer,) = browser.subscribe("jobs", ["a", "b"])
    assert (answer["type"], answer["denied"]) == ("subscribed", ["b"])
    room.send("jobs", 1, label="a")
    room.send("jobs", 2, label="b")
    assert values(browser.transport.take()) == [1]


def test_asking_for_no_label_is_refused_as_well(room: Room) -> None:
    browser = room.browser()
    browser.verdict = EVERYTHING
    assert browser.subscribe("jobs", [])[0]["code"] == "denied"


def test_a_replay_brings_nothing_that_was_refused(room: Room) -> None:
    room.send("jobs", 1, label="a")
    room.send("jobs", 2, label="b")
    browser = room.browser()
    browser.verdict = frozenset({"b"})
    browser.subscribe("jobs", ["a", "b"])
    for labels in (None, ["a", "b"], ["b", "a", "c"]):
        assert values(browser.replay("jobs", labels=labels)) == [1]
    assert values(browser.replay("jobs", labels=["a"])) == [1]


def test_a_verdict_that_does_not_come_ends_the_connection_for_now(
    room: Room, browser: Browser
) -> None:
    browser.subscribe("jobs")
    browser.subscribe("news")
    assert browser.session is not None
    browser.hub.resolve_authorization(browser.session, AuthorizationTimeout())
    assert browser.close_code == 1013
    assert browser.asked == [("jobs", None)]
    assert len(room.hub) == 0


def test_a_verdict_on_who_has_gone_means_nothing(room: Room, browser: Browser) -> None:
    browser.subscribe("jobs")
    assert browser.session is not None
    room.hub.disconnect(browser.session)
    assert decide(browser, NOTHING) == []
    assert len(room.hub) == 0


def test_a_verdict_that_nobody_waits_for_means_nothing(room: Room) -> None:
    assert decide(room.browser(), NOTHING) == []


def test_bad_frames_that_waited_end_the_connection_once(room: Room, browser: Browser) -> None:
    browser.subscribe("jobs")
    assert browser.session is not None
    for _ in range(20):
        room.hub.receive(browser.session, json.dumps("no frame"))
    decide(browser, NOTHING)
    assert browser.close_code == 4400
