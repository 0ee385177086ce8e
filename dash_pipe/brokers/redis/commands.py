"""The keys of a channel in Redis, the commands that write and read them, and their replies.

Pure: commands out, replies in. channel.lua documents what the keys hold.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache, wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar
from urllib.parse import quote

from redis.exceptions import InvalidResponse

from ...log import MAX_PAST, Ended, Limits, Past, Position
from .. import IDS_SECONDS, MAX_IDS
from .known import Head, Known
from .scripts import DELETE_EMPTY, TOUCH

LISTENED_SECONDS = 120.0  # minimum lifetime of a log: longer than the time between two touches
EMPTY_SECONDS = 600.0  # lifetime of a log without a message, whose name a browser may invent


P = ParamSpec("P")
T = TypeVar("T")

_KEYS = ("meta", "rows", "newest", "labels", "lost", "ids")


class Entry(NamedTuple):
    """A message in the window, and its unique mark."""

    offset: int
    mark: str
    row: str


class Reading(NamedTuple):
    """The log in Redis at one moment.

    ``entries`` are the messages of the window from ``after`` on, inclusive, and ``before`` is the
    mark of the message before the window. ``beside`` (the newest message of each label that has
    left the window) and ``lost`` are filled if it was read from the beginning. If not ``whole``, a
    part of the log was evicted since the last append.
    """

    after: int
    end: Head
    whole: bool
    first: int
    before: str
    entries: list[Entry]
    beside: list[str]
    lost: dict[str, int]
    lost_rest: int
    time: float

    def mark_at(self, offset: int) -> str | None:
        """Return the mark of the message at an offset; None if the reading does not contain it."""
        if offset == self.end.offset:
            return self.end.mark
        if offset == self.first - 1:
            return self.before
        begin = self.end.offset - len(self.entries) + 1
        return self.entries[offset - begin].mark if begin <= offset < self.end.offset else None


class ChannelCommands:
    """The keys of a channel, and the commands about it."""

    def __init__(self, name: str, database: int, limits: Limits) -> None:
        self.name = name
        tag = hash_tag(name)
        self.keys = [f"dash-pipe:{{{tag}}}:{key}" for key in _KEYS]
        self.news = f"dash-pipe:{{{tag}}}:news:{database}"  # pub/sub ignores databases
        self._bounds, self._keep = _bounds(limits)

    def append(self, run: str, known: Known, label: str, value: str, mark: str) -> Sequence[Any]:
        """Return the script's arguments to append a message.

        Args:
            run: the run of Redis that the connection leads to.
            known: the newest message that the process knows.
            label: the label.
            value: the value, a JSON text.
            mark: the mark of the message.
        """
        return ("append", *self._common(run, known), json.dumps(label), value, mark)

    def check(self, run: str, known: Known, anew: str) -> Sequence[Any]:
        """Return the script's arguments to begin a new epoch if one is due.

        ``anew`` says how to begin a log if Redis has none; channel.lua lists the values.
        """
        return ("check", *self._common(run, known), anew)

    def _common(self, run: str, known: Known) -> tuple[Any, ...]:
        *message, past = known
        new_epoch = secrets.token_urlsafe(6)  # its end, see channel.lua
        return (self._bounds, new_epoch, self.news, run, *message, _text_of(past))

    def delete_empty(self, epoch: str) -> Sequence[Any]:
        """Return the command that deletes the log ``epoch`` if it never carried a message.

        A process that still has a listener begins it again under the same name.
        """
        return ("EVAL", DELETE_EMPTY.text, 1, self.keys[0], epoch, self.news)

    def look(self) -> Sequence[Any]:
        """Return the command that reads the head, and changes nothing."""
        return ("HMGET", self.keys[0], "epoch", "head", "mark", "run", "past")

    def head(self) -> Sequence[Any]:
        """Return the command that reads the head and postpones the expiry of the log."""
        return ("EVAL", TOUCH.text, 5, *self.keys[:5], *self._keep)


def _reply(parse: Callable[P, T]) -> Callable[P, T]:
    """Have a function that parses a reply raise ``InvalidResponse``, a ``RedisError``."""

    @wraps(parse)
    def parsed(*args: P.args, **options: P.kwargs) -> T:
        try:
            return parse(*args, **options)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise InvalidResponse(f"unexpected reply of a script: {error!r:.200}") from error

    return parsed


def hash_tag(channel: str) -> str:
    """Return what the keys of a channel have in common; it has no brace, so it is the whole tag."""
    return quote(channel, safe="", errors="surrogatepass")


@_reply
def appended(reply: list[bytes], mark: str, known: Known) -> tuple[Position, Known | None]:
    """Parse the reply to ``append``: the position, and the newest known message if it is new.

    ``known`` is the newest message that was known before.
    """
    epoch, time, past = (reply[part].decode() for part in (0, 2, 3))
    position = Position(epoch, int(reply[1]))
    own = known.past if epoch == known.epoch else _past(past)
    return position, Known(*position, mark, time, own) if time else None


@cache
def _bounds(limits: Limits) -> tuple[str, tuple[int, int]]:
    """Return the bounds as the script's JSON argument, and two lifetimes of a log.

    The lifetimes are milliseconds: of a log with messages, and of one without.
    """
    keep = int(1000 * max(limits.label_seconds, LISTENED_SECONDS))
    empty = int(1000 * EMPTY_SECONDS)
    more = {"losses": limits.losses, "past": MAX_PAST, "ids": MAX_IDS, "id_seconds": IDS_SECONDS}
    return json.dumps({"keep": keep, "empty": empty, **more, **asdict(limits)}), (keep, empty)


@_reply
def head(reply: list[bytes | None]) -> Head:
    """Parse the reply to ``look``, ``head`` and ``check`` of ``ChannelCommands``."""
    epoch, offset, mark, run, past = ((part or b"").decode() for part in reply[:5])
    return Head(epoch, int(offset), mark, run, _past(past)) if epoch else Head()


@_reply
def reading(after: int, reply: list[Any]) -> Reading:
    """Parse the reply to ``READ``, from the offset ``after`` on."""
    (seconds, microseconds), state, sizes, rows = reply[:4]
    beside, lost = reply[4:] or ([], [])
    end = head(state)
    begin = end.offset - len(rows) + 1
    return Reading(
        after,
        end,
        whole=" ".join(map(str, sizes)).encode() == (state[7] or b"0 0 0 0"),
        first=end.offset - int(sizes[0]) + 1,
        before=(state[5] or b"").decode(),
        entries=[_entry(begin + number, row.decode()) for number, row in enumerate(rows)],
        beside=sorted((row.decode() for row in beside), key=_offset_of),
        lost={json.loads(label): int(upto) for label, upto in zip(*[iter(lost)] * 2, strict=True)},
        lost_rest=int(state[6] or 0),
        time=int(seconds) + int(microseconds) / 1e6,
    )


def _offset_of(row: str) -> int:
    return int(row[1 : row.index(",")])


def _entry(offset: int, text: str) -> Entry:
    mark, _, row = text.split(" ", 2)
    return Entry(offset, mark, row)


def _text_of(past: Past) -> str:
    """Return a past as channel.lua keeps it."""
    return "".join(
        f"{epoch} {offset} {'?' if end is None else end};" for epoch, offset, end in past
    )


def _past(text: str) -> Past:
    """Parse the past as channel.lua keeps it."""
    parts = (entry.split(" ") for entry in text.split(";") if entry)
    return tuple(
        Ended(epoch, int(offset), None if end == "?" else int(end)) for epoch, offset, end in parts
    )
