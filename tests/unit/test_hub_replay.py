"""Replay of past messages."""

from typing import Any

import pytest

from dash_pipe.log import Limits, Message
from unit.fakes import Room, kinds, rows, values


class CountingLabel(str):
    """A label that counts how often it is hashed or compared."""

    __slots__ = ()
    times = 0

    def __hash__(self) -> int:
        CountingLabel.times += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        CountingLabel.times += 1
        return super().__eq__(other)


def test_replay_returns_the_newest_of_each_label(room: Room) -> None:
    room.publish("jobs", 1, 2)
    room.publish("jobs", 3, 4, label="b")
    browser = room.browser()
    (subscribed,) = browser.subscribe("jobs")
    (frame,) = browser.replay("jobs")
    assert rows([frame]) == [[2, "a", 2], [4, "b", 4]]
    assert (frame["id"], frame["upto"], frame["done"]) == (1, 4, True)
    assert frame["epoch"] == subscribed["epoch"]
    assert values(browser.replay("jobs", last=2, labels=["b"])) == [3, 4]


def test_replay_of_empty_channel_is_done_without_messages(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs")
    (frame,) = browser.replay("jobs")
    assert (frame["messages"], frame["upto"], frame["done"]) == ([], 0, True)


def test_replay_returns_subscribed_labels_and_keeps_position(room: Room) -> None:
    room.publish("jobs", 0, label="a")
    room.publish("jobs", 1, label="b")
    browser = room.browser()
    browser.subscribe("jobs", ["b"])
    assert values(browser.replay("jobs", labels=["a", "b"])) == [1]
    room.send("jobs", 2, label="b")
    assert values(browser.transport.take()) == [2]


def test_replay_of_unsubscribed_channel_gets_an_error(room: Room) -> None:
    room.publish("jobs", 1)
    browser = room.browser()
    (frame,) = browser.replay("jobs")
    assert (frame["type"], frame["code"]) == ("error", "not_subscribed")
    assert frame["channel"] == "jobs"
    assert room.broker._open == {}


def test_long_replay_comes_in_frames_under_flow_control(room: Room) -> None:
    room.publish("jobs", *["x" * 20_000] * 20)
    browser = room.browser()
    browser.subscribe("jobs")
    first = browser.replay("jobs", last=1000)
    assert kinds(first) == ["replayed", "replayed", "ping"]
    replayed = [frame for frame in browser.drain(first) if frame["type"] == "replayed"]
    assert [row[0] for row in rows(replayed)] == list(range(1, 21))
    assert [frame["done"] for frame in replayed] == [False] * (len(replayed) - 1) + [True]
    assert {frame["upto"] for frame in replayed} == {20}
    assert all(sum(len(row[2]) for row in rows([frame])) <= 64 * 1024 for frame in replayed)


def test_replay_upto_is_the_head_at_the_request(room: Room) -> None:
    room.publish("jobs", *["x" * 20_000] * 20)
    browser = room.browser()
    browser.subscribe("jobs")
    first = browser.replay("jobs", last=1000)
    room.send("jobs", "new")
    frames = list(browser.drain(first))
    assert {frame["upto"] for frame in frames if frame["type"] == "replayed"} == {20}
    live = [frame for frame in frames if frame["type"] == "messages"]
    assert rows(live) == [[21, "a", "new"]]


def test_started_replay_keeps_messages_that_left_the_log(room: Room) -> None:
    room.publish("jobs", *["x" * 30_000] * 9)
    browser = room.browser()
    browser.subscribe("jobs")
    first = browser.replay("jobs", last=1000)
    room.clock.now += 1_000_000  # all of it leaves the log
    assert len(rows(list(browser.drain(first)))) == 9


def test_queued_replay_reads_the_log_at_its_turn() -> None:
    room = Room(Limits(messages=4))
    room.publish("jobs", *["x" * 40_000] * 3)
    browser = room.browser()
    browser.subscribe("jobs")
    first = browser.replay("jobs", last=3)
    browser.replay("jobs", last=3)
    room.publish("jobs", 4, 5, 6)  # 1 and 2 are dropped, unless a replay holds them
    parts = [frame for frame in browser.drain(first) if frame["type"] == "replayed"]
    assert [row[0] for row in rows(parts)] == [1, 2, 3, 3]
    assert {part["upto"] for part in parts} == {3}


@pytest.mark.parametrize(
    "asks",
    [
        {"type": "replay", "id": 1, "channel": "jobs", "labels": ["absent"], "last": 1},
        {"type": "replay", "id": 1, "channel": "jobs", "labels": None, "last": 1},
        {"type": "subscribe", "channel": "prices", "labels": ["absent"]},
    ],
)
def test_cost_of_a_request_depends_on_the_rows_it_returns(room: Room, asks: dict[str, Any]) -> None:
    label = CountingLabel("a")
    room.publish("jobs", *range(5000), label=label)
    room.publish("prices", *range(5000), label=label)
    browser = room.browser()
    browser.subscribe("jobs")
    since = {"epoch": room.broker.open("prices").epoch, "offset": 1}
    CountingLabel.times = 0
    frames = browser.says(**asks, since=since)
    assert len(rows(frames)) <= 1
    assert CountingLabel.times < 50  # not for each of the messages


def test_several_replays_are_answered_in_turn(room: Room) -> None:
    room.publish("jobs", *["x" * 40_000] * 3)
    browser = room.browser()
    browser.subscribe("jobs")
    first = browser.replay("jobs", last=3)
    for number in range(2, 5):
        frame = {"type": "replay", "id": number, "channel": "jobs", "labels": None, "last": 1}
        assert browser.says(**frame) == []
    done = [frame["id"] for frame in browser.drain(first) if frame.get("done")]
    assert done == [1, 2, 3, 4]


def test_replays_over_128_get_an_error(room: Room) -> None:
    room.publish("jobs", *["x" * 40_000] * 3)
    browser = room.browser()
    browser.subscribe("jobs")
    first = browser.replay("jobs", last=3)
    while not (refused := browser.replay("jobs")):
        assert len(browser.session.replays) <= 128  # type: ignore[union-attr]
    assert len(browser.session.replays) == 128  # type: ignore[union-attr]
    assert (refused[0]["code"], refused[0]["channel"]) == ("too_many_replays", "jobs")
    assert sum(frame.get("done", False) for frame in browser.drain(first)) == 128
    assert kinds(browser.replay("jobs"))[0] == "replayed"


def test_replayed_row_larger_than_a_frame_is_sent(room: Room) -> None:
    room.publish("jobs", 1, "x" * 100_000, 3)
    browser = room.browser()
    browser.subscribe("jobs")
    first = browser.replay("jobs", last=3)
    assert [row[0] for row in rows(list(browser.drain(first)))] == [1, 2, 3]


def test_message_published_during_a_replay_is_not_replayed(room: Room) -> None:
    room.publish("jobs", 1)
    browser = room.browser()
    browser.subscribe("jobs")
    log = room.broker.open("jobs")
    newest = log.newest

    def late(*given: Any) -> list[Message]:
        room.publish("jobs", 2)
        return newest(*given)

    log.newest = late  # type: ignore[method-assign]
    (frame,) = browser.replay("jobs", last=5)
    assert (values([frame]), frame["upto"]) == ([1], 1)
    room.hub.flush()
    assert values(browser.transport.take()) == [2]
