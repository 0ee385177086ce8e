"""The broker of many processes: logs live in Redis, mirrors where there are listeners."""

from __future__ import annotations

from collections.abc import Callable

from ...log import Limits, Log, Position
from .. import Broker, OnAppend, Watchers
from ..coordinator import Coordinator
from ..listening import Audience
from .connection import Connect, RedisError, connector
from .connections import Connections
from .coordinator import RedisCoordinator
from .follower import RedisFollower
from .heads import Heads
from .sender import RedisSender

MAX_KNOWN = 10_000  # channels of which a process remembers the newest message that it knew


class RedisBroker(Broker):
    """Append to logs in Redis; mirror the logs that have a listener in this process.

    Sending takes a connection and no thread. The first ``open`` starts a thread; see
    ``RedisFollower``.
    """

    may_wait = True

    def __init__(
        self,
        connect: Connect,
        database: int,
        limits: Limits,
        max_idle_channels: int,
        send_timeout: float,
    ) -> None:
        heads = Heads(MAX_KNOWN)
        self._connections = Connections(connect)
        self._sender = RedisSender(self._connections, database, limits, send_timeout, heads)
        self._coordinator = RedisCoordinator(self._connections, self._sender)
        self._watchers = Watchers()
        self._follower = RedisFollower(
            connect, database, limits, max_idle_channels, heads, self._watchers.notify
        )

    @property
    def coordinator(self) -> Coordinator:
        """Coordinates the processes that share this Redis; see ``Broker``."""
        return self._coordinator

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message; see ``Broker``.

        While Redis is away, retry until ``send_timeout``, always with the same id.
        """
        return self._sender.publish(channel, label, value, message_id)

    def open(self, channel: str) -> Log:
        """The mirror of a channel; see ``Broker``."""
        return self._follower.open(channel)

    def close(self, channel: str) -> None:
        """Let go of a mirror; see ``Broker``."""
        self._follower.close(channel)

    def refresh(self, channel: str) -> int:
        """Have a mirror compared with Redis; see ``Broker``."""
        return self._follower.refresh(channel)

    def watch(self, on_append: OnAppend) -> Callable[[], None]:
        """Register a watcher; see ``Broker``."""
        return self._watchers.add(on_append)

    def note_audience(self, channel: str, audience: Audience) -> None:
        """Have Redis told who listens here; see ``Broker``."""
        self._follower.note_audience(channel, audience)

    def ping(self, timeout: float) -> None:
        """Send a PING; see ``Broker``."""
        try:
            with self._connections.lent(timeout) as connection:
                connection.request(("PING",), timeout=timeout)
        except RedisError as error:
            raise ConnectionError(f"Redis: {error}") from error

    def stop(self) -> None:
        """Close what is open: the thread, within a bound, and the connections that are idle."""
        self._follower.stop()
        self._connections.close()


def connect(url: str, limits: Limits, max_idle_channels: int, send_timeout: float) -> RedisBroker:
    """Make the broker for ``redis://``, ``rediss://`` and ``unix://``."""
    return RedisBroker(*connector(url), limits, max_idle_channels, send_timeout)
