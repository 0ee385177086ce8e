"""Subscribe, resume, change labels, unsubscribe and disconnect on a hub."""

import gc
import weakref

from dash_pipe.hub.policy import Policy
from dash_pipe.log import Limits
from dash_pipe.protocol import Close
from unit.fakes import Room, rows, values


def epoch_of(room: Room, channel: str = "jobs") -> str:
    epoch = room.broker.open(channel).epoch
    room.broker.close(channel)
    return epoch


def since(room: Room, offset: int) -> dict[str, object]:
    return {"epoch": epoch_of(room), "offset": offset}


def test_first_subscribe_starts_at_the_head(room: Room) -> None:
    room.publish("jobs", "old", "older")
    browser = room.browser()
    (answer,) = browser.subscribe("jobs")
    assert answer == {
        "type": "subscribed",
        "channel": "jobs",
        "epoch": epoch_of(room),
        "offset": 2,
        "recovered": None,
        "spread": 1 / 200,
        "heartbeat": 25,
    }
    room.send("jobs", "new")
    (frame,) = browser.transport.take()
    assert rows([frame]) == [[3, "a", "new"]]
    assert (frame["type"], frame["channel"], frame["epoch"]) == (
        "messages",
        "jobs",
        answer["epoch"],
    )
    assert frame["upto"] == 3
    assert "lost" not in frame


def test_subscribe_to_empty_channel_starts_at_offset_0(room: Room) -> None:
    browser = room.browser()
    assert browser.subscribe("jobs")[0]["offset"] == 0
    room.send("jobs", "first")
    assert rows(browser.transport.take()) == [[1, "a", "first"]]


def test_burst_is_sent_in_one_frame(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs")
    room.send("jobs", *range(100))
    (frame,) = browser.transport.take()
    assert values([frame]) == list(range(100))


def test_spread_grows_with_sessions_up_to_max_spread() -> None:
    room = Room(policy=Policy(returns_per_second=2, max_spread=3))
    spreads = [room.browser().subscribe("jobs")[0]["spread"] for _ in range(8)]
    assert spreads == [0.5, 1, 1.5, 2, 2.5, 3, 3, 3]


def test_resume_within_the_window_recovers_missed_messages(room: Room) -> None:
    room.publish("jobs", 1, 2, 3, 4)
    answer, *frames = room.browser().subscribe("jobs", since=since(room, 2))
    assert (answer["recovered"], answer["offset"]) == (True, 4)
    assert values(frames) == [3, 4]


def test_resume_at_the_head_recovers_without_messages(room: Room) -> None:
    room.publish("jobs", 1, 2)
    (answer,) = room.browser().subscribe("jobs", since=since(room, 2))
    assert answer["recovered"] is True


def test_resume_reports_losses_of_subscribed_labels_only() -> None:
    room = Room(Limits(messages=2))
    room.publish("jobs", *range(5))
    room.publish("jobs", "q", label="quiet")
    answer, *frames = room.browser().subscribe("jobs", since=since(room, 1))
    assert (answer["recovered"], frames[0]["lost"]) == (False, [["a", 4]])
    assert rows(frames) == [[5, "a", 4], [6, "quiet", "q"]]
    answer, *frames = room.browser().subscribe("jobs", ["quiet"], since=since(room, 1))
    assert answer["recovered"] is True
    assert "lost" not in frames[0]
    assert values(frames) == ["q"]


def test_resume_from_another_epoch_reads_from_the_beginning(room: Room) -> None:
    room.publish("jobs", "x", "y")
    answer, *frames = room.browser().subscribe("jobs", since={"epoch": "gone", "offset": 1})
    assert (answer["recovered"], answer["offset"]) == (False, 2)
    assert values(frames) == ["x", "y"]


def test_resume_above_the_head_starts_at_the_head(room: Room) -> None:
    room.publish("jobs", "x", "y")
    browser = room.browser()
    (answer,) = browser.subscribe("jobs", since=since(room, 3))
    assert (answer["recovered"], answer["offset"]) == (False, 2)
    room.send("jobs", "z")
    assert rows(browser.transport.take()) == [[3, "a", "z"]]


def test_subscribe_to_labels_receives_only_those(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["b", "c"])
    room.send("jobs", 1)
    assert browser.transport.take() == []
    room.send("jobs", 2, label="b")
    assert rows(browser.transport.take()) == [[2, "b", 2]]


def test_second_subscribe_replaces_labels_and_keeps_position(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["a"])
    room.send("jobs", 1, 2)
    browser.transport.take()
    (answer,) = browser.subscribe("jobs", ["b"], since=since(room, 0))
    assert (answer["recovered"], answer["offset"]) == (None, 2)
    room.send("jobs", 3)
    room.send("jobs", 4, label="b")
    assert rows(browser.transport.take()) == [[4, "b", 4]]


def test_unsent_message_survives_a_change_of_labels(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs", ["a"])
    room.publish("jobs", 1)  # not flushed yet
    browser.subscribe("jobs", ["a", "b"])
    room.hub.flush()
    assert values(browser.transport.take()) == [1]


def test_unsubscribe_stops_messages_of_its_channel_only(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs")
    browser.subscribe("prices")
    assert browser.says(type="unsubscribe", channel="jobs") == []
    assert browser.says(type="unsubscribe", channel="never") == []
    room.send("jobs", 1)
    room.send("prices", 2)
    assert values(browser.transport.take()) == [2]


def test_resubscribe_on_the_same_connection_recovers(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs")
    browser.says(type="unsubscribe", channel="jobs")
    room.send("jobs", 1)
    answer, *frames = browser.subscribe("jobs", since=since(room, 0))
    assert answer["recovered"] is True
    assert values(frames) == [1]


def test_disconnect_releases_all_state_of_the_session(room: Room) -> None:
    browser = room.browser()
    browser.subscribe("jobs")
    browser.subscribe("prices")
    room.send("jobs", *["x" * 30_000] * 5)
    browser.replay("jobs", 5)
    assert len(room.hub) == 1
    session = browser.session
    assert session is not None
    room.hub.disconnect(session)
    room.hub.disconnect(session)
    assert len(room.hub) == 0
    assert not session.replays
    assert room.hub._subscriptions.listeners == {}
    assert room.broker._open == {}
    room.send("jobs", 2)
    traces = [weakref.ref(browser.transport)]
    del browser, session
    gc.collect()
    assert [trace() for trace in traces] == [None]


def test_frame_after_disconnect_is_ignored(room: Room) -> None:
    browser = room.browser()
    assert browser.session is not None
    room.hub.disconnect(browser.session)
    assert browser.subscribe("jobs") == []
    assert room.broker._open == {}


def test_close_of_the_hub_closes_every_session(room: Room) -> None:
    crowd = [room.browser() for _ in range(3)]
    for browser in crowd:
        browser.subscribe("jobs")
    room.hub.close(Close.GOING_AWAY, "bye")
    assert [browser.transport.closed for browser in crowd] == [(1001, "bye")] * 3
    assert len(room.hub) == 0
    assert room.broker._watchers._functions == ()
