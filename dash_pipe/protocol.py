"""Version 1 of the wire format: frames in, frames out. Pure.

The contract is docs/protocol.md; tests/vectors/protocol.json holds examples of every frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from .errors import ProtocolError
from .log import Batch, Labels, Position

SUBPROTOCOL = "dash-pipe.v1"
MAX_FRAME_BYTES = 8 * 1024  # from a browser
MAX_BATCH_BYTES = 64 * 1024  # rows in one frame, and between two pings
MAX_NAME = 200  # characters of a channel or a label
MAX_LABELS = 32
MAX_CHANNELS = 128
MAX_REPLAYS = 128
MAX_PARKED = 512  # requests of a connection that wait for a log to be read
MAX_LAST = 1000
MAX_BAD_FRAMES = 16
CLOSE_TIMEOUT = 10.0  # seconds from our close to when the connection is dropped, answered or not
FINAL = frozenset({"denied", "too_many_labels", "too_many_channels"})  # for that subscription
_MAX_INTEGER = 2**53  # the largest integer that JavaScript counts to


MAX_REASON_BYTES = 123  # of a close: a control frame has 125


def close_reason(reason: str) -> str:
    """A reason as it fits into a websocket's close."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


Denied = frozenset[str | None]
"""The labels of a subscribe that are refused; ``None`` in it is a subscribe to every label."""


class Close(IntEnum):
    """Why the server closes a connection."""

    GOING_AWAY = 1001
    UNSUPPORTED = 1003
    NOT_TEXT = 1007
    TOO_LARGE = 1009
    RESTART = 1012
    TRY_LATER = 1013
    BAD_FRAMES = 4400
    UNAUTHORIZED = 4401
    ORIGIN = 4403
    VERSION = 4406
    NO_PONG = 4408


@dataclass(frozen=True)
class Subscribe:
    """Listen on a channel, or change the labels of one that is listened to.

    Attributes:
        denied: what the app has taken out of the labels; not on the wire.
    """

    channel: str
    labels: Labels
    since: Position | None = None
    token: str | None = None
    denied: Denied = frozenset()


@dataclass(frozen=True)
class Unsubscribe:
    """Stop listening on a channel."""

    channel: str


@dataclass(frozen=True)
class Replay:
    """Ask for the newest ``last`` messages of each label."""

    id: int
    channel: str
    labels: Labels
    last: int


@dataclass(frozen=True)
class Pong:
    """The answer to a ping."""

    n: int


Request = Subscribe | Unsubscribe | Replay | Pong


class Frame:
    """A frame for browsers: its text, and a place for a host to keep its encoded form.

    One frame goes to all who stand at the same place, so what it costs to encode is paid once.
    """

    __slots__ = ("text", "wire")

    def __init__(self, text: str) -> None:
        self.text = text
        self.wire: bytes | None = None


def decode(text: str) -> Request:
    """Read a frame from a browser. Fields that the protocol does not name are ignored.

    Raises:
        ProtocolError: with the code and the reason that the browser is told.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad("a frame is a JSON object; this one is not JSON") from None
    if not isinstance(fields, dict):
        raise _bad(f"a frame is a JSON object; this one is {_kind(fields)}")
    match fields.get("type"):
        case "subscribe":
            channel = _name(fields, "channel")
            return Subscribe(channel, _labels(fields, channel), _since(fields), _token(fields))
        case "unsubscribe":
            return Unsubscribe(_name(fields, "channel"))
        case "replay":
            channel = _name(fields, "channel")
            labels = _labels(fields, channel)
            return Replay(
                _integer(fields, "id"), channel, labels, _integer(fields, "last", 1, MAX_LAST)
            )
        case "pong":
            return Pong(_integer(fields, "n"))
    raise _bad("type is one of subscribe, unsubscribe, replay, pong")


def is_name(value: object) -> bool:
    """Whether a value can be the name of a channel or a label."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_NAME


def subscribed(
    channel: str,
    at: Position,
    *,
    recovered: bool | None,
    denied: Denied,
    spread: float,
    heartbeat: float,
) -> Frame:
    """The answer to a subscribe; ``at`` is the head at that moment."""
    return _frame(
        type="subscribed",
        channel=channel,
        epoch=at.epoch,
        offset=at.offset,
        recovered=recovered,
        spread=spread,
        heartbeat=heartbeat,
        **({"denied": sorted(filter(None, denied))} if denied else {}),
    )


def messages(channel: str, batch: Batch) -> Frame:
    """The rows of a batch; the same for every listener at the same place."""
    head = f'{{"type":"messages","channel":{json.dumps(channel)},"epoch":{json.dumps(batch.epoch)}'
    lost = f',"lost":{json.dumps([list(row) for row in batch.lost])}' if batch.lost else ""
    return Frame(f'{head},"messages":[{",".join(batch.rows)}],"upto":{batch.upto}{lost}}}')


def replayed(request: Replay, at: Position, rows: Iterable[str], *, done: bool) -> Frame:
    """A part of the answer to a replay; ``at`` is the head at the moment of the request."""
    return Frame(
        f'{{"type":"replayed","id":{request.id},"channel":{json.dumps(request.channel)},'
        f'"epoch":{json.dumps(at.epoch)},"messages":[{",".join(rows)}],"upto":{at.offset},'
        f'"done":{"true" if done else "false"}}}'
    )


def ping(n: int, upto: Mapping[str, int] | None = None) -> Frame:
    """A heartbeat, or the end of what may be sent before the browser answers."""
    return _frame(type="ping", n=n, **({"upto": upto} if upto else {}))


def error(problem: ProtocolError) -> Frame:
    """What the browser is told of a frame that was refused."""
    about: dict[str, Any] = {} if problem.channel is None else {"channel": problem.channel}
    if problem.code in FINAL:
        about["final"] = True
    return _frame(type="error", code=problem.code, reason=problem.reason, **about)


def _frame(**fields: Any) -> Frame:
    return Frame(json.dumps(fields, separators=(",", ":")))


def _bad(reason: str) -> ProtocolError:
    return ProtocolError("bad_frame", reason)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    kinds |= {int: "a number", float: "a number", type(None): "null"}
    return kinds[type(value)]


def _name(fields: Mapping[str, Any], field: str) -> str:
    value = fields.get(field)
    if not is_name(value):
        raise _bad(f"{field} is a string of 1 to {MAX_NAME} characters")
    return str(value)


def _integer(fields: Mapping[str, Any], field: str, low: int = 0, high: int = _MAX_INTEGER) -> int:
    value = fields.get(field)
    if type(value) is not int or not low <= value <= high:
        raise _bad(f"{field} is a whole number from {low} to {high}")
    return value


def _labels(fields: Mapping[str, Any], channel: str) -> Labels:
    labels = fields.get("labels")
    if labels is None and "labels" in fields:
        return None
    if not isinstance(labels, list) or not all(is_name(label) for label in labels):
        raise _bad(f"labels is null or a list of strings of 1 to {MAX_NAME} characters")
    if len(labels) > MAX_LABELS:
        reason = f"a subscription names at most {MAX_LABELS} labels; this one has {len(labels)}"
        raise ProtocolError("too_many_labels", reason, channel)
    return frozenset(labels)


def _since(fields: Mapping[str, Any]) -> Position | None:
    since = fields.get("since")
    if since is None:
        return None
    if not isinstance(since, dict):
        raise _bad("since is an object of epoch and offset")
    return Position(_name(since, "epoch"), _integer(since, "offset"))


def _token(fields: Mapping[str, Any]) -> str | None:
    token = fields.get("token")
    if token is not None and not isinstance(token, str):
        raise _bad("token is a string")
    return token
