"""Version 1 of the wire format: its bounds, its codes, frames out; ``request`` has frames in. Pure.

The contract is docs/protocol.md; tests/vectors/protocol.json holds examples of every frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from ..errors import ProtocolError
from ..log.message import Batch, Position
from .incoming import Denied, Replay

SUBPROTOCOL = "dash-pipe.v1"
MAX_FRAME_BYTES = 8 * 1024  # from a browser
MAX_BATCH_BYTES = 64 * 1024  # rows in one frame, and between two pings
MAX_CHANNELS = 128
MAX_REPLAYS = 128
MAX_PARKED = 512  # requests of a connection that wait for a log to be read
MAX_BAD_FRAMES = 16
CLOSE_TIMEOUT = 10.0  # seconds from our close to when the connection is dropped, answered or not
FINAL = frozenset({"denied", "too_many_labels", "too_many_channels"})  # for that subscription
MAX_REASON_BYTES = 123  # of a close: a control frame has 125


def close_reason(reason: str) -> str:
    """A reason as it fits into a websocket's close."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


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


class Frame:
    """A frame for browsers: its text, and a place for a host to keep its encoded form.

    One frame goes to all who stand at the same place, so what it costs to encode is paid once.
    """

    __slots__ = ("text", "websocket_bytes")

    def __init__(self, text: str) -> None:
        self.text = text
        self.websocket_bytes: bytes | None = None


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
