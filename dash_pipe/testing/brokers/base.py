"""The fixtures of the tests of brokers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from ...brokers import Broker
from ...log import Limits, Position
from .reader import BrokerReader

Connect = Callable[[Limits], Broker]
Make = Callable[..., Broker]

needs_history = pytest.mark.usefixtures("needs_history")
needs_positions = pytest.mark.usefixtures("needs_positions")
needs_message_ids = pytest.mark.usefixtures("needs_message_ids")
needs_any_name = pytest.mark.usefixtures("needs_any_name")


class BrokerTests:
    """The abilities of a broker, and its fixtures; see ``BrokerContract``."""

    shared = True
    history = True
    positions = True
    message_ids = True
    any_name = True

    @pytest.fixture
    def connect(self) -> Connect:
        """Return a function that makes a broker. Override it."""
        raise NotImplementedError(f"{type(self).__name__}: override the fixture `connect`")

    @pytest.fixture
    def make(self, connect: Connect) -> Make:
        """Return a function that makes a broker; its keywords are those of ``Limits``."""
        return lambda **limits: connect(Limits(**limits))

    @pytest.fixture
    def broker(self, make: Make) -> Broker:
        """Return a broker with the default limits."""
        return make()

    @pytest.fixture
    def reader(self, broker: Broker) -> BrokerReader:
        """Return a reader of this broker."""
        return BrokerReader(broker)

    @pytest.fixture
    def often_switching(self) -> Iterator[None]:
        """Switch threads so often that they meet in the worst places."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        yield
        sys.setswitchinterval(interval)

    @pytest.fixture
    def needs_history(self) -> None:
        """Skip the test if the broker has no history."""
        _skip_unless(self.history, "it has no history")

    @pytest.fixture
    def needs_positions(self) -> None:
        """Skip the test if the broker returns no positions."""
        _skip_unless(self.positions, "it returns no positions")

    @pytest.fixture
    def needs_message_ids(self) -> None:
        """Skip the test if the broker knows no message by its id."""
        _skip_unless(self.message_ids, "it knows no message by its id")

    @pytest.fixture
    def needs_any_name(self) -> None:
        """Skip the test if the broker rejects some names."""
        _skip_unless(self.any_name, "it rejects some names")

    def elsewhere(self, make: Make, broker: Broker, **limits: float) -> Broker:
        """Return the broker of another process that shares the messages."""
        return make(**limits) if self.shared else broker


def publish(broker: Broker, labels: str, channel: str = "jobs") -> Position:
    """Publish a message for each letter; its value is the letter's index."""
    position = Position("", 0)
    for value, label in enumerate(labels):
        position = broker.publish(channel, label, str(value))
    return position


def _skip_unless(able: bool, reason: str) -> None:
    if not able:
        pytest.skip(f"the broker says so: {reason}")
