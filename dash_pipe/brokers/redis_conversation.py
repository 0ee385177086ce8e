"""What is said on the two connections to Redis from the moment they are open until one is lost."""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from .redis_channel import SCRIPT, RedisChannel, head, reading
from .redis_link import Link, RedisError
from .redis_mirror import Mirror, Next

CHECK_SECONDS = 30.0  # between two comparisons of all heads, which find what was never announced
TIMEOUT = 5.0  # of a question to Redis
AT_ONCE = 500  # channels in one question
HEARD_AT_ONCE = 100  # announcements before the hub is told
ATTEMPTS = 5  # to read a log that others begin anew at the same time


@dataclass(eq=False)
class Followed:
    """A channel that is mirrored here.

    Attributes:
        wanted: the number of the refresh that was asked for last; the first reading is number 1.
        begun: that of the refresh that was begun last.
        listeners: how often it is open.
        left: when the last of them went.
        subscribed: whether Redis has confirmed that it announces what comes.
    """

    name: str
    channel: RedisChannel
    mirror: Mirror
    wanted: int = 1
    begun: int = 0
    listeners: int = 0
    left: float = 0.0
    subscribed: bool = False


class Registry(Protocol):
    """The channels to follow, as the conversation sees them."""

    def fileno(self) -> int:
        """What is readable when there is something to take."""

    def take(self) -> set[str]:
        """The channels that are new, gone, or to be refreshed since the last call."""

    def names(self) -> list[str]:
        """All channels that are followed."""

    def get(self, name: str) -> Followed | None:
        """A channel, if it is followed."""

    def begin(self, followed: Followed) -> None:
        """Note that a refresh begins."""

    def expire(self) -> None:
        """Give up what nobody has listened to for a while."""

    def changed(self, name: str) -> None:
        """Tell those who listen."""

    @property
    def done(self) -> bool:
        """Whether there is nothing to follow any more."""


class Conversation:
    """Subscribe, wait for the confirmation, compare heads, read what is missing; then listen.

    What is announced to a mirror in step needs no reading. Every error of Redis ends it.

    Args:
        registry: what to follow.
        news: the connection on which Redis announces.
        asks: the connection on which it is asked.
    """

    def __init__(self, registry: Registry, news: Link, asks: Link) -> None:
        self._registry = registry
        self._news = news
        self._asks = asks
        self._names: dict[bytes, str] = {}  # what we subscribed to on this connection
        self._stale: set[str] = set()  # to be compared with Redis
        self._pinged = False

    def hold(self) -> None:
        """Keep the mirrors in step until there are none.

        Raises:
            RedisError: a connection was lost.
        """
        check_at = time.monotonic() + CHECK_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._registry, selectors.EVENT_READ)
            selector.register(self._news, selectors.EVENT_READ)
            self._follow(self._registry.names())
            more = False
            while not self._registry.done:
                selector.select(0 if more else max(0.0, check_at - time.monotonic()))
                self._follow(self._registry.take())
                more = self._hear()
                self._look()
                if time.monotonic() >= check_at:
                    check_at += CHECK_SECONDS
                    self._check()

    def _follow(self, names: Iterable[str]) -> None:
        """Subscribe to what is new, leave what is gone; look at what is to be refreshed."""
        new, gone = [], []
        for name in names:
            followed = self._registry.get(name)
            if followed is None:
                gone += [news for news, known in self._names.items() if known == name]
            elif followed.subscribed and followed.channel.news.encode() in self._names:
                self._stale.add(name)
            else:  # also where one that was given up has been opened again before we heard of it
                self._names[followed.channel.news.encode()] = name
                followed.subscribed = False
                new.append(followed.channel.news)
        if new:
            self._news.say(("SUBSCRIBE", *new))
        if gone:
            for news in gone:
                del self._names[news]  # before the confirmation: it may be opened again until then
            self._news.say(("UNSUBSCRIBE", *gone))

    def _hear(self) -> bool:
        """Take what Redis announces; true when there may be more."""
        heard = 0
        changed = set()
        try:
            for kind, *rest in islice(self._news.news(), HEARD_AT_ONCE):
                heard += 1
                if kind == b"pong":
                    self._pinged = False
                elif self._told(kind, *rest):
                    changed.add(self._names[rest[0]])
        finally:  # what was heard before the connection was lost counts too
            for name in changed:
                self._registry.changed(name)
        return heard == HEARD_AT_ONCE

    def _told(self, kind: bytes, news: bytes, data: bytes) -> bool:
        """Take one announcement or confirmation; true when a mirror has grown."""
        name = self._names.get(news, "")
        followed = self._registry.get(name)
        if kind == b"unsubscribe":
            return False
        if followed is not None and kind == b"subscribe":
            followed.subscribed = True
            self._stale.add(name)
        elif followed is not None:
            if self._announced(followed, data):
                return True
            self._stale.add(name)
        return False

    @staticmethod
    def _announced(followed: Followed, data: bytes) -> bool:
        """Let a mirror hear an announcement; false when it has to be read."""
        parts = data.decode().split(" ", 3)
        return len(parts) == 4 and followed.mirror.hear(*parts)

    def _look(self) -> None:
        """Compare mirrors with Redis, and bring those in step that are not."""
        found = [self._registry.get(name) for name in self._stale]
        self._stale.clear()
        stale = [followed for followed in found if followed is not None and followed.subscribed]
        for start in range(0, len(stale), AT_ONCE):
            part = stale[start : start + AT_ONCE]
            commands = [command for each in part for command in each.channel.head()]
            for each in part:
                self._registry.begin(each)
            replies = self._asks.ask(*commands, timeout=TIMEOUT)
            for each, reply in zip(part, replies[:: len(commands) // len(part)], strict=True):
                log = each.mirror.log
                in_step = each.mirror.in_step(head(reply))
                if not in_step:
                    self._catch_up(each)
                if not in_step or log.refreshed != each.begun:
                    log.refreshed = each.begun
                    self._registry.changed(each.name)

    def _catch_up(self, followed: Followed) -> None:
        """Read what a mirror lacks."""
        channel, mirror = followed.channel, followed.mirror
        after = mirror.log.head
        for _ in range(ATTEMPTS):
            reply = self._asks.ask(*channel.read(after), timeout=TIMEOUT)[-1]
            found = reading(after, reply)
            match mirror.take(found):
                case Next.NOTHING:
                    return
                case Next.BEGIN:
                    order = channel.begin(found.end.epoch, mirror.newest_time)
                    self._asks.run(SCRIPT, channel.keys, *order, timeout=TIMEOUT)
            after = 0
        raise RedisError(f"the log of {followed.name!r} begins anew again and again")

    def _check(self) -> None:
        """Look whether the connections are alive and nothing was missed."""
        if self._pinged:
            raise RedisError(f"no answer to a ping for {CHECK_SECONDS:g} seconds")
        self._news.say(("PING",))
        self._pinged = True
        self._registry.expire()
        self._stale.update(self._registry.names())
