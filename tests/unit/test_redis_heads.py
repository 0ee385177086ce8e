from dash_pipe.brokers.redis.heads import Heads
from dash_pipe.brokers.redis.known import NOTHING, Known
from dash_pipe.log import Ended


def test_newer_message_of_an_epoch_replaces_an_older_one_only() -> None:
    heads = Heads(2)
    heads.note("a", Known("e", 5, "m5", ""))
    heads.note("a", Known("e", 4, "m4", ""))
    assert heads.get("a").offset == 5
    heads.note("a", Known("e", 6, "m6", ""))
    assert heads.get("a").offset == 6
    heads.note("a", Known("f", 1, "m1", ""))
    assert heads.get("a") == Known("f", 1, "m1", "")


def test_message_of_an_older_epoch_does_not_replace_one_of_another_log() -> None:
    heads = Heads(2)
    heads.note("a", Known("f", 3, "m3", ""))
    heads.note("a", Known("e", 7, "m7", ""))
    assert heads.get("a").epoch == "f"


def test_message_of_a_continued_epoch_does_not_replace_a_newer_one() -> None:
    heads = Heads(2)
    heads.note("a", Known("f", 3, "m3", "", (Ended("e", 2, 2),)))
    heads.note("a", Known("e", 7, "m7", ""))
    assert heads.get("a").epoch == "f"


def test_heads_of_more_channels_than_there_is_room_forget_the_oldest() -> None:
    heads = Heads(2)
    for channel in ("a", "b", "a", "c"):
        heads.note(channel, Known(channel, 1, "m", ""))
    assert heads.get("b") is NOTHING
    assert heads.get("a").epoch == "a"


def test_heads_are_due_once_for_each_run_of_redis() -> None:
    heads = Heads(9)
    known = {channel: Known("e", 1, channel, "") for channel in "abc"}
    for channel, each in known.items():
        heads.note(channel, each)
    first = heads.due("run 1", 2)
    assert first == [("a", known["a"]), ("b", known["b"])]
    assert heads.due("run 1", 2) == first  # the connection may have been lost meanwhile
    heads.reported(channel for channel, _ in first)
    assert heads.due("run 1", 2) == [("c", known["c"])]
    heads.reported("c")
    assert heads.due("run 1", 2) == []
    assert len(heads.due("run 2", 9)) == 3


def test_head_that_was_forgotten_before_its_report_is_due_as_nothing() -> None:
    heads = Heads(1)
    heads.note("a", Known("e", 1, "m", ""))
    assert len(heads.due("run", 1)) == 1
    heads.note("b", Known("e", 1, "m", ""))
    assert heads.due("run", 1) == [("a", NOTHING)]
