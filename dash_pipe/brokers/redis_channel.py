"""The log of one channel as it lives in Redis: its keys, and the commands that write and read it.

Pure: commands out, replies in. The script beside it, redis_channel.lua, says what the keys hold.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import quote

from ..log import Limits, Position
from . import IDS_SECONDS, MAX_IDS

_TEXT = files(__package__).joinpath("redis_channel.lua").read_text("utf-8")
SCRIPT = (_TEXT, hashlib.sha1(_TEXT.encode(), usedforsecurity=False).hexdigest())

LISTENED_SECONDS = 120.0  # that a log is there at least: longer than between two looks at it

_KEYS = ("meta", "log", "newest", "labels", "lost", "ids", "places")


class Head(NamedTuple):
    """Where the log in Redis ends. ``epoch`` is empty when there is no log."""

    epoch: str
    offset: int
    mark: str


class Known(NamedTuple):
    """A message that was appended: where, with which mark, and when by Redis' clock."""

    epoch: str = ""
    offset: int = 0
    mark: str = ""
    time: str = ""


class Entry(NamedTuple):
    """A message in the window; its mark tells it from every other, ``before`` is the last one's."""

    offset: int
    mark: str
    row: str
    before: str


class Reading(NamedTuple):
    """The log in Redis at one moment.

    ``entries`` are those of the window from ``after`` on, the one at ``after`` included.
    ``beside`` and ``lost`` are there when it was read from the beginning. When a part of the log
    is missing it is as if there were none: ``end.epoch`` is empty.
    """

    after: int
    end: Head
    entries: list[Entry]
    beside: list[str]
    lost: dict[str, int]
    lost_rest: int
    time: float


class RedisChannel:
    """A channel's keys, and what is sent to Redis about it."""

    def __init__(self, name: str, database: int, limits: Limits) -> None:
        tag = quote(name, safe="", errors="surrogatepass")  # no brace, so the tag is all of it
        self.keys = [f"dash-pipe:{{{tag}}}:{key}" for key in _KEYS]
        self.news = f"dash-pipe:{{{tag}}}:news:{database}"  # announcements know no databases
        self._bounds, self._keep = _bounds(limits)

    def append(self, label: str, value: str, mark: str, known: Known) -> tuple[Any, ...]:
        """The arguments of the script that append a message, after one that is known of."""
        fresh = secrets.token_urlsafe(8)
        return ("append", self._bounds, fresh, self.news, *known, json.dumps(label), value, mark)

    def begin(self, former: str, after: float | None) -> tuple[Any, ...]:
        """The arguments of the script that end the log named ``former`` and begin another.

        What came after that time stays, under new offsets. If another epoch is there, nothing
        happens.
        """
        fresh = secrets.token_urlsafe(8)
        return ("begin", self._bounds, fresh, self.news, former, "" if after is None else after)

    def head(self) -> list[Sequence[Any]]:
        """The commands that ask for the head, and keep a log that is listened to from expiring."""
        touch = [("PEXPIRE", key, self._keep) for key in self.keys[:5]]
        return [("HMGET", self.keys[0], "epoch", "head", "mark"), *touch]

    def read(self, after: int) -> list[Sequence[Any]]:
        """The commands that read the log from an offset on, as of one moment."""
        meta, log, newest, labels, lost, *_ = self.keys
        commands: list[Sequence[Any]] = [
            ("MULTI",),
            ("TIME",),
            ("HMGET", meta, "epoch", "head", "mark", "rest", "sizes"),
            ("XLEN", log),
            ("HLEN", newest),
            ("ZCARD", labels),
            ("ZCARD", lost),
            ("XRANGE", log, f"{after}-0", "+"),
        ]
        if not after:
            commands += [("HVALS", newest), ("ZRANGE", lost, 0, -1, "WITHSCORES")]
        return [*commands, ("EXEC",)]


def appended(reply: list[bytes], mark: str) -> tuple[Position, Known | None]:
    """Where a message is, and what is known by that if it was not there before."""
    epoch, offset, time = reply[0].decode(), int(reply[1]), reply[2].decode()
    return Position(epoch, offset), Known(epoch, offset, mark, time) if time else None


@cache
def _bounds(limits: Limits) -> tuple[str, int]:
    """The bounds as the script takes them, and how long it keeps a log, in milliseconds."""
    keep = int(1000 * max(limits.seconds, limits.label_seconds, LISTENED_SECONDS))
    ids = {"ids": MAX_IDS, "id_seconds": IDS_SECONDS}
    return json.dumps({"keep": keep, **ids, **asdict(limits)}), keep


def head(reply: list[bytes | None]) -> Head:
    """What the first command of ``head`` returned."""
    epoch, offset, mark = reply[:3]
    if epoch is None or offset is None or mark is None:
        return Head("", 0, "")
    return Head(epoch.decode(), int(offset), mark.decode())


def reading(after: int, reply: list[Any]) -> Reading:
    """What the last command of ``read`` returned."""
    for part in reply:
        if isinstance(part, Exception):
            raise part
    (seconds, microseconds), meta, *sizes, entries = reply[:7]
    beside, lost = reply[7:] or ([], [])
    end = head(meta)
    if meta[4] != " ".join(map(str, sizes)).encode():
        end = Head("", 0, "")
    return Reading(
        after,
        end,
        [
            Entry(
                int(key.partition(b"-")[0]),
                fields[3].decode(),
                fields[5].decode(),
                fields[7].decode(),
            )
            for key, fields in entries
        ],
        sorted((row.decode() for row in beside), key=lambda row: int(row[1 : row.index(",")])),
        {json.loads(label): int(offset) for label, offset in zip(*[iter(lost)] * 2, strict=True)},
        int(meta[3] or 0),
        int(seconds) + int(microseconds) / 1e6,
    )
