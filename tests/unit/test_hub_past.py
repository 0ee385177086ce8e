"""A hub whose log goes on under another epoch; the log's content may have been rolled back."""

from typing import Any

import pytest

from dash_pipe.hub.policy import Policy
from dash_pipe.log import Ended, Past, Snapshot
from unit.fakes import Browser, Clock, MirrorRoom, kinds, since, values

CLEAN = (Ended("old", 3, 3),)
CUT = (Ended("old", 3, 5),)
UNKNOWN = (Ended("old", 0, None),)
LONG = ["a" * 200] * 600  # more than the server sends before a pong


def listener(mirrored: MirrorRoom, count: int, labels: Any = None) -> Browser:
    """Return a browser that has a number of messages of the epoch `old`."""
    browser = mirrored.browser()
    browser.subscribe("jobs", labels)
    mirrored.load("old", *"a" * count)
    browser.transport.take()
    return browser


def test_epoch_that_continues_is_read_from_the_position(mirrored: MirrorRoom) -> None:
    browser = listener(mirrored, 3)
    mirrored.load("new", *"aaaa", past=CLEAN)
    (frame,) = browser.transport.take()
    assert (frame["epoch"], values([frame]), frame["upto"]) == ("new", [4], 4)
    assert frame["past"] == [["old", 3, 3]]
    mirrored.load("new", *"aaaaa", past=CLEAN)
    (frame,) = browser.transport.take()
    assert "past" not in frame  # only with the frame that changes the epoch


def test_rolled_back_log_is_read_from_where_the_epoch_ended(mirrored: MirrorRoom) -> None:
    browser = listener(mirrored, 5)
    mirrored.load("new", *"aaaa", past=CUT)
    (frame,) = browser.transport.take()
    assert (values([frame]), frame["past"]) == ([4], [["old", 3, 5]])


@pytest.mark.parametrize(
    ("past", "offset", "recovered", "expected"),
    [
        (CLEAN, 2, True, [3, 4]),
        (CUT, 2, False, [3, 4]),
        (CLEAN, 5, False, [4]),
        (UNKNOWN, 0, None, [1, 2, 3, 4]),
        ((), 0, None, [1, 2, 3, 4]),
        ((), 2, False, [1, 2, 3, 4]),
    ],
)
def test_resume_in_an_earlier_epoch_reads_from_the_translated_offset(
    mirrored: MirrorRoom, past: Past, offset: int, recovered: bool | None, expected: list[int]
) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs", since=since("old", offset))
    mirrored.load("new", *"aaaa", past=past)
    subscribed, *frames = browser.transport.take()
    assert (subscribed["recovered"], values(frames)) == (recovered, expected)
    assert subscribed.get("past", []) == [list(entry) for entry in past]
    assert not any("past" in frame for frame in frames)


@pytest.mark.parametrize("position", [since("new", 2), None], ids=["resumes", "is-new"])
def test_page_in_the_present_epoch_is_told_its_past(
    mirrored: MirrorRoom, position: dict[str, Any] | None
) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs", **({"since": position} if position else {}))
    mirrored.load("new", *"aaaa", past=CUT)
    assert browser.transport.take()[0]["past"] == [list(entry) for entry in CUT]


@pytest.mark.parametrize(
    ("labels", "recovered"),
    [(["gone"], False), (["other"], None), (["other", "gone"], False), (None, False)],
)
def test_recovered_is_null_if_only_unnamed_labels_lost_messages(
    mirrored: MirrorRoom, labels: Any, recovered: bool | None
) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs", labels, since=since("new", 1))
    log = mirrored.broker.logs["jobs"]
    log.load(Snapshot("new", 9, [], [], {"gone": 5}, 4))
    log.refreshed = 1
    mirrored.hub.on_append("jobs")
    mirrored.hub.flush()
    assert browser.transport.take()[0]["recovered"] is recovered


def test_labels_changed_after_an_epoch_name_the_past_at_once(mirrored: MirrorRoom) -> None:
    browser = listener(mirrored, 5)
    log = mirrored.broker.logs["jobs"]
    log.load(Snapshot("new", 3, [], [], {}, 0, CUT))  # the hub does not know yet
    (answer,) = browser.subscribe("jobs", ["a"])
    assert (answer["epoch"], answer["offset"], answer["past"]) == ("new", 3, [["old", 3, 5]])
    mirrored.load("new", *"aaaa", past=CUT)
    (frame,) = browser.transport.take()
    assert (values([frame]), "past" in frame) == ([4], False)


