"""A hub whose logs are mirrors: not loaded yet, behind, or in a new epoch."""

from typing import Any

import pytest

from dash_pipe.protocol import MAX_PARKED, Close
from unit.fakes import MirrorRoom, kinds, rows, since, values


def test_subscribe_waits_for_the_first_load(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    assert browser.subscribe("jobs") == []
    mirrored.load("e", "a", "b")
    (answer,) = browser.transport.take()
    assert (answer["type"], answer["epoch"], answer["offset"]) == ("subscribed", "e", 2)
    mirrored.load("e", "a", "b", "c")
    assert values(browser.transport.take()) == [3]


def test_frames_before_the_first_load_are_answered_in_order(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs", ["a"], since=since("e", 1))
    browser.subscribe("jobs", ["b"])
    browser.replay("jobs", labels=["b"])
    assert browser.says(type="unsubscribe", channel="jobs") == []
    browser.subscribe("jobs", ["c"], since=since("e", 0))
    mirrored.load("e", "a", "b", "c", "a")
    frames = browser.transport.take()
    answers = ["subscribed", "messages", "subscribed", "replayed", "subscribed", "messages"]
    assert kinds(frames) == answers
    assert values(frames) == [4, 2, 3]


def test_loaded_channel_is_answered_while_another_waits(mirrored: MirrorRoom) -> None:
    waiting = mirrored.browser()
    waiting.subscribe("jobs")
    mirrored.broker.open("prices")
    mirrored.broker.load("prices", "p", "a")
    assert kinds(waiting.subscribe("prices")) == ["subscribed"]


@pytest.mark.parametrize("place", [since("e", 5), since("another", 1)])
def test_resume_at_unknown_position_waits_for_the_next_load(
    mirrored: MirrorRoom, place: dict[str, Any]
) -> None:
    first = mirrored.browser()
    first.subscribe("jobs")
    mirrored.load("e", *"aaa")
    first.transport.take()
    browser = mirrored.browser()
    assert browser.subscribe("jobs", since=place) == []
    assert kinds(mirrored.browser().subscribe("jobs", since=since("e", 3))) == ["subscribed"]
    mirrored.load("e", *"aaaaaa")
    frames = browser.transport.take()
    if place["epoch"] == "e":
        assert (frames[0]["recovered"], values(frames)) == (True, [6])
    else:
        assert (frames[0]["recovered"], values(frames)) == (False, [1, 2, 3, 4, 5, 6])


def test_resume_at_position_missing_after_the_load_is_a_gap(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs", since=since("e", 5))
    mirrored.load("e", *"aaa")
    (answer,) = browser.transport.take()
    assert (answer["recovered"], answer["offset"]) == (False, 3)


def test_new_epoch_is_read_from_its_beginning(mirrored: MirrorRoom) -> None:
    browser, other = mirrored.browser(), mirrored.browser()
    browser.subscribe("jobs", ["a"])
    other.subscribe("jobs", ["b"])
    mirrored.load("old", *"aaaa")
    browser.transport.take()
    other.transport.take()
    mirrored.load("new", *"aa")
    (frame,) = browser.transport.take()
    assert (frame["epoch"], values([frame]), frame["upto"]) == ("new", [1, 2], 2)
    (frame,) = other.transport.take()  # it is answered, though there is no message for it
    assert (frame["epoch"], rows([frame]), frame["upto"]) == ("new", [], 2)
    mirrored.load("newer")
    (frame,) = browser.transport.take()
    assert (frame["epoch"], rows([frame]), frame["upto"]) == ("newer", [], 0)
    mirrored.hub.flush()
    assert browser.transport.take() == []


def test_new_epoch_during_a_replay_ends_the_replay(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs", since=since("old", 0))
    mirrored.load("old", *["a" * 200] * 600)  # more than the server sends before a pong
    frames = browser.transport.take()
    browser.replay("jobs", last=600)
    ping = frames[-1]["n"]
    mirrored.load("new", "b")
    later = list(browser.drain(browser.pong(ping)))
    replayed = [frame for frame in later if frame["type"] == "replayed"]
    assert [(frame["epoch"], values([frame]), frame["done"]) for frame in replayed] == [
        ("new", [], True)
    ]
    assert {frame["epoch"] for frame in later if "epoch" in frame} == {"new"}
    assert values(later) == [1]  # by `messages`, with all of the new log


def test_frames_over_max_parked_close_with_try_later(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    for _ in range(MAX_PARKED):
        browser.subscribe("jobs")
    assert browser.close_code is None
    browser.subscribe("jobs")
    assert browser.close_code == Close.TRY_LATER
    assert mirrored.broker.opened["jobs"] == 0


def test_disconnect_before_the_load_closes_the_channel(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs")
    assert browser.session is not None
    mirrored.hub.disconnect(browser.session)
    assert mirrored.broker.opened["jobs"] == 0
    mirrored.load("e", "a")
    assert browser.transport.take() == []


def test_disconnect_before_the_load_drops_parked_frames(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    session = browser.session
    assert session is not None
    browser.subscribe("jobs")
    assert session.parked == 1
    mirrored.hub.disconnect(session)
    assert session.parked == 0


def test_message_before_the_first_load_answers_nothing(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs")
    mirrored.hub.on_append("jobs")
    mirrored.hub.flush()
    assert browser.transport.take() == []
    mirrored.load("e", "a")
    assert kinds(browser.transport.take()) == ["subscribed"]
