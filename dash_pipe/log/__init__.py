"""The log of a channel: its newest messages, the newest of each label, and what was lost. Pure."""

from __future__ import annotations

from .limits import Limits
from .log import Log
from .message import NO_HISTORY, NOWHERE, Batch, Labels, Lost, Message, Position, Snapshot

__all__ = [
    "NOWHERE",
    "NO_HISTORY",
    "Batch",
    "Labels",
    "Limits",
    "Log",
    "Lost",
    "Message",
    "Position",
    "Snapshot",
]
