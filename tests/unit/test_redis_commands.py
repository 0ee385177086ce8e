"""The commands about a channel in Redis, and their replies. No Redis here: plain lists."""

import json

import pytest

from dash_pipe.brokers.redis import commands
from dash_pipe.brokers.redis.commands import ChannelCommands, Entry, Head, Known
from dash_pipe.log import Limits, Position

META, LOG, NEWEST, LABELS, LOST, IDS, PLACES = (
    f"dash-pipe:{{jobs}}:{key}"
    for key in ("meta", "log", "newest", "labels", "lost", "ids", "places")
)
NEWS = "dash-pipe:{jobs}:news:3"


@pytest.fixture
def jobs() -> ChannelCommands:
    return ChannelCommands("jobs", 3, Limits(messages=5, seconds=1, label_seconds=1))


def test_keys_of_any_name_share_one_hash_tag(jobs: ChannelCommands) -> None:
    assert jobs.keys == [META, LOG, NEWEST, LABELS, LOST, IDS, PLACES]
    assert jobs.news == NEWS
    braces = ChannelCommands("a}{b", 0, Limits())
    assert braces.keys[0] == "dash-pipe:{a%7D%7Bb}:meta"


def test_append_names_limits_known_message_label_and_value(jobs: ChannelCommands) -> None:
    known = Known("e", 4, "m4", "12.5")
    name, bounds, new_epoch, news, *rest = jobs.append('é"', '{"n":1}', "m5", known)
    assert (name, news) == ("append", NEWS)
    assert json.loads(bounds)["messages"] == 5
    assert new_epoch != jobs.append("a", "1", "m6", known)[2]
    assert rest == ["e", 4, "m4", "12.5", json.dumps('é"'), '{"n":1}', "m5"]


def test_begin_names_old_epoch_time_and_name_of_empty_log(jobs: ChannelCommands) -> None:
    name, _, _, news, *rest = jobs.begin("old", 12.5, "same")
    assert (name, news, rest) == ("begin", NEWS, ["old", 12.5, "same"])


def test_delete_empty_touches_the_head_alone(jobs: ChannelCommands) -> None:
    command, _, count, *rest = jobs.delete_empty("e")
    assert (command, count, rest) == ("EVAL", 1, [META, "e", NEWS])


def test_head_keeps_a_listened_log_longer_than_two_touches(jobs: ChannelCommands) -> None:
    command, _, count, *rest = jobs.head()
    assert (command, count) == ("EVAL", 5)
    assert rest == [META, LOG, NEWEST, LABELS, LOST, 120_000, 600_000]


def test_read_from_an_offset_asks_for_the_window_alone(jobs: ChannelCommands) -> None:
    sent = jobs.read(7)
    assert [command[0] for command in sent] == [
        *("MULTI", "TIME", "HMGET", "XLEN", "HLEN", "ZCARD", "ZCARD", "XRANGE", "EXEC")
    ]
    assert sent[-2] == ("XRANGE", LOG, "7-0", "+")


def test_read_from_the_beginning_asks_for_newest_and_lost(jobs: ChannelCommands) -> None:
    *_, newest, lost, last = jobs.read(0)
    assert (newest, lost, last) == (
        ("HVALS", NEWEST),
        ("ZRANGE", LOST, 0, -1, "WITHSCORES"),
        ("EXEC",),
    )


def test_appended_of_a_new_message_is_known_from_now_on() -> None:
    position, known = commands.appended([b"e", b"5", b"12.5"], "m5")
    assert position == Position("e", 5)
    assert known == Known("e", 5, "m5", "12.5")


def test_appended_of_a_known_message_id_has_no_time() -> None:
    assert commands.appended([b"e", b"2", b""], "m5") == (Position("e", 2), None)


def test_head_of_a_log_that_is_not_there_has_no_epoch() -> None:
    assert commands.head([b"e", b"3", b"m3"]) == Head("e", 3, "m3")
    assert commands.head([None, None, None]) == Head("", 0, "")
    assert commands.head([b"e", None, b"m3"]) == Head("", 0, "")


def test_reading_has_entries_newest_by_offset_and_losses() -> None:
    meta = [b"e", b"12", b"m12", b"4", b"1 2 2 1"]
    entry = (b"12-0", [b"l", b'"a"', b"i", b"m12", b"r", b'[12,"a",1,9.000]', b"p", b"m11"])
    newest = [b'[10,"b",1,8.000]', b'[9,"c",1,8.000]']
    reply = [(b"9", b"500000"), meta, 1, 2, 2, 1, [entry], newest, [b'"a"', b"11"]]
    found = commands.reading(0, reply)
    assert found.end == Head("e", 12, "m12")
    assert found.entries == [Entry(12, "m12", '[12,"a",1,9.000]', "m11")]
    assert found.beside == ['[9,"c",1,8.000]', '[10,"b",1,8.000]']
    assert (found.lost, found.lost_rest, found.time) == ({"a": 11}, 4, 9.5)


def test_reading_with_an_error_in_it_raises_the_error() -> None:
    with pytest.raises(ZeroDivisionError):
        commands.reading(0, [(b"9", b"0"), ZeroDivisionError()])
