"""One connection to Redis, and the sync of mirrors over two of them."""

import socket
import sys
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import RedisError

from dash_pipe.brokers.redis import pulse
from dash_pipe.brokers.redis.connection import RedisConnection, connector
from dash_pipe.brokers.redis.heads import Heads
from dash_pipe.brokers.redis.mirrors import Mirrors
from dash_pipe.brokers.redis.presence import Presence
from dash_pipe.brokers.redis.reports import Reports
from dash_pipe.brokers.redis.sync import Sync
from dash_pipe.brokers.redis.wakeup import Wakeup
from dash_pipe.log import Limits
from harness.redis import RedisServer
from harness.wait import TIMEOUT

if TYPE_CHECKING:
    from _typeshed import TraceFunction


@pytest.fixture
def connection(redis: RedisServer) -> Iterator[RedisConnection]:
    connect, _ = connector(redis.url)
    connection = connect(2.0)
    yield connection
    connection.close()


def test_request_timeout_differs_from_connect_timeout(connection: RedisConnection) -> None:
    # It takes longer than connecting may take.
    assert connection.request(("BLPOP", "nothing", 2.2), timeout=TIMEOUT) == [None]
    with pytest.raises(RedisError):  # it would be answered, in 10 seconds
        connection.request(("BLPOP", "nothing", 10), timeout=0.1)
    assert not connection.is_clean


def test_error_among_several_replies_closes_connection(connection: RedisConnection) -> None:
    with pytest.raises(RedisError, match="wrong number"):
        connection.request(("GET",), timeout=2)
    assert connection.is_clean
    with pytest.raises(RedisError, match="wrong number"):
        connection.request(("GET",), ("PING",), timeout=2)
    with pytest.raises((AttributeError, RedisError)):
        connection.fileno()


def test_script_run_repeatedly_is_sent_once(
    connection: RedisConnection, redis: RedisServer
) -> None:
    redis.ask("SCRIPT", "FLUSH")
    script = ("return ARGV[1]", "098e0f0d1448c0a81dafe820f66d460eb09263da")
    assert [connection.run(script, [], n, timeout=2) for n in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize(
    ("url", "database"), [("redis://h", 0), ("redis://h/7", 7), ("unix:///s?db=3", 3)]
)
def test_database_is_read_from_url(url: str, database: int) -> None:
    assert connector(url)[1] == database


def reports() -> Reports:
    """Return the reports of a process that knows nothing."""
    return Reports(Heads(1), 0, Limits())


class SilentConnection:
    """An open connection that never receives anything."""

    server_run = "run"

    def __init__(self) -> None:
        self.said: list[Any] = []
        self._ours, self._theirs = socket.socketpair()

    def fileno(self) -> int:
        return self._ours.fileno()

    def send(self, command: Any) -> None:
        self.said.append(command)

    def announcements(self) -> Iterator[Any]:
        yield from ()

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


def test_half_open_connection_fails_after_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "PING_SECONDS", 0.05)
    monkeypatch.setattr(pulse, "TIMEOUT", 0.05)
    mirrors, wakeup, news = Mirrors(0, Limits(), 1, Heads(1)), Wakeup(), SilentConnection()
    conversation: Any = Sync
    with pytest.raises(RedisError, match="no answer to a ping"):
        conversation(mirrors, reports(), Presence(), wakeup, news, news, print).run(
            lambda: False, lambda: None
        )
    assert news.said == [("PING",)]
    wakeup.close()
    news.close()


class ComparedError(RedisError):
    """The heads were compared."""


class ComparingConnection(SilentConnection):
    """A silent connection that says when heads are compared."""

    def request(self, *_: Any, timeout: float) -> list[Any]:
        raise ComparedError


def test_ping_is_followed_by_comparison_before_the_next_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "PING_SECONDS", 0.05)
    mirrors, wakeup, connection = Mirrors(0, Limits(), 1, Heads(1)), Wakeup(), ComparingConnection()
    mirrors.open("jobs")

    def done() -> bool:  # called before each wait
        mirrored = mirrors.get("jobs")
        assert mirrored is not None
        mirrored.subscribed = True
        assert ("PING",) not in connection.said
        return False

    conversation: Any = Sync
    with pytest.raises(ComparedError):
        conversation(mirrors, reports(), Presence(), wakeup, connection, connection, print).run(
            done, lambda: None
        )
    assert [command[0] for command in connection.said] == ["SUBSCRIBE", "PING"]
    wakeup.close()
    connection.close()


def steps_to_leave(count: int) -> int:
    """Return how many steps of bytecode it takes to leave so many channels at once."""
    mirrors, wakeup, news = Mirrors(0, Limits(), 0, Heads(1)), Wakeup(), SilentConnection()
    names = [f"channel {number}" for number in range(count)]
    for name in names:
        mirrors.open(name)
    steps = turns = 0

    def trace(frame: FrameType, event: str, _: object) -> "TraceFunction":
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    def done() -> bool:
        nonlocal turns
        sys.settrace(None)
        turns += 1
        if turns == 2:
            return True
        for name in names:
            mirrors.close(name)
        sys.settrace(trace)
        return False

    before = sys.gettrace()
    conversation: Any = Sync
    try:
        conversation(mirrors, reports(), Presence(), wakeup, news, news, print).run(
            done, lambda: None
        )
    finally:
        sys.settrace(before)
        wakeup.close()
        news.close()
    assert [len(command) - 1 for command in news.said] == [count, count]
    assert [command[0] for command in news.said] == ["SUBSCRIBE", "UNSUBSCRIBE"]
    return steps


def test_leaving_many_channels_takes_linear_work() -> None:
    few, many = steps_to_leave(100), steps_to_leave(800)
    assert few > 100
    assert many < 10 * few  # it was 64 times when each was searched among all
