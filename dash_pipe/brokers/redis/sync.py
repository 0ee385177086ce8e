"""What is said on the two connections to Redis from the moment they are open until one is lost."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable
from itertools import islice

from .. import OnAppend
from .commands import SCRIPT, head, reading
from .connection import Link, RedisError
from .mirror import Next
from .mirrors import Mirrored, Mirrors
from .wakeup import Wakeup

CHECK_SECONDS = 30.0  # between two comparisons of all heads, which find what was never announced
TIMEOUT = 5.0  # of a question to Redis
AT_ONCE = 500  # channels in one question
HEARD_AT_ONCE = 100  # announcements before the hub is told
ATTEMPTS = 5  # to read a log that others begin anew at the same time


class Sync:
    """Subscribe, wait for the confirmation, compare heads, read what is missing; then listen.

    What is announced to a mirror in step needs no reading. Every error of Redis ends it.

    Args:
        mirrors: what to keep in step.
        wakeup: rings when they are to be looked at, or it is time to end.
        news: the connection on which Redis announces.
        asks: the connection on which it is asked.
        on_append: told of each channel whose mirror has grown or was refreshed.
    """

    def __init__(
        self, mirrors: Mirrors, wakeup: Wakeup, news: Link, asks: Link, on_append: OnAppend
    ) -> None:
        self._mirrors = mirrors
        self._wakeup = wakeup
        self._news = news
        self._asks = asks
        self._on_append = on_append
        self._names: dict[bytes, str] = {}  # what we subscribed to on this connection
        self._news_of: dict[str, bytes] = {}  # the same the other way round
        self._awaited: set[bytes] = set()  # of those, the ones that are not confirmed yet
        self._stale: set[str] = set()  # to be compared with Redis
        self._pinged = False

    def hold(self, done: Callable[[], bool], in_step: Callable[[], None]) -> None:
        """Keep the mirrors in step until it is done; call ``in_step`` when they are at first.

        Raises:
            RedisError: a connection was lost.
        """
        check_at = time.monotonic() + CHECK_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup, selectors.EVENT_READ)
            selector.register(self._news, selectors.EVENT_READ)
            self._mirrors.take()  # before the names, which have it all
            self._follow(self._mirrors.names())
            more = told = False
            while not done():
                more = more or self._mirrors.asked
                selector.select(0 if more else max(0.0, check_at - time.monotonic()))
                self._wakeup.clear()
                self._follow(self._mirrors.take())
                more = self._hear()
                self._look()
                self._vacate()
                if not told and not self._awaited:
                    told = True
                    in_step()
                if time.monotonic() >= check_at:
                    check_at = time.monotonic() + CHECK_SECONDS
                    self._check()

    def _follow(self, names: Iterable[str]) -> None:
        """Subscribe to what is new, leave what is gone; look at what is to be refreshed."""
        new: list[bytes] = []
        gone: list[bytes] = []
        for name in names:
            mirrored = self._mirrors.get(name)
            if mirrored is None:
                if (news := self._news_of.pop(name, None)) is not None:
                    del self._names[news]  # before it is confirmed: it may be opened again by then
                    gone.append(news)
            elif mirrored.subscribed and name in self._news_of:
                self._stale.add(name)
            else:  # also where one that was given up has been opened again before we heard of it
                news = mirrored.channel.news.encode()
                self._names[news], self._news_of[name] = name, news
                mirrored.subscribed = False
                new.append(news)
        if new:
            self._awaited.update(new)
            self._news.say(("SUBSCRIBE", *new))
        if gone:
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
                self._on_append(name)
        return heard == HEARD_AT_ONCE

    def _told(self, kind: bytes, news: bytes, data: bytes) -> bool:
        """Take one announcement or confirmation; true when a mirror has grown."""
        name = self._names.get(news, "")
        mirrored = self._mirrors.get(name)
        self._awaited.discard(news)
        if kind == b"unsubscribe":
            return False
        if mirrored is not None and kind == b"subscribe":
            mirrored.subscribed = True
            self._stale.add(name)
        elif mirrored is not None:
            if self._announced(mirrored, data):
                return True
            self._stale.add(name)
        return False

    @staticmethod
    def _announced(mirrored: Mirrored, data: bytes) -> bool:
        """Let a mirror hear an announcement; false when it has to be read."""
        parts = data.decode().split(" ", 3)
        return len(parts) == 4 and mirrored.mirror.hear(*parts)

    def _look(self) -> None:
        """Compare mirrors with Redis, and bring those in step that are not."""
        found = [self._mirrors.get(name) for name in self._stale]
        self._stale.clear()
        stale = [mirrored for mirrored in found if mirrored is not None and mirrored.subscribed]
        for start in range(0, len(stale), AT_ONCE):
            part = stale[start : start + AT_ONCE]
            commands = [each.channel.head() for each in part]
            for each in part:
                self._mirrors.begin(each)
            replies = self._asks.ask(*commands, timeout=TIMEOUT)
            for each, reply in zip(part, replies, strict=True):
                log = each.mirror.log
                in_step = each.mirror.in_step(head(reply))
                if not in_step:
                    self._catch_up(each)
                if not in_step or log.refreshed != each.begun:
                    log.refreshed = each.begun
                    self._on_append(each.name)

    def _catch_up(self, mirrored: Mirrored) -> None:
        """Read what a mirror lacks."""
        channel, mirror = mirrored.channel, mirrored.mirror
        after = mirror.log.head
        for _ in range(ATTEMPTS):
            reply = self._asks.ask(*channel.read(after), timeout=TIMEOUT)[-1]
            found = reading(after, reply)
            match mirror.take(found):
                case Next.NOTHING:
                    return
                case Next.BEGIN:
                    again = mirror.log.epoch if mirror.is_vacant else ""
                    order = channel.begin(found.end.epoch, mirror.newest_time, again)
                    self._asks.run(SCRIPT, channel.keys, *order, timeout=TIMEOUT)
            after = 0
        raise RedisError(f"the log of {mirrored.name!r} begins anew again and again")

    def _vacate(self) -> None:
        """End logs to which nothing was sent, where too many are left."""
        if vacated := self._mirrors.take_vacated():
            commands = [channel.vacate(epoch) for channel, epoch in vacated]
            self._asks.ask(*commands, timeout=TIMEOUT)

    def _check(self) -> None:
        """Look whether the connections are alive and nothing was missed."""
        if self._pinged:
            raise RedisError(f"no answer to a ping for {CHECK_SECONDS:g} seconds")
        self._news.say(("PING",))
        self._pinged = True
        self._mirrors.expire()
        self._stale.update(self._mirrors.names())
