"""Agree on a version of the protocol when a websocket opens. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .outgoing import SUBPROTOCOL, Close

Rejection = tuple[Close, str]
"""Why a browser may not stay. It is told by the close code: it can't read a failed handshake"""


def choose_subprotocol(offered: Sequence[str]) -> str | None:
    """Choose ours; else the first that is offered, so that the browser stays to read the close."""
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    return offered[0] if offered else None


def version_rejection(chosen: str | None) -> Rejection | None:
    """Reject a browser that offered subprotocols, but none of ours.

    One that offered none is taken to speak version 1.
    """
    if chosen in (None, SUBPROTOCOL):
        return None
    return Close.VERSION, f"this server speaks {SUBPROTOCOL}"
