"""The bounds on the ids and the mirrors that a broker on Redis keeps."""

import time
from collections.abc import Callable, Iterator

import pytest

from brokers.conftest import Make
from dash_pipe.brokers.redis import commands
from dash_pipe.brokers.redis.broker import RedisBroker
from dash_pipe.testing.brokers import BrokerReader
from harness.redis import RedisServer
from harness.wait import wait_for

BoundIds = Callable[[str, float], None]


@pytest.fixture
def bound_ids(monkeypatch: pytest.MonkeyPatch) -> Iterator[BoundIds]:
    """Change a bound on the ids that brokers remember."""

    def bound(name: str, value: float) -> None:
        monkeypatch.setattr(commands, name, value)
        commands._bounds.cache_clear()

    yield bound
    commands._bounds.cache_clear()


def test_message_id_after_its_time_is_forgotten(
    make_redis: Make, bound_ids: BoundIds, redis: RedisServer
) -> None:
    bound_ids("IDS_SECONDS", 2.0)
    broker = make_redis()
    begun = time.monotonic()
    first = broker.publish("jobs", "a", "1", "an id")
    # As on a busy channel, where the key does not expire.
    assert redis.ask("PERSIST", "dash-pipe:{jobs}:ids") == 1
    last = wait_for(
        lambda: None if (at := broker.publish("jobs", "a", "1", "an id")) == first else at,
        "the id to be forgotten",
    )
    assert time.monotonic() - begun >= 2.0
    assert last == (first.epoch, 2)


def test_message_ids_beyond_bound_are_forgotten(make_redis: Make, bound_ids: BoundIds) -> None:
    bound_ids("MAX_IDS", 3)
    broker = make_redis()
    sent = [broker.publish("jobs", "a", "1", str(number)) for number in range(5)]
    assert [broker.publish("jobs", "a", "1", str(number)) for number in (2, 3, 4)] == sent[2:]
    assert broker.publish("jobs", "a", "1", "0").offset == 6


def test_mirror_expired_can_be_opened_again_at_once(
    make_redis: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = make_redis()
    broker.publish("jobs", "a", "0")
    reader = BrokerReader(broker)
    reader.open("another")  # so that the follower always has a channel
    monkeypatch.setattr("dash_pipe.brokers.redis.mirrors.IDLE_SECONDS", 0.0)
    assert isinstance(broker, RedisBroker)
    for _ in range(200):
        log = reader.open("jobs")
        broker.close("jobs")
        assert broker._follower is not None
        broker._follower._mirrors.expire()  # as the check does every 30 s
    assert reader.open("jobs").end == log.end
