"""One browser's connection as the hub knows it: where it listens, where it stands, what it owes.

Pure state and the decisions that need nothing else; the hub acts on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..log import NOWHERE, Labels, Log, Message, Position
from ..protocol import MAX_BATCH_BYTES, Close, Frame, Replay, Subscribe, Unsubscribe

if TYPE_CHECKING:
    from .authorization import Authorize

ChannelFrame = Subscribe | Unsubscribe | Replay


class Transport(Protocol):
    """The way out to one browser; a host provides it. Called on the hub's loop alone."""

    def send(self, frame: Frame) -> None:
        """Send a frame. Never waits and never raises, also when the browser is gone."""

    def close(self, code: Close, reason: str) -> None:
        """Close the connection. What was sent before still goes out."""


@dataclass(slots=True)
class Subscription:
    """A connection's place on one channel.

    A subscription waits until what its log mirrors was looked at: it has no place before that,
    and the requests about it are answered afterwards, in their order.

    Attributes:
        at: the position up to which the server has dealt with this listener.
        told: the offset that the browser knows of; lags when others' labels were skipped.
        due: the refresh of the log that it waits for; see ``Broker.refresh``.
        parked: the requests that wait for it.
    """

    log: Log
    labels: Labels = None
    at: Position = NOWHERE
    told: int = 0
    due: int = 0
    parked: list[ChannelFrame] = field(default_factory=list)

    @property
    def placed(self) -> bool:
        """Whether it has a place from which messages can be read."""
        return self.at != NOWHERE

    @property
    def waits(self) -> bool:
        """Whether a further frame about it has to be parked."""
        return bool(self.parked) or self.log.refreshed < self.due


@dataclass(slots=True)
class PendingReplay:
    """A replay whose turn has not come yet, or that flow control holds back in part.

    While others are before it nothing is looked for: so a connection holds the messages of one.

    Attributes:
        at: the head when it was asked for.
    """

    request: Replay
    log: Log
    at: Position
    _found: deque[Message] | None = None

    def next_rows(self) -> tuple[list[str], bool]:
        """Take the rows of one frame; true when they are the last.

        When the log has begun anew there are none: all of it is news to whoever asked.
        """
        if self._found is None:
            self._found = deque(self.log.newest(self.request.labels, self.request.last, self.at))
        if self.at.epoch != self.log.epoch:
            self.at = self.log.end
            self._found.clear()
        rows: list[str] = []
        size = 0
        while self._found:
            size += self._found[0].size
            if rows and size > MAX_BATCH_BYTES:
                return rows, False
            rows.append(self._found.popleft().row)
        return rows, True


@dataclass(eq=False, slots=True)
class Session:
    """One connection.

    After ``MAX_BATCH_BYTES`` of messages it owes a ping, and nothing more is sent until the
    pong: so what waits in buffers for a slow browser is bounded by this, whatever the server.

    Attributes:
        awaited: the ``n`` of the ping that holds messages back, if one does.
        asked_at: when the oldest unanswered ping was sent.
        pending_authorization: the subscribe that waits for ``authorize``, if one does.
        inbox: the frames that came meanwhile.
        parked: how many requests wait in its subscriptions.
    """

    transport: Transport
    authorize: Authorize
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    replays: deque[PendingReplay] = field(default_factory=deque)
    awaited: int | None = None
    asked_at: float | None = None
    bad_frames: int = 0
    pending_authorization: Subscribe | None = None
    inbox: deque[str] = field(default_factory=deque)
    parked: int = 0
    _pings: int = 0
    _unacknowledged: int = 0

    @property
    def may_send(self) -> bool:
        """Whether messages may be sent now."""
        return self.awaited is None

    def next_ping(self, now: float) -> int:
        """Number a ping that goes out now."""
        self._pings += 1
        if self.asked_at is None:
            self.asked_at = now
        return self._pings

    def sent(self, size: int) -> bool:
        """Account for messages sent; true when a ping is owed before more may follow."""
        self._unacknowledged += size
        return self._unacknowledged >= MAX_BATCH_BYTES

    def answered(self, n: int) -> bool:
        """Take a pong; true when messages may flow again."""
        if n != self._pings:
            return False
        self.asked_at = None
        self._unacknowledged = 0
        held, self.awaited = self.awaited is not None, None
        return held

    def silent_since(self, moment: float) -> bool:
        """Whether a ping sent at that moment or before is still unanswered."""
        return self.asked_at is not None and self.asked_at <= moment

    def untold(self) -> Iterator[tuple[str, int]]:
        """The channels on which the browser stands further than it knows, and mark them told."""
        for channel, subscription in self.subscriptions.items():
            if subscription.told != subscription.at.offset:
                subscription.told = subscription.at.offset
                yield channel, subscription.told
