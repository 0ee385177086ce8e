"""Send messages to a session, as far as flow control lets it. No sockets, no tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .. import protocol
from ..log import NO_HISTORY, Batch, Labels, Loss, Position, translate
from ..protocol import MAX_BATCH_BYTES, Frame
from ..telemetry.traffic import Traffic
from .gap import gap_cause
from .pending_replay import PendingReplay
from .session import Session, Subscription


class SharedBatch(NamedTuple):
    """A batch for all sessions at one position with the same labels.

    Attributes:
        upto: their position after it.
        frame: None if it says nothing.
        messages: the number of its messages.
        gap: the cause of a loss that it tells of; mostly empty.
    """

    upto: Position
    frame: Frame | None
    messages: int
    gap: str


Shared = dict[tuple[Position, Labels], SharedBatch]
"""The batches of one channel by position and labels."""


class Delivery:
    """Send sessions the messages they are missing, and the pings of flow control.

    Args:
        clock: seconds that only go forward.
        traffic: counts what is sent.
        obey: executes the commands that have come. Called between reading and sending: what was
            read may have been sent after one, by another thread.
    """

    def __init__(
        self, clock: Callable[[], float], traffic: Traffic, obey: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._traffic = traffic
        self._obey = obey

    def deliver(
        self, session: Session, channel: str, subscription: Subscription, shared: Shared
    ) -> bool:
        """Send the session the messages it is missing on a channel, up to the flow-control limit.

        Return True if any were sent.
        """
        log = subscription.log
        delivered = False
        while subscription.has_position and session.may_send and subscription.position != log.end:
            if subscription.is_held(self._clock()):
                break
            known = len(shared)
            upto, frame, messages, gap = _read(channel, subscription, shared)
            if len(shared) != known:
                self._obey()
                continue  # it may be held or have ended now; otherwise the batch is taken
            subscription.position = upto
            if frame is not None:
                subscription.announced = upto.offset
                self._send(session, frame, messages)
                delivered = True
            if gap:
                self._traffic.gap(gap)
        return delivered

    def replay(self, session: Session) -> None:
        """Send the replays that wait, up to the flow-control limit."""
        if session.replays:
            self._obey()  # after their heads, above which they have nothing
        while session.may_send and (number := self._next_replay(session)) is not None:
            replay = session.replays[number]
            if not self._agree(session, replay):
                continue
            rows, done = replay.next_rows()
            if done:
                del session.replays[number]
            frame = protocol.replayed(replay.frame, replay.head, rows, done=done)
            self._send(session, frame, len(rows))

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

    def _next_replay(self, session: Session) -> int | None:
        """Return the number of the first replay whose permission has not ended."""
        for number, replay in enumerate(session.replays):
            subscription = session.subscriptions.get(replay.frame.channel)
            if subscription is None or not subscription.is_held(self._clock()):
                return number
        return None

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

    def _send(self, session: Session, frame: Frame, messages: int) -> None:
        session.transport.send(frame)
        size = len(frame.text)
        self._traffic.messages_sent += messages
        self._traffic.bytes_sent += size
        if session.count_sent(size):
            session.awaited_pong = self.ping(session)


def _read(channel: str, subscription: Subscription, shared: Shared) -> SharedBatch:
    """Read the next batch at a subscription's position."""
    position, labels = key = (subscription.position, subscription.labels)
    found = shared.get(key)
    if found is None:
        batch = subscription.log.read(position.offset, labels, MAX_BATCH_BYTES, position.epoch)
        frame, gap = None, ""
        if batch.rows or batch.lost or batch.epoch != position.epoch:
            frame, gap = protocol.messages(channel, batch), _gap(position, batch)
        upto = Position(batch.epoch, batch.upto)
        found = shared[key] = SharedBatch(upto, frame, len(batch.rows), gap)
    return found


def _gap(position: Position, batch: Batch) -> str:
    """Return the cause of the loss that a batch tells of."""
    loss = Loss.NONE
    if batch.epoch != position.epoch and not batch.epoch.startswith(NO_HISTORY):
        _, loss = translate(batch.past, position)
    return gap_cause(loss, batch.lost)
