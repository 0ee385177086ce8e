"""Encode the frames that a client sends, and decode those of the server.

Pure. docs/protocol.md is the contract; tests/vectors/protocol.json holds examples of every frame.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ProtocolError
from ..log.message import Labels, Lost
from ..log.past import Ended, Past
from ..protocol import MAX_FRAME_BYTES, ClientFrame, Pong, Replay, Subscribe, Unsubscribe

Row = list[Any]
"""A message on the wire: ``[offset, label, value, time]``."""


@dataclass(frozen=True)
class Subscribed:
    """The reply to a subscribe. ``offset`` is the head of the channel, times are seconds.

    If it has ``ended``, it is no reply: the permission for labels has.
    """

    channel: str
    epoch: str
    offset: int
    recovered: bool | None
    spread: float
    heartbeat: float
    denied: tuple[str, ...] = ()
    hint: str | None = None
    past: Past = ()
    refresh: float | None = None
    ended: bool = False


@dataclass(frozen=True)
class Messages:
    """Rows in the order of their offsets. ``upto`` is the new position of the subscription."""

    channel: str
    epoch: str
    rows: list[Row]
    upto: int
    lost: list[Lost] = field(default_factory=list)
    past: Past = ()


@dataclass(frozen=True)
class Replayed:
    """A part of the answer to a replay; ``done`` in the last one."""

    id: int
    channel: str
    epoch: str
    rows: list[Row]
    upto: int
    done: bool


@dataclass(frozen=True)
class Ping:
    """A heartbeat, to be answered at once. ``upto`` moves positions, by channel."""

    n: int
    upto: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Error:
    """A rejected frame. If ``final`` is true, the same frame is rejected again."""

    code: str
    reason: str
    channel: str | None = None
    final: bool = False
    ended: bool = False


ServerFrame = Subscribed | Messages | Replayed | Ping | Error


def encode(frame: ClientFrame) -> str:
    """Return the text of a frame to the server.

    If its labels make it larger than the server accepts, it asks for every label instead; the
    subscription filters the rows anyway.
    """
    match frame:
        case Subscribe(channel, labels, since, token, hint=hint):
            fields: dict[str, Any] = {"channel": channel, "labels": _listed(labels)}
            if since is not None:
                fields["since"] = since._asdict()
            if token is not None:
                fields["token"] = token
            if hint:
                fields["hint"] = True
            return _text("subscribe", fields)
        case Unsubscribe(channel):
            return _text("unsubscribe", {"channel": channel})
        case Replay(id_, channel, labels, last):
            fields = {"id": id_, "channel": channel, "labels": _listed(labels), "last": last}
            return _text("replay", fields)
        case Pong(n):
            return _text("pong", {"n": n})


def decode(text: str | bytes) -> ServerFrame | None:
    """Read a frame from the server; return None for a type that this version does not know.

    Raises:
        ProtocolError: the frame is malformed; the text quotes it.
    """
    try:
        fields = json.loads(text)
        read = _READERS.get(fields["type"])
        return read(fields) if read else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        shown = text[:200]
        raise ProtocolError("bad_frame", f"malformed frame from the server: {shown!r}") from error


def _text(kind: str, fields: dict[str, Any]) -> str:
    text = json.dumps({"type": kind, **fields}, separators=(",", ":"))
    if "labels" in fields and len(text) > MAX_FRAME_BYTES:
        return _text(kind, {**fields, "labels": None}) if fields["labels"] else text
    return text


def _listed(labels: Labels) -> list[str] | None:
    return None if labels is None else sorted(labels)


def _subscribed(fields: dict[str, Any]) -> Subscribed:
    denied = tuple(fields.get("denied", ()))
    return Subscribed(
        fields["channel"],
        fields["epoch"],
        _offset(fields["offset"]),
        fields["recovered"],
        float(fields["spread"]),
        float(fields["heartbeat"]),
        denied,
        fields.get("hint"),
        _past(fields),
        None if fields.get("refresh") is None else float(fields["refresh"]),
        fields.get("ended") is True,
    )


def _messages(fields: dict[str, Any]) -> Messages:
    lost = [(label, _offset(offset)) for label, offset in fields.get("lost", ())]
    rows = [_row(row) for row in fields["messages"]]
    upto = _offset(fields["upto"])
    return Messages(fields["channel"], fields["epoch"], rows, upto, lost, _past(fields))


def _replayed(fields: dict[str, Any]) -> Replayed:
    rows = [_row(row) for row in fields["messages"]]
    upto, done = _offset(fields["upto"]), fields["done"] is True
    return Replayed(fields["id"], fields["channel"], fields["epoch"], rows, upto, done)


def _ping(fields: dict[str, Any]) -> Ping:
    upto = {channel: _offset(offset) for channel, offset in fields.get("upto", {}).items()}
    return Ping(fields["n"], upto)


def _error(fields: dict[str, Any]) -> Error:
    final = fields.get("final") is True
    ended = fields.get("ended") is True
    return Error(fields["code"], fields["reason"], fields.get("channel"), final, ended)


def _past(fields: dict[str, Any]) -> Past:
    return tuple(
        Ended(epoch, _offset(offset), None if end is None else _offset(end))
        for epoch, offset, end in fields.get("past", ())
    )


def _offset(value: Any) -> int:
    """Return an offset. A wrong one would lose messages silently."""
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def _row(row: Any) -> Row:
    offset, label, value, time = row
    return [_offset(offset), label, value, time]


_READERS: Mapping[str, Callable[[dict[str, Any]], ServerFrame]] = {
    "subscribed": _subscribed,
    "messages": _messages,
    "replayed": _replayed,
    "ping": _ping,
    "error": _error,
}
