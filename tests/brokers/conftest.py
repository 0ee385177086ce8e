"""A Redis server for all tests of a session, and functions that make brokers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from dash_pipe.brokers import Broker, connect
from dash_pipe.brokers.redis import mirrors, pulse, sync
from dash_pipe.log import Limits
from harness.project import configure
from harness.redis import RedisServer


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """Return an empty, running server; the test must leave it running."""
    shared_redis.ask("FLUSHALL")
    return shared_redis


Make = Callable[..., Broker]


def layers(url: str) -> Any:
    """Set CHANNEL_LAYERS of a Django project while inside."""
    configure()
    layer = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [url]}}
    return override_settings(CHANNEL_LAYERS={"default": layer})


@pytest.fixture
def make_redis(redis: RedisServer) -> Iterator[Make]:
    """Return a function that makes brokers on Redis."""
    yield from makes(redis.url)


@pytest.fixture
def make_layer(redis: RedisServer) -> Iterator[Make]:
    """Return a function that makes brokers on a channel layer."""
    with layers(redis.url):
        yield from makes("channels://default")


def makes(url: str) -> Iterator[Make]:
    """Yield a function that makes brokers; end them afterwards."""
    made: list[Broker] = []

    def make(url: str = url, send_timeout: float = 10.0, **limits: float) -> Broker:
        made.append(connect(url, Limits(**limits), 100, send_timeout))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for broker in made:
        stop(broker)


def stop(broker: Broker) -> None:
    """End the connections of a broker, if it has any."""
    getattr(broker, "stop", lambda: None)()


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """Run a separate Redis server; the parameters are its options."""
    options = getattr(request, "param", ())
    with RedisServer(tmp_path / "redis", *options) as server:
        yield server


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice in a moment what takes up to 30 seconds."""
    monkeypatch.setattr(pulse, "PING_SECONDS", 0.3)
    for module in (pulse, sync):
        monkeypatch.setattr(module, "TIMEOUT", 1.0)


@pytest.fixture
def forgetful(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Release a mirror as soon as its last page has left."""
    monkeypatch.setattr(mirrors, "IDLE_SECONDS", 0.0)
