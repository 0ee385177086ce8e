"""Heartbeats: pings, pongs and the close of sessions that do not answer."""

import pytest

from dash_pipe.hub.policy import Policy
from unit.fakes import Browser, Room, kinds

BIG = "x" * 20 * 1024


@pytest.fixture
def browser(room: Room) -> Browser:
    browser = room.browser()
    browser.subscribe("jobs")
    return browser


def test_heartbeat_sends_one_ping_per_interval(room: Room, browser: Browser) -> None:
    assert room.hub.beat() == 25
    assert browser.transport.take() == []
    for _ in range(5):
        room.clock.now += 25
        assert room.hub.beat() == 25
        (ping,) = browser.transport.take()
        assert ping.keys() == {"type", "n"}
        browser.pong(ping["n"])
    assert browser.close_code is None


def test_heartbeat_is_due_per_session(room: Room) -> None:
    first = room.browser()
    room.clock.now += 10
    second = room.browser()
    assert room.hub.beat() == 15
    room.clock.now += 15
    assert room.hub.beat() == 10
    assert (kinds(first.transport.take()), kinds(second.transport.take())) == (["ping"], [])


def test_heartbeat_tells_the_offset_of_other_labels_once(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["b"])
    browser.subscribe("idle")
    room.send("jobs", 1, 2, 3)
    room.clock.now += 25
    room.hub.beat()
    (ping,) = browser.transport.take()
    assert ping["upto"] == {"jobs": 3}
    browser.pong(ping["n"])
    room.clock.now += 25
    room.hub.beat()
    assert "upto" not in browser.transport.take()[0]  # told once


def test_missing_pong_closes_at_the_next_heartbeat(room: Room, browser: Browser) -> None:
    alive = room.browser()
    room.clock.now += 25
    room.hub.beat()
    alive.pong(alive.transport.take()[-1]["n"])
    room.clock.now += 25
    room.hub.beat()
    assert browser.close_code == 4408
    assert alive.close_code is None
    assert len(room.hub) == 1
    assert room.broker._open == {}


def test_missing_pong_of_flow_control_closes_after_a_heartbeat(
    room: Room, browser: Browser
) -> None:
    room.clock.now += 24
    room.send("jobs", *[BIG] * 9)
    room.clock.now += 1
    room.hub.beat()
    assert browser.close_code is None  # its ping is one second old
    assert kinds(browser.transport.take()) == ["messages", "messages", "ping"]
    room.clock.now += 25
    room.hub.beat()
    assert browser.close_code == 4408


def test_late_pong_keeps_the_session_open(room: Room, browser: Browser) -> None:
    for _ in range(3):
        room.clock.now += 25
        room.hub.beat()
        n = browser.transport.take()[-1]["n"]
        room.clock.now += 24
        browser.pong(n)
        room.clock.now += 1
        room.hub.beat()
        browser.pong(browser.transport.take()[-1]["n"])
    assert browser.close_code is None


def test_heartbeat_interval_setting_is_used() -> None:
    room = Room(policy=Policy(heartbeat_interval=2.5))
    browser = room.browser()
    assert browser.subscribe("jobs")[0]["heartbeat"] == 2.5
    assert room.hub.beat() == 2.5
    room.clock.now += 2.5
    room.hub.beat()
    room.clock.now += 2.5
    room.hub.beat()
    assert browser.close_code == 4408


def test_heartbeat_after_messages_does_not_repeat_their_offset(
    room: Room, browser: Browser
) -> None:
    room.send("jobs", 1, 2)
    browser.transport.take()
    room.clock.now += 25
    room.hub.beat()
    assert "upto" not in browser.transport.take()[0]


def test_second_ping_does_not_extend_the_deadline(room: Room, browser: Browser) -> None:
    room.clock.now += 25
    room.hub.beat()
    room.clock.now += 24
    room.send("jobs", *[BIG] * 9)  # its ping is newer, and the first is not answered
    room.clock.now += 1
    room.hub.beat()
    assert browser.close_code == 4408
