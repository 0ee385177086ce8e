"""The newest messages that a process knows, by channel."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice

from .known import NOTHING, Known


class Heads:
    """Keep what this process knows of the ends of logs, for ``room`` channels.

    Senders note what they have sent, and mirrors that are released what they had. So a log that has
    lost its end is noticed, although no message was sent since. Any thread may call it.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._run: str | None = None  # the run of Redis to which they are reported
        self._due: dict[str, None] = {}  # channels that are to be reported to it

    def get(self, channel: str) -> Known:
        """Return the newest known message of a channel; its epoch is empty if there is none."""
        return self._known.get(channel, NOTHING)

    def note(self, channel: str, known: Known) -> None:
        """Note a message, unless a newer one of its epoch, or of a later epoch, is known."""
        with self._lock:
            older = self._known.pop(channel, NOTHING)
            self._known[channel] = max(older, known, key=_age)
            if len(self._known) > self._room:
                self._known.popitem(last=False)

    def due(self, run: str, most: int) -> list[tuple[str, Known]]:
        """Return some channels that were not reported to a run of Redis yet, with what is known."""
        with self._lock:
            if run != self._run:
                self._run, self._due = run, dict.fromkeys(self._known)
            part = list(islice(self._due, most))
            return [(name, self._known.get(name, NOTHING)) for name in part]

    def reported(self, channels: Iterable[str]) -> None:
        """Note that channels that were due are reported."""
        with self._lock:
            for channel in channels:
                self._due.pop(channel, None)


def _age(known: Known) -> tuple[str, int]:
    """Return what is larger for a newer message: the names of epochs sort by age."""
    return known.epoch, known.offset
