"""What every broker promises, and then what the memory broker does beyond it."""

import json
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from dash_pipe.brokers import Broker, connect
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.errors import SettingError
from dash_pipe.log import Limits
from unit.fakes import Clock


def memory() -> Broker:
    return connect("memory://", Limits(), 100)


@pytest.fixture(params=[memory])
def broker(request: pytest.FixtureRequest) -> Broker:
    made: Callable[[], Broker] = request.param
    return made()


@pytest.fixture
def often_switching() -> Iterator[None]:
    """Threads take turns so often that they meet in the worst places."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def read(broker: Broker, channel: str) -> list[object]:
    log = broker.open(channel)
    try:
        return [json.loads(row)[:3] for row in log.read(0, None, 2**30).rows]
    finally:
        broker.close(channel)


def test_publishing_returns_the_position(broker: Broker) -> None:
    log = broker.open("jobs")
    positions = [broker.publish("jobs", "a", "1") for _ in range(3)]
    assert [position.offset for position in positions] == [1, 2, 3]
    assert {position.epoch for position in positions} == {log.epoch}
    assert log.head == 3


def test_messages_are_kept_for_who_listens_later(broker: Broker) -> None:
    broker.publish("jobs", "a", "1")
    broker.publish("jobs", "b", '{"x":2}')
    broker.publish("prices", "a", "3")
    assert read(broker, "jobs") == [[1, "a", 1], [2, "b", {"x": 2}]]
    assert read(broker, "prices") == [[1, "a", 3]]


def test_each_channel_has_an_epoch_of_its_own(broker: Broker) -> None:
    assert broker.publish("jobs", "a", "1").epoch != broker.publish("prices", "a", "1").epoch


def test_an_epoch_stays_while_its_log_does(broker: Broker) -> None:
    first = broker.publish("jobs", "a", "1")
    for _ in range(3):
        assert broker.open("jobs").epoch == first.epoch
        broker.close("jobs")
    assert broker.publish("jobs", "a", "1") == (first.epoch, 2)


def test_all_who_open_a_channel_share_its_log(broker: Broker) -> None:
    log = broker.open("jobs")
    assert broker.open("jobs") is log
    broker.close("jobs")
    broker.publish("jobs", "a", "1")
    assert log.head == 1


def test_watchers_are_told_what_has_grown(broker: Broker) -> None:
    log = broker.open("jobs")
    heard: list[tuple[str, int]] = []
    unwatch = broker.watch(lambda channel: heard.append((channel, log.head)))
    broker.publish("jobs", "a", "1")
    assert heard == [("jobs", 1)]  # told when the message is there to be read
    unwatch()
    unwatch()
    broker.publish("jobs", "a", "1")
    assert heard == [("jobs", 1)]


def test_watchers_come_and_go_by_themselves(broker: Broker) -> None:
    heard: list[str] = []
    unwatch = [broker.watch(lambda _, name=name: heard.append(name)) for name in "abc"]
    unwatch[1]()
    broker.publish("jobs", "a", "1")
    assert heard == ["a", "c"]


@pytest.mark.parametrize("listened", [True, False])
def test_threads_get_positions_of_their_own(
    broker: Broker, listened: bool, often_switching: None
) -> None:
    if listened:
        broker.open("jobs")
    told: list[str] = []
    broker.watch(told.append)
    offsets: list[int] = []

    def publish() -> None:
        offsets.extend(broker.publish("jobs", "a", "1").offset for _ in range(250))

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(offsets) == list(range(1, 2001))
    assert len(told) == 2000
    assert broker.open("jobs").head == 2000


def test_a_url_that_no_broker_answers_to() -> None:
    with pytest.raises(SettingError, match=r"broker: .*memory://.*'carrier-pigeon://x'"):
        connect("carrier-pigeon://x", Limits(), 1)


@pytest.fixture
def small(clock: Clock) -> MemoryBroker:
    return MemoryBroker(Limits(seconds=10, label_seconds=100), 3, clock)


def kept(broker: MemoryBroker) -> set[str]:
    return {*broker._silent, *broker._spoken}


def test_the_channels_that_nobody_listens_to_are_bounded(small: MemoryBroker) -> None:
    for number in range(1000):
        small.publish(f"channel {number}", "a", "1")
        small.open(f"silent {number}")
        small.close(f"silent {number}")
    assert kept(small) == {"channel 997", "channel 998", "channel 999"}
    assert not small._open
    assert not small._listeners


def test_who_never_spoke_is_forgotten_first(small: MemoryBroker) -> None:
    small.publish("spoken", "a", "1")
    for number in range(10):
        small.open(f"silent {number}")
        small.close(f"silent {number}")
    assert kept(small) == {"spoken", "silent 8", "silent 9"}


def test_the_least_recently_used_is_forgotten_first(small: MemoryBroker) -> None:
    for channel in "abcad":
        small.publish(channel, "a", "1")
    assert kept(small) == {"a", "c", "d"}


def test_who_is_listened_to_stays(small: MemoryBroker, clock: Clock) -> None:
    log = small.open("jobs")
    small.open("jobs")
    small.close("jobs")
    for number in range(10):
        small.publish(f"channel {number}", "a", "1")
        clock.now += 1000
    assert small.publish("jobs", "a", "1") == (log.epoch, 1)
    assert small.open("jobs") is log


def test_idle_channels_are_forgotten(small: MemoryBroker, clock: Clock) -> None:
    small.publish("old", "a", "1")
    small.open("silent")
    small.close("silent")
    clock.now += 100
    small.publish("new", "a", "1")
    assert kept(small) == {"old", "silent", "new"}
    clock.now += 0.5
    small.publish("new", "a", "1")
    assert kept(small) == {"new"}


def test_to_listen_is_not_to_be_idle(small: MemoryBroker, clock: Clock) -> None:
    first = small.publish("jobs", "a", "1")
    small.open("jobs")
    clock.now += 1000
    small.close("jobs")
    small.publish("other", "a", "1")
    assert small.publish("jobs", "a", "1") == (first.epoch, 2)


def test_a_forgotten_channel_begins_anew(small: MemoryBroker) -> None:
    first = small.publish("jobs", "a", "1")
    for channel in "abc":
        small.publish(channel, "a", "1")
    again = small.publish("jobs", "a", "1")
    assert again.offset == 1
    assert again.epoch != first.epoch
