"""Leases and listeners of processes that share a Redis."""

import time

import pytest

from brokers.conftest import Make
from dash_pipe.brokers.coordinator import LEASE_SECONDS, Coordinator, Lease, LeaseLostError
from dash_pipe.brokers.listening import Listening
from dash_pipe.brokers.redis.presence import ALIVE_SECONDS
from dash_pipe.errors import BrokerUnavailableError
from harness.redis import RedisServer
from harness.wait import wait_for, wait_for_value

ONE, TWO = Lease("c", "tick", "one"), Lease("c", "tick", "two")


class Fake:
    """The audience of a process, which the test sets."""

    def __init__(self, total: int = 1) -> None:
        self.total = total

    def listening(self, channel: str) -> Listening:
        return Listening(self.total, 0, {"tick": self.total}) if self.total else Listening()


@pytest.fixture
def coordinator(make_redis: Make) -> Coordinator:
    found = make_redis().coordinator
    assert found is not None
    return found


def listens(make_redis: Make, audience: Fake) -> object:
    """Return a broker of a process in which browsers listen."""
    broker = make_redis()
    broker.open("c")
    broker.note_audience("c", audience)
    return broker


def test_lease_has_one_owner_until_it_is_released(coordinator: Coordinator) -> None:
    assert coordinator.hold(ONE)
    assert coordinator.hold(ONE)
    assert not coordinator.hold(TWO)
    coordinator.release(TWO)
    assert not coordinator.hold(TWO)
    coordinator.release(ONE)
    assert coordinator.hold(TWO)


def test_leases_of_other_sources_and_channels_are_others(coordinator: Coordinator) -> None:
    assert coordinator.hold(ONE)
    assert coordinator.hold(Lease("c", "news", "two"))
    assert coordinator.hold(Lease("d", "tick", "two"))


def test_lease_that_is_not_renewed_ends(coordinator: Coordinator, redis: RedisServer) -> None:
    assert coordinator.hold(ONE)
    left = int(redis.ask("PTTL", "dash-pipe:{c}:source:tick"))
    assert 0 < left <= 1000 * LEASE_SECONDS
    redis.ask("PEXPIRE", "dash-pipe:{c}:source:tick", "1")
    wait_for(lambda: coordinator.hold(TWO), "the lease")


def test_message_of_the_owner_is_appended_and_has_a_position(
    coordinator: Coordinator, make_redis: Make
) -> None:
    coordinator.hold(ONE)
    first = coordinator.publish(ONE, "tick", "1", "id")
    assert coordinator.publish(ONE, "tick", "1", "id") == first
    assert make_redis().publish("c", "tick", "2").offset == first.offset + 1


@pytest.mark.parametrize("owner", [None, TWO])
def test_message_without_the_lease_is_refused_and_not_appended(
    coordinator: Coordinator, make_redis: Make, owner: Lease | None
) -> None:
    if owner is not None:
        coordinator.hold(owner)
    with pytest.raises(LeaseLostError):
        coordinator.publish(ONE, "tick", "1")
    assert make_redis().publish("c", "tick", "2").offset == 1


def test_refused_message_leaves_the_connection_in_order(coordinator: Coordinator) -> None:
    with pytest.raises(LeaseLostError):
        coordinator.publish(ONE, "tick", "1")
    coordinator.hold(ONE)
    assert coordinator.publish(ONE, "tick", "1").offset == 1


def test_listeners_of_processes_are_added(coordinator: Coordinator, make_redis: Make) -> None:
    listens(make_redis, Fake(2))
    listens(make_redis, Fake(3))
    wait_for_value(lambda: coordinator.listening("c").count("tick"), 5, "listeners")
    assert coordinator.listening("c") == Listening(5, 0, {"tick": 5})
    assert coordinator.listening("d") == Listening()


def test_browser_that_leaves_is_told_at_once(coordinator: Coordinator, make_redis: Make) -> None:
    audience = Fake(2)
    broker = listens(make_redis, audience)
    wait_for_value(lambda: coordinator.listening("c").total, 2, "listeners")
    audience.total = 0
    broker.note_audience("c", audience)  # type: ignore[attr-defined]
    begun_at = time.monotonic()
    wait_for_value(lambda: coordinator.listening("c").total, 0, "listeners")
    assert time.monotonic() - begun_at < ALIVE_SECONDS / 2


def test_process_without_a_sign_of_life_counts_no_longer(
    coordinator: Coordinator, make_redis: Make, redis: RedisServer
) -> None:
    listens(make_redis, Fake(2))
    wait_for_value(lambda: coordinator.listening("c").total, 2, "listeners")
    redis.ask("HSET", "dash-pipe:{c}:listeners", "killed", "[7,7,{}]")
    assert coordinator.listening("c").total == 2
    assert redis.ask("HLEN", "dash-pipe:{c}:listeners") == 1


def test_listeners_are_told_again_when_redis_has_lost_them(
    coordinator: Coordinator, make_redis: Make, redis: RedisServer
) -> None:
    listens(make_redis, Fake(2))
    wait_for_value(lambda: coordinator.listening("c").total, 2, "listeners")
    redis.ask("FLUSHALL")
    assert coordinator.listening("c").total == 0
    wait_for_value(lambda: coordinator.listening("c").total, 2, "listeners")


def test_process_that_stops_counts_no_longer(
    coordinator: Coordinator, make_redis: Make, redis: RedisServer
) -> None:
    broker = listens(make_redis, Fake(2))
    wait_for_value(lambda: coordinator.listening("c").total, 2, "listeners")
    broker.stop()  # type: ignore[attr-defined]
    assert coordinator.listening("c").total == 0


def test_coordinator_without_redis_raises_error(make_redis: Make) -> None:
    coordinator = make_redis("redis://127.0.0.1:1/0", send_timeout=0.1).coordinator
    assert coordinator is not None
    with pytest.raises(ConnectionError, match=r"^Redis: "):
        coordinator.hold(ONE)
    with pytest.raises(ConnectionError):
        coordinator.listening("c")
    with pytest.raises(BrokerUnavailableError):
        coordinator.publish(ONE, "tick", "1")
