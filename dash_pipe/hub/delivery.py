"""Bringing messages out to a session, as far as flow control lets them. No sockets, no tasks."""

from __future__ import annotations

from collections.abc import Callable

from .. import protocol
from ..log import Batch, Labels, Position
from ..protocol import MAX_BATCH_BYTES, Frame
from .session import Session, Subscription

Shared = dict[tuple[Position, Labels], tuple[Batch, Frame | None]]
"""What was read for a place on one channel, so that all who stand there share it."""


class Delivery:
    """Sends what sessions have not had, and the pings that are owed after enough of it.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def deliver(
        self, session: Session, channel: str, subscription: Subscription, shared: Shared
    ) -> bool:
        """Send what a session has not had of a channel, as far as it may; true if it was any."""
        log = subscription.log
        delivered = False
        while subscription.placed and session.may_send and subscription.at != log.end:
            at, labels = place = (subscription.at, subscription.labels)
            if place not in shared:
                batch = log.read(at.offset, labels, MAX_BATCH_BYTES, at.epoch)
                frame = None
                if batch.rows or batch.lost or batch.epoch != at.epoch:
                    frame = protocol.messages(channel, batch)
                shared[place] = (batch, frame)
            batch, frame = shared[place]
            subscription.at = Position(batch.epoch, batch.upto)
            if frame is not None:
                subscription.told = batch.upto
                self._send(session, frame)
                delivered = True
        return delivered

    def replay(self, session: Session) -> None:
        """Send the replays that wait, as far as it may."""
        while session.replays and session.may_send:
            replay = session.replays[0]
            rows, done = replay.next_rows()
            if done:
                session.replays.popleft()
            self._send(session, protocol.replayed(replay.request, replay.at, rows, done=done))

    def resume(self, session: Session) -> None:
        """Send what waited for a pong. The channel that was served last comes last next time."""
        self.replay(session)
        for channel, subscription in list(session.subscriptions.items()):
            if not session.may_send:
                return
            if self.deliver(session, channel, subscription, {}):
                session.subscriptions[channel] = session.subscriptions.pop(channel)

    def ping(self, session: Session) -> int:
        """Ask for a sign of life, and tell how far the browser stands; return the ping's number."""
        n = session.next_ping(self._clock())
        session.transport.send(protocol.ping(n, dict(session.untold())))
        return n

    def _send(self, session: Session, frame: Frame) -> None:
        session.transport.send(frame)
        if session.sent(len(frame.text)):
            session.awaited = self.ping(session)
