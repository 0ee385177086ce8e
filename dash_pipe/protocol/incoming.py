"""Decode the frames that browsers send. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from ..errors import ProtocolError
from ..log.message import Labels, Position

MAX_NAME = 200  # characters of a channel or a label
MAX_LABELS = 32
MAX_LAST = 1000
_MAX_INTEGER = 2**53  # the largest integer that JavaScript counts to

Denied = frozenset[str | None]
"""The labels of a subscribe that are denied; ``None`` in it denies a subscribe to every label."""


@dataclass(frozen=True)
class Subscribe:
    """Subscribe to a channel, or change the labels of a subscription.

    Attributes:
        denied: the labels that the app has denied and the hub has removed; not on the wire.
        hint: request a hint if the labels have never had a message.
        refresh: the seconds until the page should get a fresh token; not on the wire.
        ended: the permission for these labels has ended, and no browser has sent this; not on the
            wire.
    """

    channel: str
    labels: Labels
    since: Position | None = None
    token: str | None = None
    denied: Denied = frozenset()
    hint: bool = False
    refresh: float | None = None
    ended: bool = False


@dataclass(frozen=True)
class Unsubscribe:
    """Unsubscribe from a channel."""

    channel: str


@dataclass(frozen=True)
class Replay:
    """Request the newest ``last`` messages of each label."""

    id: int
    channel: str
    labels: Labels
    last: int


@dataclass(frozen=True)
class Pong:
    """Answer the ping with the number ``n``."""

    n: int


ClientFrame = Subscribe | Unsubscribe | Replay | Pong
"""A frame of a browser."""


def decode(text: str) -> ClientFrame:
    """Decode a frame of a browser. Unknown fields are ignored.

    Raises:
        ProtocolError: the frame is invalid.
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
            labels, hint = _labels(fields, channel), fields.get("hint") is True
            return Subscribe(channel, labels, _since(fields), _token(fields), hint=hint)
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
        case "connection_triplet":
            raise _bad(
                "this is a frame of django-plotly-dash's Pipe, and the setting dpd_frames is off"
            )
    raise _bad("type is one of subscribe, unsubscribe, replay, pong")


def is_name(value: object) -> TypeGuard[str]:
    """Return whether a value can be the name of a channel or a label."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_NAME


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
