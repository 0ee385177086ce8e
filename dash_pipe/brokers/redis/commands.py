"""The keys of a channel in Redis, the commands that write and read them, and their replies.

Pure: commands out, replies in. channel.lua documents what the keys hold.
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

LISTENED_SECONDS = 120.0  # minimum lifetime of a log: longer than the time between two touches
EMPTY_SECONDS = 600.0  # lifetime of a log without a message, whose name a browser may invent

# Postpones the expiry of a log, as save() in the script does, and returns its head.
_TOUCH = """
local keep = redis.call('HGET', KEYS[1], 'head') == '0' and ARGV[2] or ARGV[1]
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, keep)
end
return redis.call('HMGET', KEYS[1], 'epoch', 'head', 'mark')
"""

# Deletes a log that never carried a message; the announcement is for other processes' listeners.
_DELETE_EMPTY = """
local there = redis.call('HMGET', KEYS[1], 'epoch', 'head')
if there[1] == ARGV[1] and there[2] == '0' then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', ARGV[2], '')
end
"""

_KEYS = ("meta", "log", "newest", "labels", "lost", "ids", "places")


class Head(NamedTuple):
    """The end of the log in Redis. ``epoch`` is empty if there is no log."""

    epoch: str
    offset: int
    mark: str


class Known(NamedTuple):
    """The newest message that a sender knows: its position, its mark, its time by Redis' clock."""

    epoch: str = ""
    offset: int = 0
    mark: str = ""
    time: str = ""


class Entry(NamedTuple):
    """A message in the window, its unique mark, and the mark of the message before it."""

    offset: int
    mark: str
    row: str
    before: str


class Reading(NamedTuple):
    """The log in Redis at one moment.

    ``entries`` are the messages of the window from ``after`` on, inclusive. ``beside`` (the newest
    message of each label that has left the window) and ``lost`` are filled if it was read from the
    beginning. If a part of the log is missing, ``end.epoch`` is empty, as if there were no log.
    """

    after: int
    end: Head
    entries: list[Entry]
    beside: list[str]
    lost: dict[str, int]
    lost_rest: int
    time: float


class ChannelCommands:
    """The keys of a channel, and the commands about it."""

    def __init__(self, name: str, database: int, limits: Limits) -> None:
        tag = quote(
            name, safe="", errors="surrogatepass"
        )  # has no brace, so it is the whole hash tag
        self.keys = [f"dash-pipe:{{{tag}}}:{key}" for key in _KEYS]
        self.news = f"dash-pipe:{{{tag}}}:news:{database}"  # pub/sub ignores databases
        self._bounds, self._keep = _bounds(limits)

    def append(self, label: str, value: str, mark: str, known: Known) -> tuple[Any, ...]:
        """Return the script's arguments to append a message after the one that is known."""
        new_epoch = secrets.token_urlsafe(8)
        return (
            "append",
            self._bounds,
            new_epoch,
            self.news,
            *known,
            json.dumps(label),
            value,
            mark,
        )

    def begin(self, old_epoch: str, after: float, same_epoch: str) -> tuple[Any, ...]:
        """Return the script's arguments to end the log ``old_epoch`` and begin another.

        Messages sent after the time ``after`` stay, under new offsets. If the epoch in Redis is
        another one, nothing happens. If Redis has no key of the channel, the new log is named
        ``same_epoch``, unless that is empty.
        """
        new_epoch = secrets.token_urlsafe(8)
        return ("begin", self._bounds, new_epoch, self.news, old_epoch, after, same_epoch)

    def delete_empty(self, epoch: str) -> Sequence[Any]:
        """Return the command that deletes the log ``epoch`` if it never carried a message.

        A process that still has a listener begins it again under the same name.
        """
        return ("EVAL", _DELETE_EMPTY, 1, self.keys[0], epoch, self.news)

    def head(self) -> Sequence[Any]:
        """Return the command that reads the head and postpones the expiry of the log."""
        return ("EVAL", _TOUCH, 5, *self.keys[:5], *self._keep)

    def read(self, after: int) -> list[Sequence[Any]]:
        """Return the commands that read the log from an offset on, in one transaction."""
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
    """Parse the reply to ``append``: the position, and the newest known message if it is new."""
    epoch, offset, time = reply[0].decode(), int(reply[1]), reply[2].decode()
    return Position(epoch, offset), Known(epoch, offset, mark, time) if time else None


@cache
def _bounds(limits: Limits) -> tuple[str, tuple[int, int]]:
    """Return the bounds as the script's JSON argument, and two lifetimes of a log.

    The lifetimes are milliseconds: of a log with messages, and of one without.
    """
    keep = int(1000 * max(limits.seconds, limits.label_seconds, LISTENED_SECONDS))
    empty = int(1000 * EMPTY_SECONDS)
    ids = {"ids": MAX_IDS, "id_seconds": IDS_SECONDS}
    return json.dumps({"keep": keep, "empty": empty, **ids, **asdict(limits)}), (keep, empty)


def head(reply: list[bytes | None]) -> Head:
    """Parse the reply to ``ChannelCommands.head``."""
    epoch, offset, mark = reply[:3]
    if epoch is None or offset is None or mark is None:
        return Head("", 0, "")
    return Head(epoch.decode(), int(offset), mark.decode())


def reading(after: int, reply: list[Any]) -> Reading:
    """Parse the reply to the last command of ``ChannelCommands.read``."""
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