def test_ping_after_labels_changed_names_no_offset_of_the_old_epoch(
    mirrored: MirrorRoom, clock: Clock
) -> None:
    browser = listener(mirrored, 2, ["b"])
    mirrored.load("old", *"aaaaa")  # skipped: the position moves, and the browser is not told
    mirrored.broker.logs["jobs"].load(Snapshot("new", 3, [], [], {}, 0, CUT))
    browser.subscribe("jobs", ["b", "c"])
    clock.now += Policy().heartbeat_interval
    mirrored.hub.beat()
    (ping,) = browser.transport.take()
    assert ping.get("upto", {"jobs": 3})["jobs"] <= 3


def waiting_replay(mirrored: MirrorRoom, replay: int = 2) -> tuple[Browser, int]:
    """Return a browser whose replay waits for a pong, and the number of its ping."""
    browser = mirrored.browser()
    browser.subscribe("jobs", since=since("old", 0))
    mirrored.load("old", *LONG)
    ping = browser.transport.take()[-1]
    browser.replay("jobs", last=replay, labels=None)
    return browser, ping["n"]


def test_waiting_replay_goes_on_in_an_epoch_that_continues(mirrored: MirrorRoom) -> None:
    browser, ping = waiting_replay(mirrored)
    mirrored.load("new", *LONG, "b", past=(Ended("old", 600, 600),))
    later = list(browser.drain(browser.pong(ping)))
    told = [frame for frame in later if "epoch" in frame]
    assert told[0]["past"] == [["old", 600, 600]]
    replayed = [frame for frame in told if frame["type"] == "replayed"]
    assert [frame["upto"] for frame in replayed] == [600]
    assert values(replayed) == [599, 600]
    assert {frame["epoch"] for frame in told} == {"new"}


def test_waiting_replay_is_empty_if_messages_are_lost(mirrored: MirrorRoom) -> None:
    browser, ping = waiting_replay(mirrored)
    mirrored.load("new", *LONG[:500], past=(Ended("old", 500, 600),))
    later = list(browser.drain(browser.pong(ping)))
    replayed = [frame for frame in later if frame["type"] == "replayed"]
    assert [(frame["epoch"], values([frame]), frame["upto"]) for frame in replayed] == [
        ("new", [], 500)
    ]
    told = [frame for frame in later if "epoch" in frame]
    assert (told[0]["type"], told[0]["past"]) == ("messages", [["old", 500, 600]])


def test_half_sent_replay_goes_on_after_the_epoch_is_told(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs")
    mirrored.load("old", *LONG)
    browser.transport.take()
    first = browser.replay("jobs", last=600)
    assert kinds(first)[-1] == "ping"
    mirrored.load("new", *LONG, past=(Ended("old", 600, 600),))
    later = list(browser.drain(browser.pong(first[-1]["n"])))
    told = [frame for frame in later if "epoch" in frame]
    assert (told[0]["type"], told[0]["epoch"]) == ("messages", "new")
    assert {frame["type"] for frame in told[1:]} == {"replayed"}
    assert values(first) + values(later) == list(range(1, 601))
    assert {frame["epoch"] for frame in told} == {"new"}


def test_replay_requested_before_the_epoch_is_told_follows_it(mirrored: MirrorRoom) -> None:
    browser = listener(mirrored, 3)
    log = mirrored.broker.logs["jobs"]
    log.rename("new", CLEAN)  # the hub does not know yet
    messages, replayed = browser.replay("jobs")
    assert (messages["type"], messages["past"]) == ("messages", [["old", 3, 3]])
    assert (replayed["epoch"], values([replayed])) == ("new", [3])


def test_replay_that_waits_is_answered_after_its_subscription_has_ended(
    mirrored: MirrorRoom,
) -> None:
    browser = listener(mirrored, 1)
    mirrored.load("old", *LONG)
    frames = browser.transport.take()
    assert browser.replay("jobs") == []  # flow control holds it back
    browser.says(type="unsubscribe", channel="jobs")
    (frame,) = [each for each in browser.drain(frames) if each["type"] == "replayed"]
    assert (frame["epoch"], frame["done"]) == ("old", True)


def test_position_without_history_in_the_same_epoch_goes_on(mirrored: MirrorRoom) -> None:
    browser = mirrored.browser()
    browser.subscribe("jobs", since=since("~old", 2))
    mirrored.load("~old", *"aaa")
    subscribed, messages = browser.transport.take()
    assert (subscribed["epoch"], subscribed["recovered"]) == ("~old", None)
    assert values([messages]) == [3]
