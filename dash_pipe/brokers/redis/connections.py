"""Lend connections to Redis to threads, and keep some open between two uses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ...concurrency.forks import after_fork_in_child
from .connection import Connect, RedisConnection, RedisError

MAX_IDLE = 8  # kept open between two uses; each thread that uses one takes one


class Connections:
    """Open connections that are reused. Any thread may call it.

    Args:
        connect: opens a connection.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._idle: deque[RedisConnection] = deque(maxlen=MAX_IDLE)
        # Parent and child must not share a connection.
        after_fork_in_child(self, Connections.close)

    @contextmanager
    def lent(self, timeout: float) -> Iterator[RedisConnection]:
        """Lend a connection, and keep it afterwards. One on which something failed is closed.

        Args:
            timeout: seconds that opening one may take.

        Raises:
            RedisError: none can be opened.
        """
        connection = self._idle_or_new(time.monotonic() + timeout)
        try:
            yield connection
        except RedisError:
            connection.close()
            raise
        self._idle.append(connection)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            with suppress(IndexError):  # another thread was faster
                self._idle.pop().close()

    def _idle_or_new(self, deadline: float) -> RedisConnection:
        """Return one that was left by another thread, or a new one."""
        while self._idle:
            with suppress(IndexError):  # another thread was faster
                connection = self._idle.pop()
                if connection.is_clean:
                    return connection
                connection.close()
        return self._connect(deadline - time.monotonic())
