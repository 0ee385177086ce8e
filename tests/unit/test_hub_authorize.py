"""The hub and the result of `authorize`: allowed, denied, pending, timed out."""

import json

import pytest

from dash_pipe.hub.authorization import AuthorizationTimeout, Pending, Permission
from dash_pipe.protocol import MAX_PARKED, Close
from unit.fakes import Browser, Room, kinds, values


@pytest.fixture
def browser(room: Room) -> Browser:
    """Return a browser whose authorizations stay pending until `resolve`."""
    browser = room.browser()
    browser.verdict = Pending()
    return browser


EVERYTHING = frozenset({None})
NOTHING: frozenset[str | None] = frozenset()


def resolve(browser: Browser, denied: frozenset[str | None]) -> list[dict[str, object]]:
    assert browser.session is not None
    browser.hub.resolve_authorization(browser.session, Permission(denied))
    return browser.transport.take()


def test_authorize_receives_channel_and_labels(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["b", "a"])
    browser.subscribe("jobs")
    assert browser.asked == [("jobs", frozenset({"a", "b"})), ("jobs", None)]


def test_denied_channel_gets_an_error_and_no_messages(room: Room) -> None:
    browser = room.browser()
    browser.verdict = EVERYTHING
    (error,) = browser.subscribe("jobs")
    assert (error["type"], error["code"], error["channel"]) == ("error", "denied", "jobs")
    room.send("jobs", 1)
    assert browser.transport.take() == []
    browser.verdict = NOTHING
    assert kinds(browser.subscribe("news")) == ["subscribed"]


def test_pending_authorization_sends_nothing_until_resolved(room: Room, browser: Browser) -> None:
    assert browser.subscribe("jobs") == []
    room.send("jobs", 1)
    assert browser.transport.take() == []
    assert kinds(resolve(browser, NOTHING)) == ["subscribed"]
    room.send("jobs", 2)
    assert values(browser.transport.take()) == [2]


def test_pending_authorization_resolved_as_denied_gets_an_error(
    room: Room, browser: Browser
) -> None:
    browser.subscribe("jobs")
    (error,) = resolve(browser, EVERYTHING)
    assert error["code"] == "denied"
    room.send("jobs", 1)
    assert browser.transport.take() == []


def test_frames_during_pending_authorization_are_answered_in_order(
    room: Room, browser: Browser
) -> None:
    room.send("jobs", 1)
    browser.subscribe("jobs")
    assert browser.replay("jobs") == []
    assert browser.subscribe("news") == []
    assert kinds(resolve(browser, NOTHING)) == ["subscribed", "replayed"]
    assert browser.asked[-1] == ("news", None)
    assert kinds(resolve(browser, NOTHING)) == ["subscribed"]


def test_denied_change_of_labels_keeps_the_old_labels(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["a"])
    browser.verdict = frozenset({"b"})
    assert browser.subscribe("jobs", ["b"])[0]["code"] == "denied"
    room.send("jobs", 1, label="a")
    room.send("jobs", 2, label="b")
    assert values(browser.transport.take()) == [1]


def test_partly_denied_labels_are_named_and_the_rest_subscribed(room: Room) -> None:
    browser = room.browser()
    browser.verdict = frozenset({"b"})
    (answer,) = browser.subscribe("jobs", ["a", "b"])
    assert (answer["type"], answer["denied"]) == ("subscribed", ["b"])
    room.send("jobs", 1, label="a")
    room.send("jobs", 2, label="b")
    assert values(browser.transport.take()) == [1]


def test_subscribe_to_no_label_is_denied(room: Room) -> None:
    browser = room.browser()
    browser.verdict = EVERYTHING
    assert browser.subscribe("jobs", [])[0]["code"] == "denied"


def test_replay_leaves_out_denied_labels(room: Room) -> None:
    room.send("jobs", 1, label="a")
    room.send("jobs", 2, label="b")
    browser = room.browser()
    browser.verdict = frozenset({"b"})
    browser.subscribe("jobs", ["a", "b"])
    for labels in (None, ["a", "b"], ["b", "a", "c"]):
        assert values(browser.replay("jobs", labels=labels)) == [1]
    assert values(browser.replay("jobs", labels=["a"])) == [1]


def test_authorization_timeout_closes_with_1013(room: Room, browser: Browser) -> None:
    browser.subscribe("jobs")
    browser.subscribe("news")
    assert browser.session is not None
    browser.hub.resolve_authorization(browser.session, AuthorizationTimeout())
    assert browser.close_code == 1013
    assert browser.asked == [("jobs", None)]
    assert len(room.hub) == 0


def test_authorization_resolved_after_disconnect_is_ignored(room: Room, browser: Browser) -> None:
    browser.subscribe("jobs")
    assert browser.session is not None
    room.hub.disconnect(browser.session)
    assert resolve(browser, NOTHING) == []
    assert len(room.hub) == 0


def test_authorization_resolved_without_a_pending_one_is_ignored(room: Room) -> None:
    assert resolve(room.browser(), NOTHING) == []


def test_bad_frames_queued_during_authorization_close_with_4400(
    room: Room, browser: Browser
) -> None:
    browser.subscribe("jobs")
    assert browser.session is not None
    for _ in range(20):
        room.hub.receive(browser.session, json.dumps("no frame"))
    resolve(browser, NOTHING)
    assert browser.close_code == 4400


def test_too_many_frames_queued_during_authorization_close_with_1013(browser: Browser) -> None:
    for _ in range(MAX_PARKED + 1):  # the first is pending
        browser.subscribe("jobs")
    assert browser.close_code is None
    browser.subscribe("jobs")
    assert browser.close_code == Close.TRY_LATER
