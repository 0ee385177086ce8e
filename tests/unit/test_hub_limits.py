"""Limits of a session, and the errors beyond them."""

from dash_pipe.hub.policy import Policy
from unit.fakes import Room, kinds, values


def test_bad_frame_gets_an_error_and_the_next_frame_is_answered(room: Room) -> None:
    browser = room.browser()
    (error,) = browser.says(type="shout")
    assert (error["type"], error["code"]) == ("error", "bad_frame")
    assert "channel" not in error
    assert kinds(browser.subscribe("jobs")) == ["subscribed"]


def test_sixteenth_bad_frame_closes_with_4400(room: Room) -> None:
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


def test_other_errors_do_not_count_as_bad_frames(room: Room) -> None:
    browser = room.browser()
    for _ in range(20):
        browser.replay("jobs")
        browser.subscribe("jobs", ["label"] * 33)
    assert browser.close_code is None


def test_too_many_labels_get_an_error_and_keep_the_old_labels(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["a"])
    (error,) = browser.subscribe("jobs", [f"label {n}" for n in range(33)])
    assert (error["code"], error["channel"]) == ("too_many_labels", "jobs")
    room.send("jobs", 1)
    assert values(browser.transport.take()) == [1]
    assert kinds(browser.subscribe("jobs", [f"label {n}" for n in range(32)])) == ["subscribed"]


def test_too_many_channels_get_an_error_until_one_is_unsubscribed(room: Room) -> None:
    browser = room.browser()
    for number in range(128):
        assert kinds(browser.subscribe(f"channel {number}")) == ["subscribed"]
    (error,) = browser.subscribe("one more")
    assert (error["code"], error["channel"]) == ("too_many_channels", "one more")
    assert len(room.broker._open) == 128
    assert kinds(browser.subscribe("channel 5", ["a"])) == ["subscribed"]
    browser.says(type="unsubscribe", channel="channel 5")
    assert kinds(browser.subscribe("one more")) == ["subscribed"]


def test_session_over_max_sessions_closes_with_1013() -> None:
    room = Room(policy=Policy(max_sessions=2))
    first, second, third = (room.browser() for _ in range(3))
    assert third.session is None
    assert third.close_code == 1013
    assert (first.close_code, second.close_code) == (None, None)
    assert first.session is not None
    room.hub.disconnect(first.session)
    assert room.browser().session is not None


def test_session_closed_for_bad_frames_does_not_affect_others(room: Room) -> None:
    good, bad = room.browser(), room.browser()
    good.subscribe("jobs")
    bad.subscribe("jobs")
    for _ in range(16):
        bad.says(type="shout")
    room.send("jobs", 1)
    assert values(good.transport.take()) == [1]
    assert good.close_code is None


def test_many_subscribes_and_replays_leave_no_state(room: Room) -> None:
    browser = room.browser()
    for number in range(1000):
        browser.subscribe(f"channel {number}")
        list(browser.drain(browser.replay(f"channel {number}")))
        browser.says(type="unsubscribe", channel=f"channel {number}")
    assert room.hub._subscriptions.listeners == {}
    assert len(room.broker._empty) <= 100
    assert browser.session is not None
    assert not browser.session.replays
