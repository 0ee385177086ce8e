"""The tiny Redis of tests/schedules replies like a server."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dash_pipe.brokers.redis.connection import RedisConnection, RedisError, connector
from harness.redis import RedisServer
from schedules.tiny_redis import TinyRedis

NAMES = st.sampled_from(["h", "l", "z", "x"])
WORDS = st.sampled_from(["a", "b", "c", "10", "9"])
NUMBERS = st.integers(-3, 3)
SCORES = st.sampled_from([0, 1, 2.5, -1, 1_700_000_000_123_456])
BOUNDS = st.sampled_from(["-inf", "+inf", "(1", "1", "(0", 2.5])
COMMANDS = st.one_of(
    st.tuples(st.sampled_from(["DEL", "EXISTS", "HLEN", "LLEN", "ZCARD", "HVALS", "PTTL"]), NAMES),
    st.tuples(st.sampled_from(["LPOP", "ZPOPMIN", "HGETALL"]), NAMES),
    st.tuples(st.just("PEXPIRE"), NAMES, st.sampled_from([0, 600_000])),
    st.tuples(st.just("HSET"), NAMES, WORDS, WORDS, WORDS, WORDS),
    st.tuples(st.sampled_from(["HGET", "HDEL", "HMGET", "ZREM", "RPUSH"]), NAMES, WORDS),
    st.tuples(st.sampled_from(["HMGET", "HDEL", "ZREM", "RPUSH"]), NAMES, WORDS, WORDS),
    st.tuples(st.sampled_from(["ZSCORE"]), NAMES, WORDS),
    st.tuples(st.sampled_from(["LTRIM", "LRANGE", "ZRANGE"]), NAMES, NUMBERS, NUMBERS),
    st.tuples(st.just("ZRANGE"), NAMES, NUMBERS, NUMBERS, st.just("WITHSCORES")),
    st.tuples(st.just("LINDEX"), NAMES, NUMBERS),
    st.tuples(st.just("LPOP"), NAMES, st.integers(1, 3)),
    st.tuples(st.just("ZADD"), NAMES, SCORES, WORDS),
    st.tuples(st.just("ZADD"), NAMES, SCORES, WORDS, SCORES, WORDS),
    st.tuples(st.just("ZRANGEBYSCORE"), NAMES, BOUNDS, BOUNDS),
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
    if command[0] in {"HVALS", "HGETALL"}:  # a server may change the order
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
    for command in ("HGET", "HDEL", "RPUSH", "LPOP", "NONE"):
        text = SCRIPT_OF % command
        theirs, ours = replies(connection, tiny, ("EVAL", text, 1, "h", "1"))
        assert ours == theirs, text
