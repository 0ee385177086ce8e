"""Hold the state of one connection: where it listens, its positions, the pong it owes.

Pure: the hub acts on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ..log import NOWHERE, Labels, Log, Loss, Past, Position, translate
from ..protocol import MAX_BATCH_BYTES, Close, Frame, Replay, Subscribe, Unsubscribe
from ..telemetry.bucket import Bucket
from .authorization import Outcome, Pending
from .opening_pace import OpeningPace
from .pending_replay import PendingReplay

ChannelFrame = Subscribe | Unsubscribe | Replay
"""The frames of a browser that are about a channel."""

Authorize = Callable[["Session", Subscribe], Outcome | Pending]
"""Authorize a subscribe. Return ``Pending`` if ``Hub.resolve_authorization`` gets the outcome.

A ``ProtocolError`` that it raises is sent to the browser.
"""


Renew = Callable[["Grant"], None]
"""Have ``authorize`` called again for a grant; ``Hub.resolve_renewal`` gets the outcome."""


class Transport(Protocol):
    """Carry frames to one browser. Called by the hub alone."""

    def send(self, frame: Frame) -> None:
        """Send a frame. Never waits and never raises, also when the browser is gone."""

    def close(self, code: Close, reason: str) -> None:
        """Close the connection. What was sent before still goes out."""


@dataclass(eq=False, slots=True)
class Grant:
    """A permission that is in use, for which ``authorize`` is called again.

    Attributes:
        subscribe: the frame, with the labels that are permitted.
        ends_at: the time on the hub's clock from which on nothing is sent for it.
        ask_at: when ``authorize`` is called again.
        tries: the calls in a row that brought no answer.
        is_over: another grant has taken its position, or the subscription has ended.
    """

    session: Session
    subscribe: Subscribe
    ends_at: float
    ask_at: float
    tries: int = 0
    is_over: bool = False


@dataclass(slots=True)
class Subscription:
    """A session's position on one channel.

    It has no position until its log was refreshed, if the log is a mirror that may lag behind.
    Until then the frames about it are parked.

    Attributes:
        position: the session has been sent everything up to here, as far as its labels go.
        announced: the offset that the browser knows of. It lags behind ``position`` when messages
            for other labels were skipped.
        refresh_due: the refresh of the log that it waits for; see ``Broker.refresh``.
        parked: the frames that wait for the refresh, in their order.
        grant: the permission; None if it has no end.
    """

    log: Log
    labels: Labels = None
    position: Position = NOWHERE
    announced: int = 0
    refresh_due: int = 0
    parked: list[ChannelFrame] = field(default_factory=list)
    grant: Grant | None = None

    @property
    def has_position(self) -> bool:
        """Return whether messages can be read for it."""
        return self.position != NOWHERE

    @property
    def waits(self) -> bool:
        """Return whether a further frame about it has to be parked."""
        return bool(self.parked) or self.log.refreshed < self.refresh_due

    def is_held(self, now: float) -> bool:
        """Return whether its permission has ended, and no answer of the app has renewed it."""
        return self.grant is not None and now >= self.grant.ends_at

    def take_grant(self, grant: Grant | None) -> None:
        """Replace its permission."""
        if self.grant is not None:
            self.grant.is_over = True
        self.grant = grant

    def enter(self, epoch: str, past: Past) -> Loss:
        """Translate its position into the epoch, of which the browser is told; return the loss."""
        if self.position.epoch == epoch:
            return Loss.NONE
        offset, loss = translate(past, self.position)
        self.position = Position(epoch, offset)
        self.announced = min(self.announced, offset)
        return loss


@dataclass(eq=False, slots=True)
class Session:
    """One connection of a browser.

    After ``MAX_BATCH_BYTES`` of messages it is sent a ping, and no more messages until the pong.
    That bounds what waits in buffers for a slow browser, whatever the server.

    Attributes:
        authorize: called for each subscribe.
        frames: counts those of the browser.
        renew: called for each permission in use that has to be renewed; None if none has.
        awaited_pong: the number of the ping that holds messages back, if one does.
        ping_sent_at: when the oldest unanswered ping was sent.
        pending_authorization: the subscribe that waits for its authorization, if one does.
        inbox: the frames that came meanwhile.
        parked: the number of frames that are parked in the subscriptions.
        pace: counts the channels that it opens.
        user: the name of its user, if the app has told it.
        is_revoked: a permission was revoked while its authorization was pending.
        alive_until: until then an unanswered ping does not end it: something else shows that the
            browser is there.
    """

    transport: Transport
    authorize: Authorize
    renew: Renew | None = None
    frames: Bucket = field(default_factory=lambda: Bucket(0.0))
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    replays: deque[PendingReplay] = field(default_factory=deque)
    awaited_pong: int | None = None
    ping_sent_at: float | None = None
    bad_frames: int = 0
    pending_authorization: Subscribe | None = None
    inbox: deque[str] = field(default_factory=deque)
    parked: int = 0
    pace: OpeningPace = field(default_factory=OpeningPace)
    user: str | None = None
    is_revoked: bool = False
    alive_until: float = float("-inf")
    _pings: int = 0
    _unacknowledged: int = 0

    @property
    def may_send(self) -> bool:
        """Return whether flow control lets messages be sent now."""
        return self.awaited_pong is None

    def next_ping(self, now: float) -> int:
        """Return the number of a ping that is sent now."""
        self._pings += 1
        if self.ping_sent_at is None:
            self.ping_sent_at = now
        return self._pings

    def count_sent(self, size: int) -> bool:
        """Count messages that were sent. Return True if a ping has to follow."""
        self._unacknowledged += size
        return self._unacknowledged >= MAX_BATCH_BYTES

    def take_pong(self, n: int) -> bool:
        """Take a pong. Return True if it lets messages flow again."""
        if n != self._pings:
            return False
        self.ping_sent_at = None
        self._unacknowledged = 0
        held, self.awaited_pong = self.awaited_pong is not None, None
        return held

    def unanswered_since(self, moment: float) -> bool:
        """Return whether a ping that was sent at that moment or before is still unanswered."""
        return self.ping_sent_at is not None and self.ping_sent_at <= moment

    def restrict_replays(self, channel: str) -> None:
        """Leave labels that a subscription has lost out of its replays; all if it has ended."""
        subscription = self.subscriptions.get(channel)
        if subscription is None:
            self.replays = deque(each for each in self.replays if each.frame.channel != channel)
            return
        for replay in self.replays:
            if replay.frame.channel == channel:
                replay.restrict(subscription.labels)

    def take_unannounced(self) -> Iterator[tuple[str, int]]:
        """Yield the channels whose offset the browser does not know, and mark it as announced."""
        for channel, subscription in self.subscriptions.items():
            if subscription.announced != subscription.position.offset:
                subscription.announced = subscription.position.offset
                yield channel, subscription.announced
