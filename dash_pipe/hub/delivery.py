"""Send messages to a session, as far as flow control lets it. No sockets, no tasks."""

from __future__ import annotations

from collections.abc import Callable

from .. import protocol
from ..log import Batch, Labels, Position
from ..protocol import MAX_BATCH_BYTES, Frame
from .session import PendingReplay, Session, Subscription

Shared = dict[tuple[Position, Labels], tuple[Batch, Frame | None]]
"""The batches of one channel by position and labels, for all sessions that are there."""


class Delivery:
    """Send sessions the messages they are missing, and the pings of flow control.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def deliver(
        self, session: Session, channel: str, subscription: Subscription, shared: Shared
    ) -> bool:
        """Send the session the messages it is missing on a channel, up to the flow-control limit.

        Return True if any were sent.
        """
        log = subscription.log
        delivered = False
        while subscription.has_position and session.may_send and subscription.position != log.end:
            batch, frame = _read(channel, subscription, shared)
            subscription.position = Position(batch.epoch, batch.upto)
            if frame is not None:
                subscription.announced = batch.upto
                self._send(session, frame)
                delivered = True
        return delivered

    def replay(self, session: Session) -> None:
        """Send the replays that wait, up to the flow-control limit."""
        while session.replays and session.may_send:
            replay = session.replays[0]
            if not self._agree(session, replay):
                continue
            rows, done = replay.next_rows()
            if done:
                session.replays.popleft()
            self._send(session, protocol.replayed(replay.frame, replay.head, rows, done=done))

    def resume(self, session: Session) -> None:
        """Send what waited for a pong. The channel that is served goes to the end of the queue."""
        self.replay(session)
        for channel, subscription in list(session.subscriptions.items()):
            if not session.may_send:
                return
            if self.deliver(session, channel, subscription, {}):
                session.subscriptions[channel] = session.subscriptions.pop(channel)

    def ping(self, session: Session) -> int:
        """Send a ping with the offsets that the browser does not know; return its number."""
        n = session.next_ping(self._clock())
        session.transport.send(protocol.ping(n, dict(session.take_unannounced())))
        return n

    def _agree(self, session: Session, replay: PendingReplay) -> bool:
        """Return whether a replay has the epoch that the browser knows. Otherwise work on it.

        The browser is told of another epoch by ``messages``, before the replay goes on in it.
        """
        channel = replay.frame.channel
        subscription = session.subscriptions.get(channel)
        if subscription is None or not subscription.has_position:
            return True  # it was for a subscription that has ended
        if subscription.position.epoch != subscription.log.epoch:
            self.deliver(session, channel, subscription, {})
        elif subscription.position.epoch != replay.head.epoch:
            replay.enter(subscription.position.epoch, subscription.log.past)
        else:
            return True
        return False

    def _send(self, session: Session, frame: Frame) -> None:
        session.transport.send(frame)
        if session.count_sent(len(frame.text)):
            session.awaited_pong = self.ping(session)


def _read(channel: str, subscription: Subscription, shared: Shared) -> tuple[Batch, Frame | None]:
    """Read the next batch at a subscription's position. The frame is None if it says nothing."""
    position, labels = key = (subscription.position, subscription.labels)
    found = shared.get(key)
    if found is None:
        batch = subscription.log.read(position.offset, labels, MAX_BATCH_BYTES, position.epoch)
        frame = None
        if batch.rows or batch.lost or batch.epoch != position.epoch:
            frame = protocol.messages(channel, batch)
        found = shared[key] = (batch, frame)
    return found
