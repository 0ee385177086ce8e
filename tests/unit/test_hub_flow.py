"""Flow control for slow sessions."""

import pytest

from dash_pipe.log import Limits
from unit.fakes import Browser, Room, kinds, rows, values

KIB = 1024
BIG = "x" * 20 * KIB


@pytest.fixture
def browser(room: Room) -> Browser:
    browser = room.browser()
    browser.subscribe("jobs")
    return browser


def text_size(browser: Browser) -> int:
    return sum(len(frame.text) for frame in browser.transport.frames)


def test_after_64_kib_a_ping_is_sent_and_then_nothing(room: Room, browser: Browser) -> None:
    room.send("jobs", *[BIG] * 50)
    assert 64 * KIB <= text_size(browser) <= 2 * 66 * KIB
    frames = browser.transport.take()
    assert kinds(frames) == ["messages", "messages", "ping"]
    room.send("jobs", "more")
    assert browser.transport.take() == []


def test_small_messages_count_towards_64_kib(room: Room, browser: Browser) -> None:
    sent = 0
    while "ping" not in kinds(browser.transport.take()):
        room.send("jobs", "x" * KIB)
        sent += 1
    assert 55 <= sent <= 64


def test_pong_releases_the_remaining_messages(room: Room, browser: Browser) -> None:
    room.send("jobs", *range(10), *[BIG] * 20)
    first = browser.transport.take()
    room.send("jobs", "last")
    frames = first + browser.pong(first[-1]["n"])
    frames = list(browser.drain(frames))
    got = [row[0] for row in rows(frames)]
    assert got == list(range(1, 32))


def test_pong_with_wrong_number_is_ignored(room: Room, browser: Browser) -> None:
    room.send("jobs", *[BIG] * 9)
    n = browser.transport.take()[-1]["n"]
    for wrong in (0, n - 1, n + 1):
        assert browser.pong(wrong) == []
    assert kinds(browser.pong(n))[0] == "messages"
    assert browser.close_code is None


def test_pong_without_a_ping_is_ignored(room: Room, browser: Browser) -> None:
    assert browser.pong(0) == []
    room.send("jobs", 1)
    assert values(browser.transport.take()) == [1]
    assert browser.pong(0) == []


def test_answers_are_sent_while_messages_wait_for_a_pong(room: Room, browser: Browser) -> None:
    room.send("jobs", *[BIG] * 9)
    browser.transport.take()
    assert kinds(browser.subscribe("prices")) == ["subscribed"]
    assert kinds(browser.subscribe("", None)) == ["error"]


def test_slow_session_does_not_delay_others(room: Room, browser: Browser) -> None:
    quick = room.browser()
    quick.subscribe("jobs")
    got = 0
    for _ in range(20):
        room.send("jobs", *[BIG] * 4)
        got += len(rows(list(quick.drain())))
    assert got == 80
    assert len(browser.transport.frames) <= 3


def test_channels_are_served_in_turn(room: Room, browser: Browser) -> None:
    browser.subscribe("prices")
    browser.subscribe("news")
    room.send("jobs", *[BIG] * 30)
    room.publish("prices", *[BIG] * 30)
    room.send("news", "!")
    frames = browser.transport.take()
    heard = []
    for _ in range(6):
        frames = browser.pong(frames[-1]["n"])
        heard.append({frame["channel"] for frame in frames if frame["type"] == "messages"})
    assert set().union(*heard[:3]) == {"jobs", "prices", "news"}
    assert set().union(*heard[3:5]) == {"jobs", "prices"}


def test_slow_session_is_told_its_losses() -> None:
    room = Room(Limits(messages=6))
    browser = room.browser()
    browser.subscribe("jobs")
    room.send("jobs", *[BIG] * 6)
    first = browser.transport.take()
    room.send("jobs", *range(20))
    frames = browser.pong(first[-1]["n"])
    assert frames[0]["lost"] == [["a", 20]]
    assert values(frames) == [14, 15, 16, 17, 18, 19]
    assert frames[-1]["upto"] == 26
    room.send("jobs", "next")
    assert "lost" not in browser.transport.take()[0]


def test_slow_session_is_told_its_losses_without_messages_to_send() -> None:
    room = Room(Limits(seconds=10, label_seconds=10))
    browser = room.browser()
    browser.subscribe("jobs")
    room.send("jobs", *[BIG] * 9)
    first = browser.transport.take()
    room.clock.now += 11
    (frame,) = browser.pong(first[-1]["n"])
    assert (frame["messages"], frame["lost"], frame["upto"]) == ([], [["a", 9]], 9)
