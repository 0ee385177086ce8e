"""The mirrors of a process, and what is to be done about them next."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from ...log import Limits, Log
from ..retention import Retention
from .commands import ChannelCommands
from .mirror import Mirror

LINGER_SECONDS = 30.0  # that a mirror stays when nobody listens: browsers come back, or poll


@dataclass(eq=False)
class Mirrored:
    """A channel that is mirrored here.

    Attributes:
        wanted: the number of the refresh that was asked for last; the first reading is number 1.
        begun: that of the refresh that was begun last.
        subscribed: whether Redis has confirmed that it announces what comes.
    """

    name: str
    channel: ChannelCommands
    mirror: Mirror
    wanted: int = 1
    begun: int = 0
    subscribed: bool = False


class Mirrors:
    """The channels that someone in this process listens to. Any thread may call it.

    Args:
        database: the number of the database.
        limits: the bounds of each log.
        max_idle: how many mirrors that nobody listens to may linger; and of how many others, to
            which nothing was sent, the log in Redis may stay.
    """

    def __init__(self, database: int, limits: Limits, max_idle: int) -> None:
        self._database = database
        self._limits = limits
        self._lock = threading.Lock()
        self._retained: Retention[Mirrored] = Retention(max_idle)
        self._max_idle = max_idle
        self._asked: set[str] = set()  # new, gone, or to be refreshed
        self._vacant: OrderedDict[str, str] = OrderedDict()  # gone; the epoch in Redis
        self._vacated: list[tuple[ChannelCommands, str]] = []

    def __len__(self) -> int:
        return len(self._retained)

    # For those who listen

    def open(self, name: str) -> Log:
        """The mirror of a channel; see ``Broker``."""
        with self._lock:
            return self._retained.open(name, lambda: self._make(name)).mirror.log

    def close(self, name: str) -> None:
        """Let go of a mirror; it lingers for a while; see ``Broker``."""
        with self._lock:
            self._gone(self._retained.close(name, time.monotonic()))

    def refresh(self, name: str) -> int:
        """Ask for a comparison with Redis; see ``Broker``."""
        with self._lock:
            mirrored = self._retained.get(name)
            assert mirrored is not None, "only what is open is refreshed"
            if mirrored.wanted == mirrored.begun:
                mirrored.wanted += 1
                self._asked.add(name)
            return mirrored.wanted

    # For who keeps them in step

    @property
    def asked(self) -> bool:
        """Whether there is something to take."""
        return bool(self._asked)

    def take(self) -> set[str]:
        """The channels that are new, gone, or to be refreshed since the last call."""
        with self._lock:
            asked, self._asked = self._asked, set()
            return asked

    def take_vacated(self) -> list[tuple[ChannelCommands, str]]:
        """The logs, and their epochs, that are to be ended since the last call."""
        with self._lock:
            vacated, self._vacated = self._vacated, []
            return vacated

    def names(self) -> list[str]:
        """All channels."""
        with self._lock:
            return self._retained.names()

    def get(self, name: str) -> Mirrored | None:
        """A channel, if it is mirrored."""
        return self._retained.get(name)

    def begin(self, mirrored: Mirrored) -> None:
        """Note that a refresh begins."""
        with self._lock:
            mirrored.begun = mirrored.wanted

    def expire(self) -> None:
        """Give up what nobody has listened to for ``LINGER_SECONDS``."""
        with self._lock:
            self._gone(self._retained.expire(time.monotonic() - LINGER_SECONDS))

    # With the lock held

    def _make(self, name: str) -> Mirrored:
        self._asked.add(name)
        self._vacant.pop(name, None)
        return Mirrored(name, self._channel(name), Mirror(self._limits))

    def _channel(self, name: str) -> ChannelCommands:
        return ChannelCommands(name, self._database, self._limits)

    def _gone(self, gone: list[Mirrored]) -> None:
        for mirrored in gone:
            self._asked.add(mirrored.name)
            if mirrored.mirror.is_vacant:
                self._vacant[mirrored.name] = mirrored.mirror.log.epoch
        while len(self._vacant) > self._max_idle:
            name, epoch = self._vacant.popitem(last=False)
            self._vacated.append((self._channel(name), epoch))
