"""Two gunicorn workers on Redis, listeners on both and a sender, while processes are killed."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dash_pipe.brokers import Broker, connect
from dash_pipe.log import Limits
from harness.follower import Follower
from harness.process import children, stopped
from harness.redis import RedisServer
from harness.server import Server
from harness.wait import wait_for
from harness.ws import PipeClient

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

LISTENERS = 6
MESSAGES = 1000


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", "--save 3600 1000000") as redis:
        yield redis


@pytest.fixture
def server(tmp_path: Path, redis: RedisServer) -> Iterator[Server]:
    settings = {"DASH_PIPE_BROKER": redis.url}
    with Server("gunicorn-two", "room", tmp_path / "log", settings=settings) as server:
        yield server
        assert "Traceback" not in server.log_text()


@pytest.fixture
def sender(redis: RedisServer) -> Iterator[Broker]:
    broker = connect(redis.url, Limits(), 10, 10.0)
    yield broker
    broker.stop()  # type: ignore[attr-defined]


@pytest.fixture
def followers(server: Server) -> Iterator[list[Follower]]:
    """Connect the same number of listeners to each worker.

    The kernel chooses the worker that accepts a connection, so the others are stopped meanwhile.
    """
    with ExitStack() as stack:
        followers = []
        workers = children(server.pid)
        for worker in workers:
            with stopped(pid for pid in workers if pid != worker):
                for _ in range(LISTENERS // len(workers)):
                    followers.append(Follower(f"{server.url}/_pipe/", "jobs"))
                    stack.callback(followers[-1].leave)
        yield followers


def test_messages_while_processes_are_killed_arrive_once_in_order(
    server: Server, redis: RedisServer, sender: Broker, followers: list[Follower]
) -> None:
    def kill_a_worker() -> None:
        os.kill(children(server.pid)[0], signal.SIGKILL)

    def kill_connections() -> None:
        redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
        redis.ask("CLIENT", "KILL", "TYPE", "normal")

    def restart() -> None:
        redis.stop()
        redis.start()

    harms = {200: kill_a_worker, 400: kill_connections, 600: restart, 800: kill_a_worker}
    for number in range(MESSAGES):
        if number in harms:
            harms[number]()
        sender.publish("jobs", "a", str(number))
    for follower in followers:
        wait_for(lambda f=follower: len(f.values) >= MESSAGES, "all messages", 30)
        assert follower.values == list(range(MESSAGES))
        assert follower.gaps == 0
    assert sum(follower.connections for follower in followers) > LISTENERS


def test_lost_redis_data_is_one_gap_and_later_messages_arrive(
    redis: RedisServer, sender: Broker, followers: list[Follower]
) -> None:
    sender.publish("jobs", "a", '"before"')
    wait_for(lambda: all(follower.values for follower in followers), "the first message")
    redis.kill9()
    redis.start()
    wait_for(lambda: all(follower.gaps for follower in followers), "the gap to be told")
    sender.publish("jobs", "a", '"after"')
    for follower in followers:
        wait_for(lambda f=follower: len(f.values) > 1, "the second message")
        assert (follower.values, follower.gaps) == (["before", "after"], 1)


def test_oldest_dash_and_redis_py_deliver_messages(
    tmp_path: Path, redis: RedisServer, sender: Broker
) -> None:
    settings = {"DASH_PIPE_BROKER": redis.url}
    with (
        Server("werkzeug-oldest", "room", tmp_path / "log", settings=settings) as server,
        PipeClient(server.url + "/") as client,
    ):
        client.subscribe("jobs")
        sender.publish("jobs", "a", "1")
        assert client.rows(1)[0][:3] == [1, "a", 1]
