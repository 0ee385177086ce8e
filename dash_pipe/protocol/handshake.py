"""Agree on a version of the protocol when a websocket opens. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .outgoing import SUBPROTOCOL, Close

Rejection = tuple[Close, str]
"""The code and reason of a close. A browser can't read the answer to a failed handshake."""


def choose_subprotocol(offered: Sequence[str]) -> str | None:
    """Choose ours; else the first that is offered, so that the browser can read the close code."""
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    return offered[0] if offered else None


def version_rejection(chosen: str | None) -> Rejection | None:
    """Return a rejection if the browser offered subprotocols, but not ours.

    A client that offers none is taken to speak version 1.
    """
    if chosen in (None, SUBPROTOCOL):
        return None
    return Close.VERSION, f"this server speaks {SUBPROTOCOL}"
