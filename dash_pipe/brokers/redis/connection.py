"""One connection to Redis: commands out, replies in, and no wait without a bound.

redis-py makes the connections and speaks the protocol. Its client and pool are left out: they
reconnect by themselves, and here it matters when a connection was lost and what had been sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...errors import SettingError
from ..url import without_password

try:
    from redis import exceptions
    from redis.backoff import NoBackoff
    from redis.connection import Connection, parse_url
    from redis.exceptions import RedisError
    from redis.retry import Retry
except ImportError as absent:
    raise SettingError(
        "broker", 'a broker in Redis needs redis-py; pip install "dash-pipe[redis]"'
    ) from absent

__all__ = ["Connect", "Link", "RedisError", "connector", "may_pass", "was_refused"]

Command = Sequence[str | bytes | int | float]
Connect = Callable[[float], "Link"]
"""Opens a link within so many seconds; raises ``RedisError``."""


def connector(url: str) -> tuple[Connect, int]:
    """What opens links to the server that a URL names, and the number of its database.

    Raises:
        SettingError: it is no URL that redis-py understands.
    """
    try:
        options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        kind = options.pop("connection_class", Connection)
        # What redis-py does by default differs from release to release; this may not.
        options |= {
            "decode_responses": False,
            "health_check_interval": 0,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
        }
        if kind is Connection or issubclass(kind, Connection):  # not a Unix socket
            options["socket_keepalive"] = True
        database = kind(**options).db
    except (ValueError, TypeError) as problem:
        shown = without_password(url)
        # Not `problem`, which may quote the part of the URL that holds a password.
        raise SettingError(
            "broker", f"expected a URL of Redis, got {shown!r} ({type(problem).__name__})"
        ) from None

    def connect(timeout: float) -> Link:
        if timeout <= 0:
            raise exceptions.TimeoutError("no time is left to connect")
        bounds = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
        connection = kind(**{**options, **bounds})
        connection.connect()
        return Link(connection)

    return connect, int(database)


def may_pass(error: RedisError) -> bool:
    """Whether trying again may help: Redis is away, starts, or hands over to another."""
    passing = (
        exceptions.ConnectionError,
        exceptions.TimeoutError,
        exceptions.ReadOnlyError,
        exceptions.MasterDownError,
        exceptions.TryAgainError,
    )
    return isinstance(error, passing) and not isinstance(error, exceptions.AuthenticationError)


def was_refused(error: RedisError) -> bool:
    """Whether Redis itself has answered so, and has done nothing of what was asked.

    An error that a script met on its way may have come after the half of it.
    """
    answers = (
        exceptions.ResponseError,
        exceptions.BusyLoadingError,
        exceptions.AuthenticationError,
    )
    return isinstance(error, answers) and "user_script" not in str(error)


class Link:
    """A connection that is open. After an error that is not a ``ResponseError`` it is closed."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def close(self) -> None:
        """Close it; more than once does no harm."""
        self._connection.disconnect()

    def fileno(self) -> int:
        """What a selector waits on; redis-py has no public way to wait for two things at once."""
        return int(self._connection._sock.fileno())

    @property
    def is_quiet(self) -> bool:
        """Whether it is as it was left: neither ended by Redis, nor with an answer too many."""
        try:
            # On a connection that is closed, can_read() would open it again.
            return self._connection._sock is not None and not self._connection.can_read(0)
        except RedisError:
            return False

    def ask(self, *commands: Command, timeout: float) -> list[Any]:
        """Send commands in one go, and return their replies.

        Raises:
            RedisError: a reply is an error, or not all came within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        self._until(deadline)
        connection = self._connection
        connection.send_packed_command(connection.pack_commands(commands))
        replies = []
        for number in range(1, len(commands) + 1):
            try:
                self._until(deadline)
                replies.append(connection.read_response())
            except exceptions.ResponseError:
                if number < len(commands):
                    self.close()  # what else is on its way would be taken for other replies
                raise
        return replies

    def run(self, script: tuple[str, str], keys: Sequence[str], *args: Any, timeout: float) -> Any:
        """Run a script, given as its text and its SHA-1."""
        text, digest = script
        try:
            return self.ask(("EVALSHA", digest, len(keys), *keys, *args), timeout=timeout)[0]
        except exceptions.NoScriptError:
            return self.ask(("EVAL", text, len(keys), *keys, *args), timeout=timeout)[0]

    def say(self, command: Command) -> None:
        """Send a command whose reply comes as news."""
        self._connection.send_packed_command(self._connection.pack_commands([command]))

    def news(self) -> Iterator[list[Any]]:
        """What has come by itself: of a connection that has subscribed. Does not wait."""
        while self._connection.can_read(0):
            yield self._connection.read_response()

    def _until(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            self.close()
            raise exceptions.TimeoutError("no reply in time")
        self._connection._sock.settimeout(left)
