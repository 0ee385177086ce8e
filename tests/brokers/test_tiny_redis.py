"""The tiny Redis of tests/schedules replies like a server."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dash_pipe.brokers.redis.commands import ChannelCommands, appended
from dash_pipe.brokers.redis.connection import RedisConnection, RedisError, connector
from dash_pipe.brokers.redis.known import NOTHING
from dash_pipe.brokers.redis.scripts import CHANNEL, READ
from dash_pipe.log import Ended, Limits
from harness.redis import RedisServer
from schedules.tiny_redis import TinyRedis

NAMES = st.sampled_from(["h", "l", "z", "x"])
WORDS = st.sampled_from(["a", "b", "c", "10", "9"])
NUMBERS = st.integers(-3, 3)
SCORES = st.sampled_from([0, 1, 2.5, -1, 1_700_000_000_123_456])
BOUNDS = st.sampled_from(["-inf", "+inf", "(1", "1", "(0", 2.5])
COMMANDS = st.one_of(
    st.tuples(st.sampled_from(["DEL", "HLEN", "LLEN", "ZCARD", "HVALS", "PTTL"]), NAMES),
    st.tuples(st.sampled_from(["LPOP", "ZPOPMIN"]), NAMES),
    st.tuples(st.just("PEXPIRE"), NAMES, st.sampled_from([0, 600_000])),
    st.tuples(st.just("HSET"), NAMES, WORDS, WORDS, WORDS, WORDS),
    st.tuples(st.sampled_from(["HGET", "HDEL", "HMGET", "ZREM", "RPUSH", "LPUSH"]), NAMES, WORDS),
    st.tuples(st.sampled_from(["HMGET", "HDEL", "ZREM", "RPUSH", "LPUSH"]), NAMES, WORDS, WORDS),
    st.tuples(st.sampled_from(["ZSCORE"]), NAMES, WORDS),
    st.tuples(st.sampled_from(["LRANGE", "ZRANGE"]), NAMES, NUMBERS, NUMBERS),
    st.tuples(st.just("ZRANGE"), NAMES, NUMBERS, NUMBERS, st.just("WITHSCORES")),
    st.tuples(st.just("LINDEX"), NAMES, NUMBERS),
    st.tuples(st.just("ZADD"), NAMES, SCORES, WORDS),
    st.tuples(st.just("ZADD"), NAMES, SCORES, WORDS, SCORES, WORDS),
    st.tuples(st.sampled_from(["ZRANGEBYSCORE", "ZREMRANGEBYSCORE"]), NAMES, BOUNDS, BOUNDS),
    st.tuples(st.just("ZRANGEBYSCORE"), NAMES, BOUNDS, BOUNDS, st.just("LIMIT"), NUMBERS, NUMBERS),
)
SCRIPT_OF = "return {1, 2.9, 'x', false, true, {'y', {}}, redis.call('%s', KEYS[1], ARGV[1])}"


@pytest.fixture
def connection(redis: RedisServer) -> Iterator[RedisConnection]:
    with closing(connector(redis.url)[0](5.0)) as connection:
        yield connection


@pytest.fixture
def tiny() -> TinyRedis:
    return TinyRedis(time.time)


def replies(connection: RedisConnection, tiny: TinyRedis, command: tuple[Any, ...]) -> list[Any]:
    """Return the replies of both; an error is the first word of its text."""
    (ours,) = tiny.request([command])
    try:
        (theirs,) = connection.request(command, timeout=5.0)
    except RedisError as error:
        theirs = error
    return [simple(theirs, command), simple(ours, command)]


def simple(reply: Any, command: tuple[Any, ...]) -> Any:
    if isinstance(reply, RedisError):
        return "error"
    if command[0] == "PTTL":
        return min(reply, 1)
    if command[0] == "HVALS":  # a server may change the order
        return sorted(reply)
    return reply


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(COMMANDS, max_size=30))
def test_random_commands_have_the_replies_of_a_server(
    connection: RedisConnection, tiny: TinyRedis, commands: list[tuple[Any, ...]]
) -> None:
    for command in [("FLUSHALL",), *commands]:
        theirs, ours = replies(connection, tiny, command)
        assert ours == theirs, command


def test_replies_of_scripts_are_those_of_a_server(
    connection: RedisConnection, tiny: TinyRedis
) -> None:
    for command in ("HGET", "HDEL", "RPUSH", "LPUSH", "NONE"):
        text = SCRIPT_OF % command
        theirs, ours = replies(connection, tiny, ("EVAL", text, 1, "h", "1"))
        assert ours == theirs, text


LIMITS = Limits(messages=4, bytes=300, seconds=60.0, labels=3, label_seconds=600.0)
RUNS = st.sampled_from(["1", "1", "1", "2"])
# What a sender knows: nothing, its newest message, or another one in its place.
KNOWS = st.sampled_from(["nothing", "newest", "another", "later", "forgotten"])
APPENDS = st.tuples(
    st.just("append"), RUNS, KNOWS, st.sampled_from("abcde"), st.sampled_from([0.001, 1, 40, 400])
)
CHECKS = st.tuples(st.just("check"), RUNS, KNOWS, st.sampled_from(["", "same", "other"]))
OTHERS = st.tuples(st.sampled_from(["evict", "read"]), st.integers(0, 5))
OPERATIONS = st.one_of(APPENDS, APPENDS, APPENDS, CHECKS, OTHERS)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(OPERATIONS, max_size=30))
def test_random_operations_on_a_channel_have_the_replies_of_a_server(
    connection: RedisConnection, tiny: TinyRedis, operations: list[tuple[Any, ...]]
) -> None:
    channel, newest, now = ChannelCommands("c", 0, LIMITS), NOTHING, 1_750_000_000.0
    keys = (len(channel.keys), *channel.keys)
    replies(connection, tiny, ("FLUSHALL",))
    for number, (operation, *rest) in enumerate(operations):
        known = {
            "newest": newest,
            "another": newest._replace(mark="x"),
            "later": newest._replace(offset=newest.offset + 1),
            "forgotten": newest._replace(epoch="forgotten", past=(Ended(newest.epoch, 1, 2),)),
        }.get(rest[1] if len(rest) > 1 else "", NOTHING)
        match operation:
            case "append":
                now += rest[3]
                mark = f"mark{number}"
                order = channel.append(rest[0], known, rest[2], f'"{number}"', mark)
                theirs, ours = replies(connection, tiny, at(now, CHANNEL.text, keys, order))
                newest = appended(ours, mark, known)[1] or newest
            case "check":
                order = channel.check(rest[0], known, rest[2])
                theirs, ours = replies(connection, tiny, at(now, CHANNEL.text, keys, order))
            case "evict":
                theirs, ours = replies(connection, tiny, ("DEL", channel.keys[rest[0]]))
            case _:
                theirs, ours = replies(connection, tiny, at(now, READ.text, keys, rest))
        assert ours == theirs, (operation, rest)


def at(now: float, script: str, keys: tuple[Any, ...], order: Any) -> tuple[Any, ...]:
    """Return the command to run a script that takes the time from here: the clocks differ."""
    seconds = (str(int(now)), f"{now % 1 * 1e6:.0f}")
    timed = script.replace("call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}")
    assert timed != script
    return ("EVAL", timed, *keys, *order, *seconds)
