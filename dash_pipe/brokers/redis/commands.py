"""The log of one channel as it lives in Redis: its keys, and the commands that write and read it.

Pure: commands out, replies in. The script beside it, channel.lua, says what the keys hold.
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

from ...log import Limits, Position
from .. import IDS_SECONDS, MAX_IDS

_TEXT = files(__package__).joinpath("channel.lua").read_text("utf-8")
SCRIPT = (_TEXT, hashlib.sha1(_TEXT.encode(), usedforsecurity=False).hexdigest())

LISTENED_SECONDS = 120.0  # that a log is there at least: longer than between two looks at it
VACANT_SECONDS = 600.0  # that one is there to which nothing was sent; browsers may invent names

# Keeps a log from expiring, as save() in the script does, and returns where it ends.
_LOOK = """
local keep = redis.call('HGET', KEYS[1], 'head') == '0' and ARGV[2] or ARGV[1]
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, keep)
end
return redis.call('HMGET', KEYS[1], 'epoch', 'head', 'mark')
"""

# Ends a log to which nothing was sent; the announcement is for those who listen all the same.
_VACATE = """
local there = redis.call('HMGET', KEYS[1], 'epoch', 'head')
if there[1] == ARGV[1] and there[2] == '0' then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', ARGV[2], '')
end
"""

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


class ChannelCommands:
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

    def begin(self, former: str, after: float, again: str) -> tuple[Any, ...]:
        """The arguments of the script that end the log named ``former`` and begin another.

        What came after that time stays, under new offsets. If another epoch is there, nothing
        happens. Where there is nothing at all it is named ``again``, unless that is empty.
        """
        fresh = secrets.token_urlsafe(8)
        return ("begin", self._bounds, fresh, self.news, former, after, again)

    def vacate(self, epoch: str) -> Sequence[Any]:
        """The command that ends the log named ``epoch`` if nothing was sent to it.

        Another process in which somebody listens to it begins it again, by that name.
        """
        return ("EVAL", _VACATE, 1, self.keys[0], epoch, self.news)

    def head(self) -> Sequence[Any]:
        """The command that asks for the head, and keeps a log that is listened to from expiring."""
        return ("EVAL", _LOOK, 5, *self.keys[:5], *self._keep)

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
def _bounds(limits: Limits) -> tuple[str, tuple[int, int]]:
    """The bounds as the script takes them, and how long it keeps a log, in milliseconds.

    That is two times: where something was sent, and where nothing was.
    """
    keep = int(1000 * max(limits.seconds, limits.label_seconds, LISTENED_SECONDS))
    vacant = int(1000 * VACANT_SECONDS)
    ids = {"ids": MAX_IDS, "id_seconds": IDS_SECONDS}
    return json.dumps({"keep": keep, "vacant": vacant, **ids, **asdict(limits)}), (keep, vacant)


def head(reply: list[bytes | None]) -> Head:
    """What the command of ``head`` returned."""
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
