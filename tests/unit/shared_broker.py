"""A broker in memory for several runtimes, which stand for processes."""

import threading
from collections.abc import Callable
from typing import Any

from dash_pipe.brokers.coordinator import Lease, LeaseLostError
from dash_pipe.brokers.listening import Audience, Listening, added
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.log import Limits, Position


class SharedBroker(MemoryBroker):
    """Keep the logs and leases of several runtimes; a ``Broker`` and a ``Coordinator``.

    Attributes:
        is_away: it answers no question.
        leases: the owners.
        elsewhere: who listens in processes that are not there.
    """

    may_wait = True

    def __init__(self) -> None:
        super().__init__(Limits(), 100)
        self.is_away = False
        self.leases: dict[tuple[str, str], str] = {}
        self.elsewhere = Listening()
        self._audiences: dict[int, Audience] = {}
        self._leases_lock = threading.Lock()

    @property
    def coordinator(self) -> Any:
        return _Coordinator(self)

    def note_audience(self, channel: str, audience: Audience) -> None:
        self._audiences[id(audience)] = audience

    def listening(self, channel: str) -> Listening:
        if self.is_away:
            raise ConnectionError("Redis: gone")
        return added(
            [self.elsewhere, *(each.listening(channel) for each in self._audiences.values())]
        )

    def with_lease(self, lease: Lease, call: Callable[[str], Any]) -> Any:
        """Call a function with the owner of a lease, which nobody changes meanwhile."""
        with self._leases_lock:
            return call(self.leases.get((lease.channel, lease.source), ""))


class _Coordinator:
    """A ``Coordinator``, since its ``publish`` is not that of the broker."""

    def __init__(self, broker: SharedBroker) -> None:
        self._broker = broker

    def listening(self, channel: str) -> Listening:
        return self._broker.listening(channel)

    def hold(self, lease: Lease) -> bool:
        def take(owner: str) -> bool:
            if owner not in ("", lease.owner):
                return False
            self._broker.leases[lease.channel, lease.source] = lease.owner
            return True

        return bool(self._broker.with_lease(lease, take))

    def release(self, lease: Lease) -> None:
        def give(owner: str) -> None:
            if owner == lease.owner:
                del self._broker.leases[lease.channel, lease.source]

        self._broker.with_lease(lease, give)

    def publish(
        self, lease: Lease, label: str, value: str, message_id: str | None = None
    ) -> Position:
        def append(owner: str) -> Position:
            if owner != lease.owner:
                raise LeaseLostError
            return self._broker.publish(lease.channel, label, value, message_id)

        found: Position = self._broker.with_lease(lease, append)
        return found
