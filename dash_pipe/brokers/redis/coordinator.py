"""Coordinate the processes that share a Redis; see ``brokers.coordinator``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...log import Position
from ..coordinator import LEASE_SECONDS, Lease
from ..listening import Listening, added
from . import presence
from .connection import RedisConnection, RedisError
from .connections import Connections
from .lease_commands import key_of
from .scripts import HOLD, RELEASE, Script
from .sender import RedisSender

TIMEOUT = 2.0  # seconds for a reply; shorter than a lease


class RedisCoordinator:
    """Ask Redis who listens, and who holds a lease; a ``Coordinator``.

    Args:
        connections: lends the connections.
        sender: appends messages.
    """

    def __init__(self, connections: Connections, sender: RedisSender) -> None:
        self._connections = connections
        self._sender = sender

    def listening(self, channel: str) -> Listening:
        """Return how many browsers listen on a channel; see ``Coordinator``."""
        key = presence.listeners_key(channel)
        (reply,) = self._request(("HGETALL", key))
        told = presence.told(reply)
        if not told:
            return Listening()
        keys = [presence.process_key(process) for process in told]
        lives = self._request(*[("EXISTS", each) for each in keys])
        dead = [process for process, alive in zip(told, lives, strict=True) if not alive]
        if dead:
            self._request(("HDEL", key, *dead))
        return added(each for process, each in told.items() if process not in dead)

    def hold(self, lease: Lease) -> bool:
        """Take or renew a lease; see ``Coordinator``."""
        milliseconds = int(1000 * LEASE_SECONDS)
        return bool(self._run(HOLD, lease, milliseconds) == 1)

    def release(self, lease: Lease) -> None:
        """Give a lease back; see ``Coordinator``."""
        self._run(RELEASE, lease)

    def publish(
        self, lease: Lease, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message for the owner of a lease; see ``Coordinator``."""
        return self._sender.publish(lease.channel, label, value, message_id, lease)

    def _request(self, *commands: Sequence[Any]) -> list[Any]:
        with self._lent() as connection:
            return connection.request(*commands, timeout=TIMEOUT)

    def _run(self, script: Script, lease: Lease, *arguments: int) -> Any:
        """Run a script about a lease, of which Redis has the text after the first time."""
        with self._lent() as connection:
            keys = [key_of(lease)]
            return connection.run(script, keys, lease.owner, *arguments, timeout=TIMEOUT)

    @contextmanager
    def _lent(self) -> Iterator[RedisConnection]:
        try:
            with self._connections.lent(TIMEOUT) as connection:
                yield connection
        except RedisError as error:
            raise ConnectionError(f"Redis: {error}") from error
