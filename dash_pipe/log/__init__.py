"""The log of a channel: its newest messages, the newest of each label, and what was lost. Pure."""

from __future__ import annotations

from .content import Batch, Snapshot
from .limits import Limits
from .log import Log
from .message import NO_HISTORY, NOWHERE, Labels, Lost, Message, Position
from .past import MAX_PAST, Ended, Loss, Past, graft, inherit, raise_ends, translate

__all__ = [
    "MAX_PAST",
    "NOWHERE",
    "NO_HISTORY",
    "Batch",
    "Ended",
    "Labels",
    "Limits",
    "Log",
    "Loss",
    "Lost",
    "Message",
    "Past",
    "Position",
    "Snapshot",
    "graft",
    "inherit",
    "raise_ends",
    "translate",
]
