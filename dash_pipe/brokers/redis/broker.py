"""The broker of many processes: the logs live in Redis, and are mirrored where someone listens."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress

from ...concurrency.forks import reset_after_fork
from ...errors import BrokerUnavailableError
from ...log import Limits, Log, Position
from .. import Broker, OnAppend
from ..watchers import Watchers
from .commands import SCRIPT, ChannelCommands, Known, appended
from .connection import Connect, Link, RedisError, connector, may_pass, was_refused
from .follower import RedisFollower

PAUSES = (0.02, 0.25)  # between two attempts to send, and the longest
MAX_KNOWN = 1000  # channels whose last message of ours is remembered
MAX_LINKS = 8  # that stay open between two messages; a thread that sends takes one


class RedisBroker(Broker):
    """Appends to logs in Redis; mirrors those that someone in this process listens to.

    To send takes a connection, no thread. The first ``open`` starts a thread; see
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
        self._known: OrderedDict[str, Known] = OrderedDict()  # the newest of ours, by channel
        self._links: deque[Link] = deque(maxlen=MAX_LINKS)  # idle
        self._lock = threading.Lock()
        self._watchers = Watchers()
        self._listener = RedisFollower(
            connect, database, limits, max_idle_channels, self._watchers.tell
        )
        # A forked child closes the parent's idle connections, which two would speak on.
        reset_after_fork(self, RedisBroker._close_links)

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message; see ``Broker``.

        While Redis is away it tries again until ``send_timeout``, with one id.
        """
        message_id = message_id or secrets.token_urlsafe(12)
        mark = _mark(message_id)
        log = ChannelCommands(channel, self._database, self._limits)
        order = log.append(label, value, mark, self._known.get(channel, Known()))
        deadline = time.monotonic() + self._send_timeout
        pause, longest = PAUSES
        may_have_been_sent = False
        while True:
            link: Link | None = None
            try:
                link = self._link(deadline)
                left = deadline - time.monotonic()
                reply: list[bytes] = link.run(SCRIPT, log.keys, *order, timeout=left)
                self._links.append(link)
                position, known = appended(reply, mark)
                if known is not None:
                    self._remember(channel, known)
                return position
            except RedisError as error:
                if link is not None:
                    link.close()
                    may_have_been_sent |= not was_refused(error)
                if not may_pass(error) or time.monotonic() + pause >= deadline:
                    raise BrokerUnavailableError(
                        f"Redis: {error}",
                        may_have_been_sent=may_have_been_sent,
                        message_id=message_id,
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, longest)

    def open(self, channel: str) -> Log:
        """The mirror of a channel; see ``Broker``."""
        return self._listener.open(channel)

    def close(self, channel: str) -> None:
        """Let go of a mirror; see ``Broker``."""
        self._listener.close(channel)

    def refresh(self, channel: str) -> int:
        """Have a mirror compared with Redis; see ``Broker``."""
        return self._listener.refresh(channel)

    def watch(self, on_append: OnAppend) -> Callable[[], None]:
        """Register a watcher; see ``Broker``."""
        return self._watchers.add(on_append)

    def stop(self) -> None:
        """Close what is open: the thread, within a bound, and the connections that are idle."""
        self._listener.stop()
        self._close_links()

    def _link(self, deadline: float) -> Link:
        """A connection of its own for a message: one that was left by another, or a new one."""
        while self._links:
            with suppress(IndexError):  # another thread was faster
                link = self._links.pop()
                if link.is_quiet:
                    return link
                link.close()
        return self._connect(deadline - time.monotonic())

    def _remember(self, channel: str, known: Known) -> None:
        with self._lock:
            self._known[channel] = known
            self._known.move_to_end(channel)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)

    def _close_links(self) -> None:
        while self._links:
            with suppress(IndexError):
                self._links.pop().close()


def _mark(message_id: str) -> str:
    """A message id in a form that is short, and safe in a command's reply."""
    return hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def connect(url: str, limits: Limits, max_idle_channels: int, send_timeout: float) -> RedisBroker:
    """Make the broker for ``redis://``, ``rediss://`` and ``unix://``."""
    return RedisBroker(*connector(url), limits, max_idle_channels, send_timeout)
