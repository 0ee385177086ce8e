"""Brokers of all kinds, and a Redis server for all tests of a session."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from brokers.listening import BrokerReader
from dash_pipe.brokers import Broker, connect
from dash_pipe.log import Limits
from harness.project import configure
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


@pytest.fixture(params=["memory", "redis", "channels"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes brokers, of one world; with keywords of ``Limits``. There is one in memory only."""
    if request.param == "memory":
        yield from makes("memory://")
        return
    server: RedisServer = request.getfixturevalue("redis")
    if request.param == "redis":
        yield from makes(server.url)
        return
    if marker := request.node.get_closest_marker("beyond_layers"):
        pytest.skip(f"no channel layer can give it: {marker.args[0]}")
    with layers(server.url):
        yield from makes("channels://default")


def layers(url: str) -> Any:
    """A Django project's CHANNEL_LAYERS, while inside."""
    configure()
    layer = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [url]}}
    return override_settings(CHANNEL_LAYERS={"default": layer})


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
def reader(broker: Broker) -> BrokerReader:
    return BrokerReader(broker)


def stop(broker: Broker) -> None:
    """End what a broker has open, where it has something."""
    getattr(broker, "stop", lambda: None)()
