"""One connection to Redis: commands out, replies in, and no wait without a bound.

redis-py opens the connections and speaks the protocol. Its client and pool are not used: they
reconnect without a word, and the callers here must know that a connection was lost.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from redis import exceptions
from redis.backoff import NoBackoff
from redis.connection import Connection, parse_url
from redis.exceptions import RedisError
from redis.retry import Retry

from ...errors import SettingError
from ...telemetry.events import log_event
from ..url import without_password

__all__ = ["Connect", "RedisConnection", "RedisError", "connector", "is_temporary", "was_rejected"]

logger = logging.getLogger("dash_pipe")

Command = Sequence[str | bytes | int | float]
Connect = Callable[[float], "RedisConnection"]
"""Open a connection within a timeout in seconds; raise ``RedisError`` if it fails."""


def connector(url: str) -> tuple[Connect, int]:
    """Return a function that connects to the server of a URL, and the number of the database.

    Raises:
        SettingError: redis-py can't parse the URL.
    """
    try:
        options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        kind = options.pop("connection_class", Connection)
        # The defaults of redis-py change from release to release.
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

    def connect(timeout: float) -> RedisConnection:
        if timeout <= 0:
            raise exceptions.TimeoutError("timed out before the connection was opened")
        bounds = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
        return _open(kind(**{**options, **bounds}), timeout)

    return connect, int(database)


def _open(connection: Any, timeout: float) -> RedisConnection:
    """Connect, and learn the run of the server."""
    connection.connect()
    opened = RedisConnection(connection)
    try:
        opened.server_run = _server_run(opened, timeout)
    except RedisError:
        opened.close()
        raise
    return opened


def _server_run(connection: RedisConnection, timeout: float) -> str:
    """Return Redis' name for its life since it was started; empty if an ACL forbids to ask."""
    try:
        (info,) = connection.request(("INFO", "server"), timeout=timeout)
    except exceptions.ResponseError as error:
        _warn_once(str(error))
        return ""
    found = re.search(rb"^run_id:(\w+)", info, re.MULTILINE)
    return found[1].decode() if found else ""


@cache
def _warn_once(error: str) -> None:
    logger.warning(
        "dash-pipe: Redis rejects INFO, so messages that it loses in a restart may be lost "
        "silently; permit it (+info in the ACL): %s",
        error,
        extra=log_event("redis_rejects_info"),
    )


def is_temporary(error: RedisError) -> bool:
    """Return whether a retry may help: Redis is away, starts, or fails over."""
    passing = (
        exceptions.ConnectionError,
        exceptions.TimeoutError,
        exceptions.ReadOnlyError,
        exceptions.MasterDownError,
        exceptions.TryAgainError,
    )
    return isinstance(error, passing) and not isinstance(error, exceptions.AuthenticationError)


def was_rejected(error: RedisError) -> bool:
    """Return whether Redis rejected the command and did nothing.

    An error inside a script does not count: a part of the script may have run before it.
    """
    answers = (
        exceptions.ResponseError,
        exceptions.BusyLoadingError,
        exceptions.AuthenticationError,
    )
    return isinstance(error, answers) and "user_script" not in str(error)


class RedisConnection:
    """An open connection. An error that is not a ``ResponseError`` closes it.

    Attributes:
        server_run: the run of Redis that it leads to; empty if it is unknown.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.server_run = ""

    def close(self) -> None:
        """Close the connection. Closing it twice is allowed."""
        self._connection.disconnect()

    def fileno(self) -> int:
        """Return the descriptor for a selector. redis-py can wait for one socket only."""
        return int(self._connection._sock.fileno())

    @property
    def is_clean(self) -> bool:
        """Return whether Redis has neither closed it nor sent an unexpected reply."""
        try:
            # On a connection that is closed, can_read() would open it again.
            return self._connection._sock is not None and not self._connection.can_read(0)
        except RedisError:
            return False

    def request(self, *commands: Command, timeout: float) -> list[Any]:
        """Send commands in one write and return their replies.

        Raises:
            RedisError: a reply is an error, or a reply did not come within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        self._set_deadline(deadline)
        connection = self._connection
        connection.send_packed_command(connection.pack_commands(commands))
        replies = []
        for number in range(1, len(commands) + 1):
            try:
                self._set_deadline(deadline)
                replies.append(connection.read_response())
            except exceptions.ResponseError:
                if number < len(commands):
                    self.close()  # the next replies would be taken for those of later commands
                raise
        return replies

    def run(self, script: tuple[str, str], keys: Sequence[str], *args: Any, timeout: float) -> Any:
        """Run a script, given as its text and its SHA-1 digest."""
        text, digest = script
        try:
            return self.request(("EVALSHA", digest, len(keys), *keys, *args), timeout=timeout)[0]
        except exceptions.NoScriptError:
            return self.request(("EVAL", text, len(keys), *keys, *args), timeout=timeout)[0]

    def send(self, command: Command) -> None:
        """Send a command whose reply comes among the announcements."""
        self._connection.send_packed_command(self._connection.pack_commands([command]))

    def announcements(self) -> Iterator[list[Any]]:
        """Yield the announcements that have arrived. Never wait."""
        while self._connection.can_read(0):
            yield self._connection.read_response()

    def _set_deadline(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            self.close()
            raise exceptions.TimeoutError("timed out waiting for a reply")
        self._connection._sock.settimeout(left)
