"""Brokers of both kinds, and a Redis server that the tests of a file share."""

from collections.abc import Callable, Iterator

import pytest

from brokers.listening import Ear
from dash_pipe.brokers import Broker, connect
from dash_pipe.log import Limits
from harness.redis import RedisServer


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """A server that is empty and running, and that the test leaves so."""
    shared_redis.ask("FLUSHALL")
    return shared_redis


Make = Callable[..., Broker]


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes brokers, of one world; with keywords of ``Limits``. There is one in memory only."""
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis").url
    yield from makes(url)


@pytest.fixture
def make_redis(redis: RedisServer) -> Iterator[Make]:
    """Makes brokers on Redis."""
    yield from makes(redis.url)


def makes(url: str) -> Iterator[Make]:
    """A function that makes brokers, which are ended afterwards."""
    made: list[Broker] = []

    def make(url: str = url, send_timeout: float = 10.0, **limits: float) -> Broker:
        made.append(connect(url, Limits(**limits), 100, send_timeout))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for broker in made:
        stop(broker)


@pytest.fixture
def broker(make: Make) -> Broker:
    return make()


@pytest.fixture
def ear(broker: Broker) -> Ear:
    return Ear(broker)


def stop(broker: Broker) -> None:
    """End what a broker has open, where it has something."""
    getattr(broker, "stop", lambda: None)()
