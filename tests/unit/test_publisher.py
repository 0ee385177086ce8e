"""The messages of a source while the broker fails, and when the lease is lost."""

import threading

import pytest
from dash import no_update

import dash_pipe
from dash_pipe import runtime
from dash_pipe.brokers.coordinator import LeaseLostError
from dash_pipe.brokers.listening import Listening
from dash_pipe.errors import BrokerUnavailableError
from dash_pipe.producers.claim import SharedClaim
from dash_pipe.producers.publisher import Publisher


class Coordinator:
    """A coordinator whose answers the test sets."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.sent: list[tuple[str, str, str]] = []
        self.tried: list[str | None] = []
        self.is_free: bool | Exception = True
        self.called = threading.Event()

    def hold(self, lease: object) -> bool:
        if isinstance(self.is_free, Exception):
            error, self.is_free = self.is_free, True
            raise error
        return self.is_free

    def release(self, lease: object) -> None: ...

    def listening(self, channel: str) -> Listening:
        return Listening(3, 3)

    def publish(self, lease: object, label: str, value: str, message_id: str | None = None) -> None:
        self.tried.append(message_id)
        self.called.set()
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append((label, value, message_id or ""))


def away() -> BrokerUnavailableError:
    return BrokerUnavailableError("Redis: gone", may_have_been_sent=True, message_id="x")


@pytest.fixture
def coordinator() -> Coordinator:
    return Coordinator()


@pytest.fixture
def publisher(coordinator: Coordinator) -> Publisher:
    current = runtime.current()
    claim = SharedClaim(current, coordinator, "c", "tick")  # type: ignore[arg-type]
    return Publisher(current, claim, "c", "tick", "prices")


def counted(name: str) -> float:
    return dash_pipe.stats()[name]


@pytest.mark.parametrize(("label", "nothing"), [("tick", no_update), (None, ("tick", no_update))])
def test_no_update_sends_nothing_alone_or_with_a_label(
    coordinator: Coordinator, label: str | None, nothing: object
) -> None:
    current = runtime.current()
    claim = SharedClaim(current, coordinator, "c", "tick")  # type: ignore[arg-type]
    Publisher(current, claim, "c", label, "prices").send(nothing)
    assert coordinator.tried == []


def test_value_is_sent_with_its_label_and_counted(
    coordinator: Coordinator, publisher: Publisher
) -> None:
    publisher.send({"a": 1})
    assert [each[:2] for each in coordinator.sent] == [("tick", '{"a":1}')]
    assert counted("messages_published") == 1


def test_value_is_sent_again_with_the_same_id_until_the_broker_is_back(
    coordinator: Coordinator, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator.errors = [away(), away()]
    publisher.send(1)
    assert len(coordinator.tried) == 3
    assert len(set(coordinator.tried)) == 1
    assert len(coordinator.sent) == 1
    assert caplog.text.count("source prices on channel 'c': sending failed; it waits") == 1
    coordinator.errors = [away()]
    publisher.send(2)
    assert caplog.text.count("sending failed") == 2
    assert counted("messages_unsent") == 3


def test_value_is_dropped_when_the_run_ends_while_the_broker_is_away(
    coordinator: Coordinator, publisher: Publisher
) -> None:
    coordinator.errors = [away()] * 10**6
    sender = threading.Thread(target=publisher.send, args=(1,))
    sender.start()
    assert coordinator.called.wait(10)
    publisher.closed.set()
    sender.join(10)
    assert not sender.is_alive()
    publisher.send(2)
    assert coordinator.sent == []


def test_lease_that_ended_and_that_nobody_took_is_taken_again(
    coordinator: Coordinator, publisher: Publisher
) -> None:
    coordinator.errors = [LeaseLostError()]
    publisher.send(1)
    assert len(coordinator.sent) == 1
    coordinator.errors, coordinator.is_free = [LeaseLostError()], ConnectionError()
    publisher.send(2)
    assert len(coordinator.sent) == 2


def test_lease_that_another_process_took_ends_the_run(
    coordinator: Coordinator, publisher: Publisher
) -> None:
    coordinator.errors, coordinator.is_free = [LeaseLostError()], False
    with pytest.raises(LeaseLostError):
        publisher.send(1)
    assert coordinator.sent == []
