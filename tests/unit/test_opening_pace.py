"""The channels that one connection may open in a time."""

from dash_pipe.hub.opening_pace import BURST, RATE, OpeningPace
from unit.fakes import Room


def test_burst_may_be_opened_at_once_then_some_a_second() -> None:
    pace = OpeningPace()
    assert all(pace.take(1000.0) for _ in range(BURST))
    assert not pace.take(1000.0)
    assert [pace.take(1001.0) for _ in range(int(RATE) + 1)] == [True] * int(RATE) + [False]


def test_flood_of_invented_channels_ends_its_connection_alone_and_spares_the_broker() -> None:
    room = Room()
    listener = room.browser()
    listener.subscribe("jobs")
    attacker = room.browser()
    opened: list[str] = []
    room.broker.open, real = lambda name: (opened.append(name), real(name))[1], room.broker.open  # type: ignore[method-assign]
    for number in range(3000):
        attacker.subscribe(f"invented {number}")
        attacker.says(type="unsubscribe", channel=f"invented {number}")
    assert attacker.close_code == 1013
    assert attacker.transport.closed is not None
    assert "too many channels in a short time" in attacker.transport.closed[1]
    assert len(opened) == BURST
    room.send("jobs", "hello")
    assert listener.transport.take()[-1]["messages"][0][2] == "hello"


def test_page_that_changes_its_labels_opens_no_channel() -> None:
    room = Room()
    browser = room.browser()
    for number in range(2 * BURST):
        browser.subscribe("jobs", [f"label {number}"])
    assert browser.close_code is None


def test_page_may_exchange_all_of_its_channels() -> None:
    room = Room()
    browser = room.browser()
    for start in (0, 128):
        for number in range(128):
            browser.subscribe(f"channel {start + number}")
        for number in range(128):
            browser.says(type="unsubscribe", channel=f"channel {start + number}")
    assert browser.close_code is None
