"""Keep mirrors in step over two connections to Redis, until one is lost."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable
from itertools import islice

from ...protocol import COMMAND_CHANNEL
from .. import OnAppend
from .commands import head, reading
from .connection import RedisConnection, RedisError
from .mirror import Next
from .mirrors import MirroredChannel, Mirrors
from .presence import Presence
from .pulse import TIMEOUT, Pulse
from .reports import Reports
from .scripts import CHANNEL, READ
from .wakeup import Wakeup

AT_ONCE = 16  # channels compared in one request, before announcements are taken again
HEARD_AT_ONCE = 100  # announcements taken before the watchers are called
ATTEMPTS = 10  # to check and read a log that other processes replace at the same time


class Sync:
    """Subscribe, wait for the confirmation, compare heads, read what is missing; then listen.

    A mirror in step takes announced messages without a read. Every error of Redis ends ``run``.

    No mirror takes a message before the mirror of the commands has those that were sent before it:
    nothing that was sent after a revoke may be sent on before the revoke is known.

    Args:
        mirrors: the mirrors to keep in step.
        reports: what else to tell Redis about logs.
        presence: what to tell it about listeners.
        wakeup: set when the mirrors have changes, or when it is time to end.
        pubsub: the connection that is subscribed to announcements.
        requests: the connection for commands and replies.
        on_append: called with the name of each channel that has grown or was refreshed.
    """

    def __init__(
        self,
        mirrors: Mirrors,
        reports: Reports,
        presence: Presence,
        wakeup: Wakeup,
        pubsub: RedisConnection,
        requests: RedisConnection,
        on_append: OnAppend,
    ) -> None:
        self._mirrors = mirrors
        self._reports = reports
        self._presence = presence
        self._wakeup = wakeup
        self._pubsub = pubsub
        self._requests = requests
        self._on_append = on_append
        self._names: dict[bytes, str] = {}  # by topic, the channels subscribed on this connection
        self._topic_of: dict[str, bytes] = {}  # the reverse
        self._unconfirmed: set[bytes] = set()  # topics whose SUBSCRIBE was not confirmed yet
        self._stale: dict[str, None] = {}  # channels to compare with Redis, in their order
        self._pulse = Pulse(time.monotonic())

    def run(self, done: Callable[[], bool], in_step: Callable[[], None]) -> None:
        """Keep the mirrors in step until ``done`` returns True.

        Call ``in_step`` once, when all mirrors are in step for the first time.

        Raises:
            RedisError: a connection was lost.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup, selectors.EVENT_READ)
            selector.register(self._pubsub, selectors.EVENT_READ)
            self.begin()
            more = told = False
            while not done():
                more = more or self._mirrors.has_changes
                selector.select(0 if more else self._wait(time.monotonic()))
                self._wakeup.clear()
                more = self.step(time.monotonic())
                if not told and not self._unconfirmed and not self._stale:
                    told = True
                    in_step()
            if leaving := self._presence.leave():
                self._requests.request(*leaving, timeout=TIMEOUT)

    def begin(self) -> None:
        """Subscribe to all channels. The connections are new.

        Raises:
            RedisError: they lead to two servers, or to two runs of one.
        """
        if self._pubsub.server_run != self._requests.server_run:
            raise RedisError("Redis was replaced between two connections")
        self._mirrors.take_changes()  # before the names, which have it all
        self._follow(self._mirrors.names())
        self._presence.tell_again()

    def step(self, now: float) -> bool:
        """Do what is due, without waiting for announcements. Return True if more may be there.

        Args:
            now: the time of ``time.monotonic``.

        Raises:
            RedisError: a connection was lost.
        """
        self._follow(self._mirrors.take_changes())
        more = self._receive()
        self._check(now)
        self._compare()
        self._delete_empty()
        self._tell(now)
        return self._reports.send(self._requests) or more or bool(self._stale)

    def _wait(self, now: float) -> float:
        """Return the seconds until something is due."""
        return min(self._pulse.wait(now), self._presence.wait(now))

    def _tell(self, now: float) -> None:
        """Tell Redis who listens here."""
        if commands := self._presence.commands(now):
            self._presence.take(self._requests.request(*commands, timeout=TIMEOUT)[0])

    def _follow(self, names: Iterable[str]) -> None:
        """Subscribe to new channels, unsubscribe from closed ones, mark the rest for comparison."""
        new: list[bytes] = []
        gone: list[bytes] = []
        for name in sorted(names, key=COMMAND_CHANNEL.__ne__):  # the commands first
            mirrored = self._mirrors.get(name)
            if mirrored is None:
                if (news := self._topic_of.pop(name, None)) is not None:
                    # Before the confirmation, as the channel may be opened again by then.
                    del self._names[news]
                    gone.append(news)
            elif mirrored.subscribed and name in self._topic_of:
                self._stale[name] = None
            else:  # also a channel that was closed and reopened between two calls
                news = mirrored.channel.news.encode()
                self._names[news], self._topic_of[name] = name, news
                mirrored.subscribed = mirrored.heard_all = False
                new.append(news)
        if new:
            self._unconfirmed.update(new)
            self._pubsub.send(("SUBSCRIBE", *new))
        if gone:
            self._pubsub.send(("UNSUBSCRIBE", *gone))

    def _receive(self) -> bool:
        """Take announcements. Return True if there may be more."""
        heard = 0
        changed = set()
        try:
            for kind, *rest in islice(self._pubsub.announcements(), HEARD_AT_ONCE):
                heard += 1
                self._pulse.heard()
                if kind != b"pong" and self._take(kind, *rest):
                    changed.add(self._names[rest[0]])
                if COMMAND_CHANNEL in self._stale:
                    self._compare_commands()
        finally:  # announcements from before a lost connection count too
            for name in changed:
                self._on_append(name)
        return heard == HEARD_AT_ONCE

    def _take(self, kind: bytes, news: bytes, data: bytes) -> bool:
        """Take one announcement or confirmation. Return True if a mirror has grown."""
        name = self._names.get(news, "")
        mirrored = self._mirrors.get(name)
        self._unconfirmed.discard(news)
        if kind == b"unsubscribe":
            return False
        if mirrored is not None and kind == b"subscribe":
            mirrored.subscribed = True
            self._stale[name] = None
        elif mirrored is not None:
            message = data.decode().split(" ", 3)
            if len(message) == 4:
                if mirrored.mirror.hear(*message):
                    return True
                mirrored.heard_all = False  # a message that the mirror does not have
            self._stale[name] = None  # the log has to be read
        return False

    def _compare(self) -> None:
        """Compare the oldest stale mirrors with Redis.

        Others wait for the next step: a flood of new channels must not hold up announcements.
        """
        if COMMAND_CHANNEL in self._stale:
            self._compare_commands()
        names = list(islice(self._stale, AT_ONCE))
        for name in names:
            del self._stale[name]
        self._bring_in_step(names)

    def _compare_commands(self) -> None:
        """Compare the mirror of the commands with Redis, if there is one."""
        self._stale.pop(COMMAND_CHANNEL, None)
        self._bring_in_step([COMMAND_CHANNEL])

    def _bring_in_step(self, names: Iterable[str]) -> None:
        """Compare mirrors with Redis; read the logs of those not in step."""
        found = [self._mirrors.get(name) for name in names]
        stale = [mirrored for mirrored in found if mirrored is not None and mirrored.subscribed]
        if not stale:
            return
        for each in stale:
            self._mirrors.begin(each)
        commands = [each.channel.head() for each in stale]
        replies = self._requests.request(*commands, timeout=TIMEOUT)
        for each, reply in zip(stale, replies, strict=True):
            log, end = each.mirror.log, each.mirror.log.end
            step = each.mirror.compare(head(reply), self._requests.server_run)
            if step is not Next.NOTHING:
                self._catch_up(each, step)
            each.heard_all = True
            if log.end != end or log.refreshed != each.begun:
                log.refreshed = each.begun
                self._on_append(each.name)

    def _catch_up(self, mirrored: MirroredChannel, step: Next) -> None:
        """Have the log examined or read, until its mirror is in step."""
        channel, mirror, run = mirrored.channel, mirrored.mirror, self._requests.server_run
        for _ in range(ATTEMPTS):
            if step is Next.CHECK:
                for known in mirror.all_known:
                    order = channel.check(run, known, _anew(mirrored))
                    reply = self._requests.run(CHANNEL, channel.keys, *order, timeout=TIMEOUT)
                step = mirror.compare(head(reply), run)
            else:
                after = mirror.log.head if step is Next.READ else 0
                reply = self._requests.run(READ, channel.keys[:5], after, timeout=TIMEOUT)
                if mirrored.name != COMMAND_CHANNEL:  # it may have messages that follow a command
                    self._compare_commands()
                step = mirror.take(reading(after, reply), run)
            if step is Next.NOTHING:
                return
        raise RedisError(
            f"the log of {mirrored.name!r} was replaced {ATTEMPTS} times while it was read"
        )

    def _delete_empty(self) -> None:
        """Delete surplus logs that never carried a message."""
        if surplus := self._mirrors.take_surplus():
            commands = [channel.delete_empty(epoch) for channel, epoch in surplus]
            self._requests.request(*commands, timeout=TIMEOUT)

    def _check(self, now: float) -> None:
        """Ping the announcing connection when it is time; then mark all mirrors for comparison.

        A comparison finds missed announcements.
        """
        if self._pulse.is_overdue(now):
            raise RedisError(f"no answer to a ping for {TIMEOUT:g} seconds")
        if self._pulse.beat(now):
            self._pubsub.send(("PING",))
            self._mirrors.expire()
            self._stale.update(dict.fromkeys(self._mirrors.names()))


def _anew(mirrored: MirroredChannel) -> str:
    """Say how to begin if Redis has no log: see channel.lua.

    A mirror that never had a message, and missed no announcement, has nothing to lose.
    """
    if not mirrored.mirror.is_empty or mirrored.mirror.known.offset:
        return ""
    return "same" if mirrored.heard_all else "other"
