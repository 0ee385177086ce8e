"""The broker of many processes: logs live in Redis, mirrors where there are listeners."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from ...concurrency.forks import after_fork_in_child
from ...errors import BrokerUnavailableError
from ...log import Limits, Log, Position
from .. import Broker, OnAppend, Watchers
from .commands import ChannelCommands, appended
from .connection import Connect, RedisConnection, RedisError, connector, is_temporary, was_rejected
from .follower import RedisFollower
from .heads import Heads
from .scripts import CHANNEL

PAUSES = (0.02, 0.25)  # seconds before the first retry, and the maximum
MAX_KNOWN = 10_000  # channels of which a process remembers the newest message that it knew
MAX_IDLE_CONNECTIONS = 8  # kept open between two messages; each sending thread takes one


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
        self._connect = connect
        self._database = database
        self._limits = limits
        self._send_timeout = send_timeout
        self._heads = Heads(MAX_KNOWN)
        self._connections: deque[RedisConnection] = deque(maxlen=MAX_IDLE_CONNECTIONS)  # idle
        self._watchers = Watchers()
        self._follower = RedisFollower(
            connect,
            database,
            limits,
            max_idle_channels,
            self._heads,
            self._watchers.notify,
        )
        # Parent and child must not share a connection.
        after_fork_in_child(self, RedisBroker._close_connections)

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message; see ``Broker``.

        While Redis is away, retry until ``send_timeout``, always with the same id.
        """
        message_id = message_id or secrets.token_urlsafe(12)
        mark = _mark(message_id)
        log = ChannelCommands(channel, self._database, self._limits)
        deadline = time.monotonic() + self._send_timeout
        pause, longest = PAUSES
        may_have_been_sent = False
        while True:
            connection: RedisConnection | None = None
            try:
                connection = self._idle_or_new_connection(deadline)
                known = self._heads.get(channel)
                order = log.append(connection.server_run, known, label, value, mark)
                left = deadline - time.monotonic()
                reply: list[bytes] = connection.run(CHANNEL, log.keys, *order, timeout=left)
                self._connections.append(connection)
                position, sent = appended(reply, mark, known)
                if sent is not None:
                    self._heads.note(channel, sent)
                return position
            except RedisError as error:
                if connection is not None:
                    connection.close()
                    may_have_been_sent |= not was_rejected(error)
                if not is_temporary(error) or time.monotonic() + pause >= deadline:
                    raise BrokerUnavailableError(
                        f"Redis: {error}",
                        may_have_been_sent=may_have_been_sent,
                        message_id=message_id,
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, longest)

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

    def ping(self, timeout: float) -> None:
        """Send a PING; see ``Broker``."""
        deadline = time.monotonic() + timeout
        connection: RedisConnection | None = None
        try:
            connection = self._idle_or_new_connection(deadline)
            connection.request(("PING",), timeout=deadline - time.monotonic())
        except RedisError as error:
            if connection is not None:
                connection.close()
            raise ConnectionError(f"Redis: {error}") from error
        self._connections.append(connection)

    def stop(self) -> None:
        """Close what is open: the thread, within a bound, and the connections that are idle."""
        self._follower.stop()
        self._close_connections()

    def _idle_or_new_connection(self, deadline: float) -> RedisConnection:
        """A connection of its own for a message: one that was left by another, or a new one."""
        while self._connections:
            with suppress(IndexError):  # another thread was faster
                connection = self._connections.pop()
                if connection.is_clean:
                    return connection
                connection.close()
        return self._connect(deadline - time.monotonic())

    def _close_connections(self) -> None:
        while self._connections:
            with suppress(IndexError):
                self._connections.pop().close()


def _mark(message_id: str) -> str:
    """A message id in a form that is short, and safe in a command's reply."""
    return hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def connect(url: str, limits: Limits, max_idle_channels: int, send_timeout: float) -> RedisBroker:
    """Make the broker for ``redis://``, ``rediss://`` and ``unix://``."""
    return RedisBroker(*connector(url), limits, max_idle_channels, send_timeout)
