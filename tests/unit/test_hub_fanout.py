"""Delivery of messages from many threads to many sessions."""

import threading

import pytest

from dash_pipe.protocol import Frame
from unit.fakes import Room, rows, values


def publish_from_threads(room: Room) -> None:
    messages = ("jobs", *range(200))
    threads = [threading.Thread(target=room.publish, args=messages) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_sessions_at_the_same_position_share_the_frame(room: Room) -> None:
    crowd = [room.browser() for _ in range(50)]
    for browser in crowd:
        browser.subscribe("jobs", ["a", "b"])
    odd = room.browser()
    odd.subscribe("jobs", ["a"])
    room.send("jobs", 1)
    frame = crowd[0].transport.frames[0]
    assert all(browser.transport.frames == [frame] for browser in crowd)  # equal is identical here
    assert odd.transport.frames[0] is not frame
    assert values(odd.transport.take()) == [1]


def test_burst_wakes_the_hub_once(room: Room) -> None:
    room.browser().subscribe("jobs")
    room.publish("nobody", 1)
    assert room.wakes == 0
    publish_from_threads(room)
    assert room.wakes == 1
    room.hub.flush()
    room.publish("jobs", 1)
    assert room.wakes == 2


def test_messages_published_by_threads_arrive_complete_and_in_order(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs")
    publish_from_threads(room)
    room.hub.flush()
    assert [row[0] for row in rows(list(browser.drain()))] == list(range(1, 1601))


def test_session_whose_transport_raises_ends_alone(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    before, broken, after = crowd = [room.browser() for _ in range(3)]
    for browser in crowd:
        browser.subscribe("jobs")
    send = broken.transport.send

    def fail(frame: Frame) -> None:
        raise KeyError("type")

    broken.transport.send = fail  # type: ignore[method-assign]
    room.send("jobs", 1)
    broken.transport.send = send  # type: ignore[method-assign]
    room.send("jobs", 2)
    assert [values(browser.transport.take()) for browser in (before, after)] == [[1, 2]] * 2
    assert broken.close_code == 1013
    assert len(room.hub) == 2
    assert [record.exc_info is not None for record in caplog.records] == [True]
