"""State the outcome of a subscribe, for the hub to answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .. import protocol
from ..log import Past, Position
from ..protocol import Denied, Frame


@dataclass(frozen=True)
class Subscribed:
    """The outcome of a subscribe.

    Attributes:
        head: the newest position of the channel at that moment.
        recovered: see docs/protocol.md.
        is_new: the channel was not subscribed before, so its messages have to be sent.
        hint: see docs/protocol.md; None if it was not requested.
        past: the earlier epochs of the log.
        gap: the cause of a loss between epochs; empty if there is none. ``lost`` of the messages
            that follow tells of the others.
        refresh: the seconds until the page should get a fresh token; None if it can't.
        ended: no browser has asked: the permission for the denied labels has ended.
    """

    channel: str
    head: Position
    recovered: bool | None
    denied: Denied
    is_new: bool
    hint: str | None
    past: Past
    gap: str
    refresh: float | None
    ended: bool

    def frame(self, spread: float, heartbeat: float) -> Frame:
        """Return the answer to the browser.

        Args:
            spread: see docs/protocol.md.
            heartbeat: seconds between two pings.
        """
        return protocol.subscribed(
            self.channel,
            self.head,
            recovered=self.recovered,
            denied=self.denied,
            spread=spread,
            heartbeat=heartbeat,
            hint=self.hint,
            past=self.past,
            refresh=self.refresh,
            ended=self.ended,
        )
