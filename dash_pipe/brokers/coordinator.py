"""Say what the processes of a broker tell each other: who listens where, and who runs a source."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ..log import Position
from .listening import Listening

LEASE_SECONDS = 8.0  # from the last renewal of a lease until another process may take it


class LeaseLostError(Exception):
    """Another process holds the lease, or nobody does: the message was not sent."""


class Lease(NamedTuple):
    """The right to run a source on a channel.

    Attributes:
        channel: the channel.
        source: the name of the source, unique on the channel.
        owner: a random name of one run in one process.
    """

    channel: str
    source: str
    owner: str


class Coordinator(Protocol):
    """Coordinate processes. Any thread may call it. Each call waits for seconds at most."""

    def listening(self, channel: str) -> Listening:
        """Return how many browsers listen on a channel, in all processes that live.

        Raises:
            ConnectionError: the broker does not answer.
        """

    def hold(self, lease: Lease) -> bool:
        """Take or renew a lease, for ``LEASE_SECONDS``. Return False if another owner has it.

        Raises:
            ConnectionError: the broker does not answer.
        """

    def release(self, lease: Lease) -> None:
        """Give a lease back.

        Raises:
            ConnectionError: the broker does not answer.
        """

    def publish(
        self, lease: Lease, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message to the channel of the lease, as ``Broker.publish`` does.

        Raises:
            LeaseLostError: at this moment the owner does not hold the lease.
            BrokerUnavailableError: the append was not confirmed in time.
        """
