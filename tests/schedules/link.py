"""A host's connections to a tiny Redis, which break, or die without a sign."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from redis import exceptions
from redis.exceptions import RedisError

from schedules.tiny_redis import TinyRedis

Command = Sequence[Any]


class Host:
    """A machine with processes or senders: its connections, and whether it reaches Redis."""

    def __init__(self, server: TinyRedis) -> None:
        self.server = server
        self.reaches_redis = True
        self.loses_next_reply = False
        self._links: list[Link] = []

    def connect(self, _timeout: float) -> Link:
        """Open a connection, as what ``connector`` returns."""
        if not self.reaches_redis:
            raise exceptions.ConnectionError("no route")
        self._links = [link for link in self._links if link.broken is None]
        self._links.append(Link(self))
        return self._links[-1]

    def cut(self, error: type[RedisError]) -> None:
        """Break all connections: at once, or with a ``TimeoutError`` when one is used."""
        for link in self._links:
            link.breaks(error)


class Link:
    """A connection, with the methods of ``RedisConnection``.

    Attributes:
        broken: what its next use raises, if it is broken.
    """

    def __init__(self, host: Host) -> None:
        self.broken: type[RedisError] | None = None
        self._host = host
        self._subscriber = host.server.subscriber()
        self.server_run = host.server.run_id

    def breaks(self, error: type[RedisError]) -> None:
        """Break. What was announced before may still be read, what comes later not."""
        self.broken = self.broken or error
        self._subscriber.topics.clear()

    def close(self) -> None:
        self.breaks(exceptions.ConnectionError)

    @property
    def is_clean(self) -> bool:
        return self.broken is not exceptions.ConnectionError

    def request(self, *commands: Command, timeout: float) -> list[Any]:
        self._check()
        replies = self._host.server.request([tuple(each) for each in commands])
        if self._host.loses_next_reply:
            self._host.loses_next_reply = False
            self.close()
            raise exceptions.TimeoutError("the reply was lost")
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        return replies

    def run(self, script: tuple[str, str], keys: Sequence[str], *args: Any, timeout: float) -> Any:
        text, digest = script
        assert hashlib.sha1(text.encode()).hexdigest() == digest
        return self.request(("EVAL", text, len(keys), *keys, *args), timeout=timeout)[0]

    def send(self, command: Command) -> None:
        if self.broken is not exceptions.TimeoutError:  # else it is lost
            self._check()
            self._host.server.follow(self._subscriber, *command)

    def announcements(self) -> Iterator[list[Any]]:
        """Yield what has arrived, then notice the end of the connection."""
        while self._subscriber.inbox and self.broken is not exceptions.TimeoutError:
            yield self._subscriber.inbox.popleft()
        if self.broken is exceptions.ConnectionError:
            raise exceptions.ConnectionError("closed")

    def _check(self) -> None:
        if self.broken is not None:
            error, self.broken = self.broken, exceptions.ConnectionError
            raise error("broken")
