"""The commands about a channel in Redis, and their replies. No Redis here: plain lists."""

import json
from typing import Any

import pytest
from redis.exceptions import RedisError

from dash_pipe.brokers.redis import commands
from dash_pipe.brokers.redis.commands import ChannelCommands, Entry
from dash_pipe.brokers.redis.known import NOTHING, Head, Known
from dash_pipe.log import Ended, Limits, Position

META, ROWS, NEWEST, LABELS, LOST, IDS = (
    f"dash-pipe:{{jobs}}:{key}" for key in ("meta", "rows", "newest", "labels", "lost", "ids")
)
NEWS = "dash-pipe:{jobs}:news:3"


@pytest.fixture
def jobs() -> ChannelCommands:
    return ChannelCommands("jobs", 3, Limits(messages=5, seconds=1, label_seconds=1))


def test_keys_of_any_name_share_one_hash_tag(jobs: ChannelCommands) -> None:
    assert jobs.keys == [META, ROWS, NEWEST, LABELS, LOST, IDS]
    assert jobs.news == NEWS
    braces = ChannelCommands("a}{b", 0, Limits())
    assert braces.keys[0] == "dash-pipe:{a%7D%7Bb}:meta"


PAST = (Ended("c", 2, 2), Ended("d", 3, None))


def test_append_names_limits_run_known_message_label_and_value(jobs: ChannelCommands) -> None:
    known = Known("e", 4, "m4", "12.5", PAST)
    name, bounds, new_epoch, news, *rest = jobs.append("run", known, 'é"', '{"n":1}', "m5")
    assert (name, news) == ("append", NEWS)
    assert json.loads(bounds)["messages"] == 5
    assert new_epoch != jobs.append("run", known, "a", "1", "m6")[2]
    assert rest == ["run", "e", 4, "m4", "12.5", "c 2 2;d 3 ?;", json.dumps('é"'), '{"n":1}', "m5"]


def test_check_names_run_known_message_and_how_to_begin(jobs: ChannelCommands) -> None:
    name, _, _, news, *rest = jobs.check("run", NOTHING, "same")
    assert (name, news, rest) == ("check", NEWS, ["run", "", 0, "", "", "", "same"])


def test_idle_log_expires_after_kept_seconds() -> None:
    commands = ChannelCommands("jobs", 0, Limits(seconds=3600, label_seconds=300))
    bounds = json.loads(commands.append("", NOTHING, "a", "1", "m")[1])
    assert bounds["keep"] == 300_000


def test_delete_empty_touches_the_head_alone(jobs: ChannelCommands) -> None:
    command, _, count, *rest = jobs.delete_empty("e")
    assert (command, count, rest) == ("EVAL", 1, [META, "e", NEWS])


def test_look_reads_what_head_returns_and_changes_nothing(jobs: ChannelCommands) -> None:
    assert jobs.look() == ("HMGET", META, "epoch", "head", "mark", "run", "past")


def test_head_keeps_a_listened_log_longer_than_two_touches(jobs: ChannelCommands) -> None:
    command, _, count, *rest = jobs.head()
    assert (command, count) == ("EVAL", 5)
    assert rest == [META, ROWS, NEWEST, LABELS, LOST, 120_000, 600_000]


def test_appended_of_a_new_message_is_known_from_now_on() -> None:
    position, known = commands.appended([b"e", b"5", b"12.5", b"c 2 2;d 3 ?;"], "m5", NOTHING)
    assert position == Position("e", 5)
    assert known == Known("e", 5, "m5", "12.5", PAST)
    _, known = commands.appended([b"e", b"6", b"13.5", b""], "m6", known)
    assert known == Known("e", 6, "m6", "13.5", PAST)


def test_appended_of_a_known_message_id_has_no_time() -> None:
    reply = [b"e", b"2", b"", b""]
    assert commands.appended(reply, "m5", NOTHING) == (Position("e", 2), None)


def test_head_has_run_and_past() -> None:
    reply = [b"e", b"3", b"m3", b"run", b"c 1 1;d 3 5;v 0 ?;"]
    past = (Ended("c", 1, 1), Ended("d", 3, 5), Ended("v", 0, None))
    assert commands.head(reply) == Head("e", 3, "m3", "run", past)


def test_head_of_a_log_that_is_not_there_has_no_epoch() -> None:
    assert commands.head([None] * 5) == Head()


STATE = [b"e", b"12", b"m12", b"run", b"", b"m10", b"4", b"2 2 2 1"]
ROW = b'm12 3 [12,"a",1,9.000]'


def test_reading_has_entries_newest_by_offset_and_losses() -> None:
    newest = [b'[10,"b",1,8.000]', b'[9,"c",1,8.000]']
    reply = [(b"9", b"500000"), STATE, [2, 2, 2, 1], [ROW], newest, [b'"a"', b"11"]]
    found = commands.reading(0, reply)
    assert (found.end, found.whole) == (Head("e", 12, "m12", "run"), True)
    assert found.entries == [Entry(12, "m12", '[12,"a",1,9.000]')]
    assert found.beside == ['[9,"c",1,8.000]', '[10,"b",1,8.000]']
    assert (found.lost, found.lost_rest, found.time) == ({"a": 11}, 4, 9.5)


def test_reading_knows_the_marks_of_its_entries_and_of_the_one_before() -> None:
    rows = [b'm11 3 [11,"a",1,9.000]', ROW]
    found = commands.reading(11, [(b"9", b"0"), STATE, [2, 2, 2, 1], rows])
    assert [found.mark_at(offset) for offset in (9, 10, 11, 12, 13)] == [
        *(None, "m10", "m11", "m12", None)
    ]


def test_reading_from_an_offset_knows_no_mark_before_it() -> None:
    state = [b"e", b"12", b"m12", b"run", b"", b"m9", b"4", b"3 2 2 1"]
    found = commands.reading(12, [(b"9", b"0"), state, [3, 2, 2, 1], [ROW]])
    assert [found.mark_at(offset) for offset in (9, 10, 11, 12)] == ["m9", None, None, "m12"]


def test_reading_without_a_part_is_not_whole() -> None:
    found = commands.reading(0, [(b"9", b"0"), STATE, [0, 2, 2, 1], [], [], []])
    assert not found.whole


def test_reading_of_a_log_that_is_not_there_has_no_epoch() -> None:
    found = commands.reading(0, [(b"9", b"0"), [None] * 8, [0, 0, 0, 0], [], [], []])
    assert (found.end, found.whole) == (Head(), True)


@pytest.mark.parametrize("reply", [[], None, 7, [b"epoch"], [b"epoch", b"x", b"1.5", b""]])
def test_reply_that_is_not_expected_is_an_error_of_redis(reply: Any) -> None:
    with pytest.raises(RedisError, match="unexpected reply"):
        commands.appended(reply, "mark", NOTHING)
