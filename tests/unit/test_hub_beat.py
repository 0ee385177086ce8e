"""Signs of life: what a silent and a dead browser get."""

import pytest

from dash_pipe.hub.policy import Policy
from unit.fakes import Browser, Room, kinds

BIG = "x" * 20 * 1024


@pytest.fixture
def browser(room: Room) -> Browser:
    browser = room.browser()
    browser.subscribe("jobs")
    return browser


def test_a_ping_every_heartbeat(room: Room, browser: Browser) -> None:
    assert room.hub.beat() == 25
    assert browser.transport.take() == []
    for _ in range(5):
        room.clock.now += 25
        assert room.hub.beat() == 25
        (ping,) = browser.transport.take()
        assert ping.keys() == {"type", "n"}
        browser.pong(ping["n"])
    assert browser.close_code is None


def test_each_browser_has_its_own_beat(room: Room) -> None:
    first = room.browser()
    room.clock.now += 10
    second = room.browser()
    assert room.hub.beat() == 15
    room.clock.now += 15
    assert room.hub.beat() == 10
    assert (kinds(first.transport.take()), kinds(second.transport.take())) == (["ping"], [])


def test_the_heartbeat_tells_how_far_others_labels_went(room: Room) -> None:
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


def test_no_pong_is_cut_off_by_the_next_heartbeat(room: Room, browser: Browser) -> None:
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


def test_stuck_in_flow_control_is_cut_off_too(room: Room, browser: Browser) -> None:
    room.clock.now += 24
    room.send("jobs", *[BIG] * 9)
    room.clock.now += 1
    room.hub.beat()
    assert browser.close_code is None  # it was asked a second ago
    assert kinds(browser.transport.take()) == ["messages", "messages", "ping"]
    room.clock.now += 25
    room.hub.beat()
    assert browser.close_code == 4408


def test_a_late_pong_saves_it(room: Room, browser: Browser) -> None:
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


def test_another_heartbeat() -> None:
    room = Room(policy=Policy(heartbeat_interval=2.5))
    browser = room.browser()
    assert browser.subscribe("jobs")[0]["heartbeat"] == 2.5
    assert room.hub.beat() == 2.5
    room.clock.now += 2.5
    room.hub.beat()
    room.clock.now += 2.5
    room.hub.beat()
    assert browser.close_code == 4408


def test_the_heartbeat_does_not_say_again_what_messages_said(room: Room, browser: Browser) -> None:
    room.send("jobs", 1, 2)
    browser.transport.take()
    room.clock.now += 25
    room.hub.beat()
    assert "upto" not in browser.transport.take()[0]


def test_a_second_ping_is_no_delay(room: Room, browser: Browser) -> None:
    room.clock.now += 25
    room.hub.beat()
    room.clock.now += 24
    room.send("jobs", *[BIG] * 9)  # its ping is younger, and the first is not answered
    room.clock.now += 1
    room.hub.beat()
    assert browser.close_code == 4408
