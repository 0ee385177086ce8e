"""Decode and encode the frames of version 1; hold its limits and close codes. Pure.

The contract is docs/protocol.md; tests/vectors/protocol.json has examples of every frame.
"""

from __future__ import annotations

from .handshake import Rejection, choose_subprotocol, version_rejection
from .incoming import (
    MAX_LABELS,
    MAX_LAST,
    MAX_NAME,
    ClientFrame,
    Denied,
    Pong,
    Replay,
    Subscribe,
    Unsubscribe,
    decode,
    is_name,
)
from .outgoing import (
    CLOSE_TIMEOUT,
    FINAL,
    MAX_BAD_FRAMES,
    MAX_BATCH_BYTES,
    MAX_CHANNELS,
    MAX_FRAME_BYTES,
    MAX_PARKED,
    MAX_REASON_BYTES,
    MAX_REPLAYS,
    SUBPROTOCOL,
    Close,
    Frame,
    close_reason,
    error,
    messages,
    ping,
    replayed,
    subscribed,
)

__all__ = [
    "CLOSE_TIMEOUT",
    "FINAL",
    "MAX_BAD_FRAMES",
    "MAX_BATCH_BYTES",
    "MAX_CHANNELS",
    "MAX_FRAME_BYTES",
    "MAX_LABELS",
    "MAX_LAST",
    "MAX_NAME",
    "MAX_PARKED",
    "MAX_REASON_BYTES",
    "MAX_REPLAYS",
    "SUBPROTOCOL",
    "ClientFrame",
    "Close",
    "Denied",
    "Frame",
    "Pong",
    "Rejection",
    "Replay",
    "Subscribe",
    "Unsubscribe",
    "choose_subprotocol",
    "close_reason",
    "decode",
    "error",
    "is_name",
    "messages",
    "ping",
    "replayed",
    "subscribed",
    "version_rejection",
]
