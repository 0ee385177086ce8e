"""The memory broker: the contract of every broker, and its own behaviour."""

import pytest

from dash_pipe.brokers import IDS_SECONDS, MAX_IDS, connect
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.errors import SettingError
from dash_pipe.log import Limits
from dash_pipe.testing.brokers import BrokerContract, Connect
from unit.fakes import Clock


class TestMemoryBroker(BrokerContract):
    shared = False  # it has its messages in one process

    @pytest.fixture
    def connect(self) -> Connect:
        return lambda limits: MemoryBroker(limits, 100)


def test_connect_with_unknown_scheme_raises() -> None:
    with pytest.raises(SettingError, match=r"broker: .*memory://.*'carrier-pigeon://x'"):
        connect("carrier-pigeon://x", Limits(), 1)


@pytest.fixture
def small(clock: Clock) -> MemoryBroker:
    return MemoryBroker(Limits(seconds=10, label_seconds=100), 3, clock)


def kept(broker: MemoryBroker) -> set[str]:
    return {*broker._empty, *broker._used}


def test_idle_channels_are_limited_in_number(small: MemoryBroker) -> None:
    for number in range(1000):
        small.publish(f"channel {number}", "a", "1")
        small.open(f"silent {number}")
        small.close(f"silent {number}")
    assert kept(small) == {"channel 997", "channel 998", "channel 999"}
    assert not small._open
    assert not small._listeners


def test_idle_channel_without_messages_is_dropped_first(small: MemoryBroker) -> None:
    small.publish("spoken", "a", "1")
    for number in range(10):
        small.open(f"silent {number}")
        small.close(f"silent {number}")
    assert kept(small) == {"spoken", "silent 8", "silent 9"}


def test_least_recently_used_channel_is_dropped_first(small: MemoryBroker) -> None:
    for channel in "abcad":
        small.publish(channel, "a", "1")
    assert kept(small) == {"a", "c", "d"}


def test_open_channel_is_never_dropped(small: MemoryBroker, clock: Clock) -> None:
    log = small.open("jobs")
    small.open("jobs")
    small.close("jobs")
    for number in range(10):
        small.publish(f"channel {number}", "a", "1")
        clock.now += 1000
    assert small.publish("jobs", "a", "1") == (log.epoch, 1)
    assert small.open("jobs") is log


def test_idle_channels_are_dropped_after_label_seconds(small: MemoryBroker, clock: Clock) -> None:
    small.publish("old", "a", "1")
    small.open("silent")
    small.close("silent")
    clock.now += 100
    small.publish("new", "a", "1")
    assert kept(small) == {"old", "silent", "new"}
    clock.now += 0.5
    small.publish("new", "a", "1")
    assert kept(small) == {"new"}


def test_open_channel_does_not_count_as_idle(small: MemoryBroker, clock: Clock) -> None:
    first = small.publish("jobs", "a", "1")
    small.open("jobs")
    clock.now += 1000
    small.close("jobs")
    small.publish("other", "a", "1")
    assert small.publish("jobs", "a", "1") == (first.epoch, 2)


def test_dropped_channel_starts_a_new_epoch(small: MemoryBroker) -> None:
    first = small.publish("jobs", "a", "1")
    for channel in "abc":
        small.publish(channel, "a", "1")
    again = small.publish("jobs", "a", "1")
    assert again.offset == 1
    assert again.epoch != first.epoch


def test_message_id_is_remembered_for_ids_seconds(small: MemoryBroker, clock: Clock) -> None:
    first = small.publish("jobs", "a", "1", "id")
    clock.now += IDS_SECONDS
    assert small.publish("jobs", "a", "1", "id") == first
    clock.now += 0.5
    assert small.publish("jobs", "a", "1", "id") != first


def test_message_ids_are_limited_in_number(small: MemoryBroker) -> None:
    first = small.publish("jobs", "a", "1", "first")
    for number in range(MAX_IDS - 1):
        small.publish("jobs", "a", "1", f"id {number}")
    assert small.publish("jobs", "a", "1", "first") == first
    small.publish("jobs", "a", "1", "one more")
    assert len(small._ids) <= MAX_IDS + 1
    assert small.publish("jobs", "a", "1", "first") != first
