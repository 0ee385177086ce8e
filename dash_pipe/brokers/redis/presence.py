"""Tell Redis who listens in this process. Pure: commands out, replies in.

A channel has a hash: process -> [total, every, {label: number}], as in ``Listening``. A process has
a key that expires, so one that was killed counts no longer than ``ALIVE_SECONDS``.
"""

from __future__ import annotations

import json
import math
import secrets
import threading
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from ..listening import Audience, Listening
from .commands import hash_tag

ALIVE_SECONDS = 6.0  # from the last sign of life of a process until it counts no longer
BEAT_SECONDS = 2.0  # between two signs of life
KEEP_SECONDS = 3600.0  # lifetime of what a process has told, which it tells again after half of it
AT_ONCE = 500  # channels told in one request

Commands = list[Sequence[Any]]


class Presence:
    """Tell of each change, and give signs of life while a browser listens here.

    Any thread may call ``note``; one thread calls the others.
    """

    def __init__(self) -> None:
        self._process = secrets.token_urlsafe(9)
        self._lock = threading.Lock()
        self._audience: Audience | None = None
        self._changed: dict[str, None] = {}
        self._told: set[str] = set()  # channels on which Redis may believe that somebody listens
        self._left: list[str] = []  # of these, those on which Redis is told now that nobody does
        self._beat_at = self._tell_again_at = -math.inf

    def note(self, channel: str, audience: Audience) -> None:
        """Note that who listens on a channel has changed."""
        with self._lock:
            self._audience = audience
            self._changed[channel] = None

    @property
    def has_changes(self) -> bool:
        """Return whether there is something new to tell."""
        return bool(self._changed)

    def wait(self, now: float) -> float:
        """Return the seconds until ``commands`` has something to do."""
        if self._changed:
            return 0.0
        return max(0.0, self._beat_at - now) if self._told else math.inf

    def commands(self, now: float) -> Commands:
        """Return what to tell Redis now. The reply to the first, if there is one, is for ``take``.

        Args:
            now: the time in seconds, on a clock that only goes forward.
        """
        if self.wait(now) > 0:
            return []
        if now >= self._tell_again_at:
            self.tell_again()
            self._tell_again_at = now + KEEP_SECONDS / 2
        with self._lock:
            channels = list(islice(self._changed, AT_ONCE))
            for channel in channels:
                del self._changed[channel]
        self._beat_at, self._left = now + BEAT_SECONDS, []
        changes = [command for channel in channels for command in self._change(channel)]
        return [self._sign("XX"), self._sign(), *changes]

    def take(self, was_known: object) -> None:
        """Take the reply: if Redis knew nothing of this process, it has to be told all again."""
        self._told.difference_update(self._left)
        if was_known is None:
            self.tell_again()

    def tell_again(self) -> None:
        """Tell all again: on a new connection, or since Redis may have lost it."""
        with self._lock:
            self._changed.update(dict.fromkeys(self._told))

    def leave(self) -> Commands:
        """Return the command that ends what this process has told, if it has told anything."""
        return [("DEL", process_key(self._process))] if self._beat_at > -math.inf else []

    def _sign(self, *condition: str) -> Sequence[Any]:
        return ("SET", process_key(self._process), "1", "PX", _ms(ALIVE_SECONDS), *condition)

    def _change(self, channel: str) -> Commands:
        assert self._audience is not None, "it has told of the change"
        listening = self._audience.listening(channel)
        key = listeners_key(channel)
        if listening.total:
            self._told.add(channel)
            text = json.dumps([listening.total, listening.every, dict(listening.labels)])
            return [("HSET", key, self._process, text), ("PEXPIRE", key, _ms(KEEP_SECONDS))]
        if channel not in self._told:
            return []  # somebody was there for a moment, for a poll say
        self._left.append(channel)
        return [("HDEL", key, self._process)]


def process_key(process: str) -> str:
    """Return the key that a process keeps alive."""
    return f"dash-pipe:{{processes}}:{process}"


def listeners_key(channel: str) -> str:
    """Return the key of what the processes have told about a channel."""
    return f"dash-pipe:{{{hash_tag(channel)}}}:listeners"


def told(reply: Sequence[bytes]) -> Mapping[str, Listening]:
    """Parse the reply to HGETALL of ``listeners_key``: who listens, by process."""
    found = {}
    for process, text in zip(reply[::2], reply[1::2], strict=True):
        total, every, labels = json.loads(text)
        found[process.decode()] = Listening(total, every, labels)
    return found


def _ms(seconds: float) -> int:
    return int(1000 * seconds)
