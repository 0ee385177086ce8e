"""Encode the frames that the server sends; hold the limits and close codes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from ..errors import ProtocolError
from ..log.content import Batch
from ..log.message import Position
from ..log.past import Past
from .incoming import Denied, Replay

SUBPROTOCOL = "dash-pipe.v1"
MAX_FRAME_BYTES = 8 * 1024  # from a browser
MAX_BATCH_BYTES = 64 * 1024  # rows in one frame, and between two pings
MAX_CHANNELS = 128
MAX_REPLAYS = 128
MAX_PARKED = 512  # frames of a connection that wait for a log, or for authorize()
MAX_BAD_FRAMES = 16
COMMAND_CHANNEL = "dash_pipe.commands"  # between processes; not for pages
CLOSE_TIMEOUT = 10.0  # seconds until a connection that we close is dropped, answered or not
FINAL = frozenset({"denied", "too_many_labels", "too_many_channels"})  # a retry fails again
MAX_REASON_BYTES = 123  # in a close frame, which has 125 bytes with the code


def close_reason(reason: str) -> str:
    """Cut a reason to what fits into the close frame of a websocket."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


class Close(IntEnum):
    """The codes with which the server closes a connection."""

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
    """A frame for browsers: its text, and its bytes once a transport has encoded them.

    One frame is sent to all sessions at the same position, so it is encoded once.
    """

    __slots__ = ("text", "websocket_bytes")

    def __init__(self, text: str) -> None:
        self.text = text
        self.websocket_bytes: bytes | None = None


class MessagesFrame(Frame):
    """A frame of messages, with its rows for a transport that sends them otherwise."""

    __slots__ = ("channel", "rows")

    def __init__(self, text: str, channel: str, rows: Sequence[str]) -> None:
        super().__init__(text)
        self.channel = channel
        self.rows = rows


class PingFrame(Frame):
    """A ping, with its number."""

    __slots__ = ("n",)

    def __init__(self, text: str, n: int) -> None:
        super().__init__(text)
        self.n = n


def subscribed(
    channel: str,
    head: Position,
    *,
    recovered: bool | None,
    denied: Denied,
    spread: float,
    heartbeat: float,
    hint: str | None = None,
    past: Past = (),
    refresh: float | None = None,
    ended: bool = False,
) -> Frame:
    """Answer a subscribe, or tell which labels have ``ended``; ``head`` is the newest position."""
    named = sorted(filter(None, denied))
    return _frame(
        type="subscribed",
        channel=channel,
        epoch=head.epoch,
        offset=head.offset,
        recovered=recovered,
        spread=spread,
        heartbeat=heartbeat,
        **({"denied": named} if named else {}),
        **({} if hint is None else {"hint": hint}),
        **({"past": past} if past else {}),
        **({} if refresh is None else {"refresh": refresh}),
        **({"ended": True} if ended else {}),
    )


def messages(channel: str, batch: Batch) -> MessagesFrame:
    """Encode a batch. The frame is the same for all sessions at the same position and labels."""
    start = f'{{"type":"messages","channel":{json.dumps(channel)},"epoch":{json.dumps(batch.epoch)}'
    lost = f',"lost":{json.dumps([list(row) for row in batch.lost])}' if batch.lost else ""
    past = f',"past":{json.dumps(batch.past)}' if batch.past else ""
    text = f'{start},"messages":[{",".join(batch.rows)}],"upto":{batch.upto}{lost}{past}}}'
    return MessagesFrame(text, channel, batch.rows)


def replayed(replay: Replay, head: Position, rows: Iterable[str], *, done: bool) -> Frame:
    """Answer a replay, in part if not ``done``; ``head`` is the newest position at the request."""
    return Frame(
        f'{{"type":"replayed","id":{replay.id},"channel":{json.dumps(replay.channel)},'
        f'"epoch":{json.dumps(head.epoch)},"messages":[{",".join(rows)}],"upto":{head.offset},'
        f'"done":{"true" if done else "false"}}}'
    )


def ping(n: int, upto: Mapping[str, int] | None = None) -> PingFrame:
    """Send a heartbeat; or, for flow control, request a pong before more messages are sent.

    ``upto`` has the offsets of channels where messages for other labels were skipped.
    """
    return PingFrame(_text(type="ping", n=n, **({"upto": upto} if upto else {})), n)


def error(problem: ProtocolError, *, ended: bool = False) -> Frame:
    """Tell the browser what is wrong with its frame, or that its subscription has ``ended``."""
    about: dict[str, Any] = {} if problem.channel is None else {"channel": problem.channel}
    if problem.code in FINAL:
        about["final"] = True
    if ended:
        about["ended"] = True
    return _frame(type="error", code=problem.code, reason=problem.reason, **about)


def _frame(**fields: Any) -> Frame:
    return Frame(_text(**fields))


def _text(**fields: Any) -> str:
    return json.dumps(fields, separators=(",", ":"))
