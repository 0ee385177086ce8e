"""The mirrors of a process, and their pending changes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from ...log import Limits, Log
from ..retention import Retention
from .commands import ChannelCommands
from .heads import Heads
from .mirror import Mirror

IDLE_SECONDS = 30.0  # that a mirror is kept while nobody listens: browsers reconnect, or poll


@dataclass(eq=False)
class MirroredChannel:
    """A channel that is mirrored here.

    Attributes:
        wanted: the number of the newest requested refresh; the first read is number 1.
        begun: the number of the newest refresh that has begun.
        subscribed: whether Redis has confirmed the subscription.
        heard_all: whether every announcement since the last comparison was heard.
    """

    name: str
    channel: ChannelCommands
    mirror: Mirror
    wanted: int = 1
    begun: int = 0
    subscribed: bool = False
    heard_all: bool = False


class Mirrors:
    """The mirrors of the channels that have a listener in this process. Any thread may call it.

    Args:
        database: the number of the database.
        limits: the bounds of each log.
        max_idle: the number of mirrors kept while nobody listens; also the number of released
            channels whose log may stay in Redis although it never carried a message.
        heads: what the process knows of channels that it does not mirror.
    """

    def __init__(self, database: int, limits: Limits, max_idle: int, heads: Heads) -> None:
        self._database = database
        self._limits = limits
        self._lock = threading.Lock()
        self._retained: Retention[MirroredChannel] = Retention(max_idle)
        self._max_idle = max_idle
        self._heads = heads
        self._changed: set[str] = set()  # channels that are new, closed, or to be refreshed
        self._empty: OrderedDict[str, str] = OrderedDict()  # released and empty; the epoch in Redis
        self._surplus: list[tuple[ChannelCommands, str]] = []

    def __len__(self) -> int:
        return len(self._retained)

    # Called by the broker

    def open(self, name: str) -> Log:
        """Return the mirror of a channel; see ``Broker``."""
        with self._lock:
            return self._retained.open(name, lambda: self._make(name)).mirror.log

    def close(self, name: str) -> None:
        """Release a mirror, which is kept for a while; see ``Broker``."""
        with self._lock:
            self._release(self._retained.close(name, time.monotonic()))

    def refresh(self, name: str) -> int:
        """Request a comparison with Redis; see ``Broker``."""
        with self._lock:
            mirrored = self._retained.get(name)
            assert mirrored is not None, "only what is open is refreshed"
            if mirrored.wanted == mirrored.begun:
                mirrored.wanted += 1
                self._changed.add(name)
            return mirrored.wanted

    # Called by Sync

    @property
    def has_changes(self) -> bool:
        """Return whether there are changes to take."""
        return bool(self._changed)

    def take_changes(self) -> set[str]:
        """Return the channels that became new, closed or stale since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return changed

    def take_surplus(self) -> list[tuple[ChannelCommands, str]]:
        """Return the logs to delete since the last call, with their epochs."""
        with self._lock:
            surplus, self._surplus = self._surplus, []
            return surplus

    def names(self) -> list[str]:
        """Return the names of all mirrored channels."""
        with self._lock:
            return self._retained.names()

    def get(self, name: str) -> MirroredChannel | None:
        """Return a channel if it is mirrored."""
        return self._retained.get(name)

    def begin(self, mirrored: MirroredChannel) -> None:
        """Record that a refresh begins. The mirror takes what this process has sent."""
        with self._lock:
            mirrored.begun = mirrored.wanted
        mirrored.mirror.learn(self._heads.get(mirrored.name))

    def expire(self) -> None:
        """Release the mirrors without a listener for ``IDLE_SECONDS``."""
        with self._lock:
            self._release(self._retained.expire(time.monotonic() - IDLE_SECONDS))

    # Called with the lock held

    def _make(self, name: str) -> MirroredChannel:
        self._changed.add(name)
        self._empty.pop(name, None)
        mirror = Mirror(self._limits, self._heads.get(name))
        return MirroredChannel(name, self._channel(name), mirror)

    def _channel(self, name: str) -> ChannelCommands:
        return ChannelCommands(name, self._database, self._limits)

    def _release(self, gone: list[MirroredChannel]) -> None:
        for mirrored in gone:
            self._changed.add(mirrored.name)
            self._heads.note(mirrored.name, mirrored.mirror.known)
            if mirrored.mirror.is_empty:
                self._empty[mirrored.name] = mirrored.mirror.log.epoch
        while len(self._empty) > self._max_idle:
            name, epoch = self._empty.popitem(last=False)
            self._surplus.append((self._channel(name), epoch))
