"""What a browser may ask for, and what it is told when it asks for more."""

from dash_pipe.hub.policy import Policy
from unit.fakes import Room, kinds, values


def test_a_bad_frame_is_answered_and_the_next_is_heard(room: Room) -> None:
    browser = room.browser()
    (error,) = browser.says(type="shout")
    assert (error["type"], error["code"]) == ("error", "bad_frame")
    assert "channel" not in error
    assert kinds(browser.subscribe("jobs")) == ["subscribed"]


def test_the_16th_bad_frame_ends_it(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs")
    for _ in range(15):
        browser.says(type="shout")
        browser.says(type="pong", n=0)
    assert browser.close_code is None
    assert kinds(browser.says(type="shout")) == ["error"]
    assert browser.close_code == 4400
    assert len(room.hub) == 0
    assert room.broker._open == {}


def test_what_is_refused_for_other_reasons_is_no_bad_frame(room: Room) -> None:
    browser = room.browser()
    for _ in range(20):
        browser.replay("jobs")
        browser.subscribe("jobs", ["label"] * 33)
    assert browser.close_code is None


def test_too_many_labels_are_refused_and_the_old_ones_stay(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["a"])
    (error,) = browser.subscribe("jobs", [f"label {n}" for n in range(33)])
    assert (error["code"], error["channel"]) == ("too_many_labels", "jobs")
    room.send("jobs", 1)
    assert values(browser.transport.take()) == [1]
    assert kinds(browser.subscribe("jobs", [f"label {n}" for n in range(32)])) == ["subscribed"]


def test_too_many_channels(room: Room) -> None:
    browser = room.browser()
    for number in range(128):
        assert kinds(browser.subscribe(f"channel {number}")) == ["subscribed"]
    (error,) = browser.subscribe("one more")
    assert (error["code"], error["channel"]) == ("too_many_channels", "one more")
    assert len(room.broker._open) == 128
    assert kinds(browser.subscribe("channel 5", ["a"])) == ["subscribed"]
    browser.says(type="unsubscribe", channel="channel 5")
    assert kinds(browser.subscribe("one more")) == ["subscribed"]


def test_too_many_browsers() -> None:
    room = Room(policy=Policy(max_sessions=2))
    first, second, third = (room.browser() for _ in range(3))
    assert third.session is None
    assert third.close_code == 1013
    assert (first.close_code, second.close_code) == (None, None)
    assert first.session is not None
    room.hub.disconnect(first.session)
    assert room.browser().session is not None


def test_a_browser_that_misbehaves_disturbs_nobody(room: Room) -> None:
    good, bad = room.browser(), room.browser()
    good.subscribe("jobs")
    bad.subscribe("jobs")
    for _ in range(16):
        bad.says(type="shout")
    room.send("jobs", 1)
    assert values(good.transport.take()) == [1]
    assert good.close_code is None


def test_what_was_asked_for_again_and_again_leaves_nothing(room: Room) -> None:
    browser = room.browser()
    for number in range(1000):
        browser.subscribe(f"channel {number}")
        list(browser.drain(browser.replay(f"channel {number}")))
        browser.says(type="unsubscribe", channel=f"channel {number}")
    assert room.hub._subscriptions.listeners == {}
    assert len(room.broker._empty) <= 100
    assert browser.session is not None
    assert not browser.session.replays
