"""State the errors after which a hub disconnects a session."""

from __future__ import annotations

from ..protocol import Close


class DisconnectError(Exception):
    """The session has to be disconnected.

    Args:
        reason: what its page is told.
        code: what its page does then.
    """

    def __init__(self, reason: str, code: Close = Close.TRY_LATER) -> None:
        super().__init__(reason)
        self.code = code


class TooManyOpenedError(DisconnectError):
    """A session has opened channels faster than ``OpeningPace`` allows."""
