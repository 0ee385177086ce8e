"""Claim the right to run a source on a channel, and publish its messages with it."""

from __future__ import annotations

import secrets
from typing import Protocol

from ..brokers.coordinator import Coordinator, Lease
from ..brokers.listening import Listening
from ..log import Position
from ..runtime import Runtime
from ..sending import publish_counted, publish_text


class Claim(Protocol):
    """The right to run a source on a channel. Each call waits for seconds at most."""

    def hold(self) -> bool:
        """Take or renew it. Return False if another process has it.

        Raises:
            ConnectionError: the broker does not answer.
        """

    def release(self) -> None:
        """Give it back.

        Raises:
            ConnectionError: the broker does not answer.
        """

    def listening(self) -> Listening:
        """Return how many browsers listen on the channel, in all processes.

        Raises:
            ConnectionError: the broker does not answer.
        """

    def publish(self, label: str, text: str, message_id: str) -> None:
        """Publish a value, as JSON.

        Raises:
            LeaseLostError: this process may not run the source any more. Nothing was sent.
            BrokerUnavailableError: the broker does not answer.
        """


class OwnClaim:
    """A claim where each process is alone: nobody else can have it."""

    def __init__(self, runtime: Runtime, channel: str) -> None:
        self._runtime = runtime
        self._channel = channel

    def hold(self) -> bool:
        """Return True; see ``Claim``."""
        return True

    def release(self) -> None:
        """Do nothing; see ``Claim``."""

    def listening(self) -> Listening:
        """Return who listens in this process; see ``Claim``."""
        return self._runtime.audience.listening(self._channel)

    def publish(self, label: str, text: str, message_id: str) -> None:
        """Publish as everybody does; see ``Claim``."""
        publish_text(self._runtime, self._channel, label, text, message_id)


class SharedClaim:
    """A claim among processes: a lease of the broker.

    What is published without holding it is refused, in the same step: so a process that was stopped
    for long sends nothing when it goes on.
    """

    def __init__(
        self, runtime: Runtime, coordinator: Coordinator, channel: str, source: str
    ) -> None:
        self._runtime = runtime
        self._coordinator = coordinator
        self._lease = Lease(channel, source, secrets.token_urlsafe(9))

    def hold(self) -> bool:
        """Take or renew the lease; see ``Claim``."""
        return self._coordinator.hold(self._lease)

    def release(self) -> None:
        """Give the lease back; see ``Claim``."""
        self._coordinator.release(self._lease)

    def listening(self) -> Listening:
        """Return who listens in all processes; see ``Claim``."""
        return self._coordinator.listening(self._lease.channel)

    def publish(self, label: str, text: str, message_id: str) -> None:
        """Publish if the lease is held; see ``Claim``."""
        publish_counted(self._runtime, self._publish, self._lease.channel, label, text, message_id)

    def _publish(self, _: str, label: str, text: str, message_id: str | None) -> Position:
        return self._coordinator.publish(self._lease, label, text, message_id)


def claim(runtime: Runtime, channel: str, source: str) -> Claim:
    """Return the claim of this process, which it does not hold yet.

    Args:
        runtime: the runtime.
        channel: the channel.
        source: the name of the source, unique on the channel.
    """
    coordinator = runtime.broker.coordinator
    if coordinator is None:
        return OwnClaim(runtime, channel)
    return SharedClaim(runtime, coordinator, channel, source)
