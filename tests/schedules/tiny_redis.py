"""A Redis in this process: its clock is given, and it can be set back to an earlier moment.

It has the commands of dash_pipe/brokers/redis/ and runs their scripts. A test compares its replies
with those of a server (tests/brokers/test_tiny_redis.py).
"""

from __future__ import annotations

import copy
import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

from redis.exceptions import ResponseError

from schedules.tiny_commands import Commands
from schedules.tiny_lua import Lua

OK = b"OK"


class Subscriber:
    """The topics of a connection, and the announcements that it has not read."""

    def __init__(self) -> None:
        self.topics: set[bytes] = set()
        self.inbox: deque[list[Any]] = deque()


class TinyRedis:
    """A server: one database, any number of connections.

    Args:
        clock: the seconds since 1970.

    Attributes:
        run_id: the name of this run of the server.
        announced: the texts of all PUBLISH since the list was emptied.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._runs = itertools.count(1)
        self._subscribers: list[Subscriber] = []
        self.announced: list[bytes] = []
        self._commands = Commands(clock)
        self._lua = Lua(self.execute)
        self.restart()

    # What happens to a server

    def restart(self) -> None:
        """End all connections, and begin another run with all data."""
        self.run_id = f"{next(self._runs):040x}"
        self._subscribers.clear()

    def snapshot(self) -> Any:
        """Return the data of this moment."""
        return copy.deepcopy(self._commands.data)

    def restore(self, snapshot: Any) -> None:
        """Replace the data by those of an earlier moment. A real server restarts for that."""
        self._commands.data = copy.deepcopy(snapshot)

    # What a connection does

    def subscriber(self) -> Subscriber:
        """Return the announcements of a new connection."""
        self._subscribers.append(Subscriber())
        return self._subscribers[-1]

    def request(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Execute commands of one connection; return their replies, which may be errors."""
        replies: list[Any] = []
        queue: list[tuple[Any, ...]] | None = None
        for command in commands:
            name = str(command[0]).upper()
            if name == "MULTI":
                queue = []
                replies.append(OK)
            elif name == "EXEC":
                replies.append([self._try(*each) for each in queue or []])
                queue = None
            elif queue is not None:
                queue.append(command)
                replies.append(b"QUEUED")
            else:
                replies.append(self._try(*command))
        return replies

    def execute(self, name: str, *arguments: Any) -> Any:
        """Execute one command.

        Raises:
            ResponseError: the command is wrong.
        """
        given = [_bytes(each) for each in arguments]
        match name.upper():
            case "EVAL":
                count = int(given[1])
                return self._lua.run(given[0], given[2 : 2 + count], given[2 + count :])
            case "PUBLISH":
                return self._publish(*given)
            case "INFO":
                return f"# Server\r\nrun_id:{self.run_id}\r\n".encode()
            case "PING":
                return b"PONG"
            case other:
                return self._commands.execute(other, given)

    def follow(self, subscriber: Subscriber, name: str, *topics: Any) -> None:
        """Execute SUBSCRIBE, UNSUBSCRIBE or PING of a connection that is subscribed."""
        kind = name.lower().encode()
        if kind == b"ping":
            subscriber.inbox.append([b"pong", b""])
        for topic in map(_bytes, topics):
            change = subscriber.topics.add if kind == b"subscribe" else subscriber.topics.discard
            change(topic)
            subscriber.inbox.append([kind, topic, len(subscriber.topics)])

    def _try(self, *command: Any) -> Any:
        try:
            return self.execute(*command)
        except ResponseError as error:
            return error

    def _publish(self, topic: bytes, text: bytes) -> int:
        self.announced.append(text)
        reached = [each for each in self._subscribers if topic in each.topics]
        for subscriber in reached:
            subscriber.inbox.append([b"message", topic, text])
        return len(reached)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, float):
        return repr(value).encode()
    return str(value).encode()
