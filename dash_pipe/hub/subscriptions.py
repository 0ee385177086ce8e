"""Keep the registry of listeners: who listens where, from which position. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..brokers import Broker
from ..errors import ProtocolError
from ..log import NOWHERE, Labels, Log, Loss, Past, Position, translate
from ..protocol import MAX_CHANNELS, MAX_PARKED, MAX_REPLAYS, Replay, Subscribe, Unsubscribe
from .audience import Audience
from .disconnect_error import DisconnectError, TooManyOpenedError
from .gap import gap_cause
from .hint import hint_for
from .opening_pace import BURST, RATE
from .pending_replay import PendingReplay
from .session import ChannelFrame, Session, Subscription
from .subscribed import Subscribed

Listeners = dict[str, dict[Session, Subscription]]
"""The subscriptions of each channel, by session."""


class Subscriptions:
    """The registry of listeners.

    A frame about a log that has to be refreshed first is parked until it was.

    Args:
        broker: keeps the logs.
        clock: seconds that only go forward.
        audience: counts who listens.

    Attributes:
        listeners: the subscriptions of each channel that has any.
    """

    def __init__(self, broker: Broker, clock: Callable[[], float], audience: Audience) -> None:
        self._broker = broker
        self._audience = audience
        self._clock = clock
        self.listeners: Listeners = {}

    def take(self, session: Session, frame: ChannelFrame) -> Subscribed | None:
        """Apply a frame, or park it until its channel's log has been refreshed.

        Returns:
            What to answer, if there is an answer now.

        Raises:
            ProtocolError: the session may not do that.
            DisconnectError: the session has to be disconnected.
        """
        subscription = session.subscriptions.get(frame.channel)
        if subscription is None and isinstance(frame, Subscribe):
            subscription = self._open(session, frame)
        if subscription is not None and subscription.waits:
            if session.parked == MAX_PARKED:
                raise DisconnectError(f"{session.parked} frames wait for their channels already")
            session.parked += 1
            subscription.parked.append(frame)
            return None
        match frame:
            case Subscribe():
                return self._subscribe(session, frame)
            case Unsubscribe(channel):
                self._unsubscribe(session, channel)
            case Replay():
                _replay(session, frame)
        return None

    def release(self, session: Session, subscription: Subscription) -> list[ChannelFrame]:
        """Remove and return the parked frames, in their order, if the log was refreshed by now."""
        if subscription.log.refreshed < subscription.refresh_due:
            return []
        frames, subscription.parked = subscription.parked, []
        session.parked -= len(frames)
        return frames

    def numbers(self) -> Mapping[str, float]:
        """Return how many subscriptions there are, and the sizes of their logs. Any thread may."""
        subscriptions = [list(each.values()) for each in list(self.listeners.values())]
        sizes = [each[0].log.size for each in subscriptions if each]
        return {
            "subscriptions": sum(map(len, subscriptions)),
            "logs": len(sizes),
            "log_messages": sum(messages for messages, _ in sizes),
            "log_bytes": sum(size for _, size in sizes),
        }

    def leave(self, session: Session) -> None:
        """Remove all subscriptions of a session."""
        for channel in list(session.subscriptions):
            self._unsubscribe(session, channel)
        session.replays.clear()
        session.parked = 0

    def deny(self, session: Session, channel: str) -> int:
        """End a subscription that the app denies now. Return how many subscribes were parked."""
        subscription = session.subscriptions[channel]
        parked, subscription.parked = subscription.parked, []
        session.parked -= len(parked)
        self._unsubscribe(session, channel)
        session.restrict_replays(channel)
        return sum(isinstance(frame, Subscribe) for frame in parked)

    def _open(self, session: Session, frame: Subscribe) -> Subscription:
        """Subscribe a session to a channel. The subscription gets its position later."""
        channel, since = frame.channel, frame.since
        if len(session.subscriptions) >= MAX_CHANNELS:
            reason = f"a connection listens on at most {MAX_CHANNELS} channels"
            raise ProtocolError("too_many_channels", reason, channel)
        if not session.pace.take(self._clock()):
            raise TooManyOpenedError(
                f"too many channels in a short time: {BURST} at once, then {RATE:g} a second"
            )
        log = self._broker.open(channel)
        subscription = session.subscriptions[channel] = Subscription(log)
        # Registered before the log is read: a message from now on is in it or announced.
        self.listeners.setdefault(channel, {})[session] = subscription
        end = log.end
        if not end.epoch or (since and (since.epoch != end.epoch or since.offset > end.offset)):
            # A mirror that lags behind must not judge a position that it has not heard of.
            subscription.refresh_due = self._broker.refresh(channel)
        return subscription

    def _subscribe(self, session: Session, frame: Subscribe) -> Subscribed:
        """Subscribe, and count the browser by the labels that it has now."""
        subscription = session.subscriptions[frame.channel]
        if subscription.has_position:
            self._audience.leave(frame.channel, subscription.labels)
        answer = _subscribe(session, frame)
        self._audience.enter(frame.channel, subscription.labels)
        return answer

    def _unsubscribe(self, session: Session, channel: str) -> None:
        subscription = session.subscriptions.pop(channel, None)
        if subscription is None:
            return
        subscription.take_grant(None)
        if subscription.has_position:
            self._audience.leave(channel, subscription.labels)
        subscription.position = NOWHERE  # a flush that is under way sends nothing more for it
        listeners = self.listeners[channel]
        del listeners[session]
        if not listeners:
            del self.listeners[channel]
        self._broker.close(channel)


def _subscribe(session: Session, frame: Subscribe) -> Subscribed:
    """Set the labels of a subscription, and the position of a new one."""
    subscription = session.subscriptions[frame.channel]
    subscription.labels = frame.labels
    if frame.denied:
        session.restrict_replays(frame.channel)
    is_new = not subscription.has_position
    head, past = subscription.log.present()
    recovered = None
    if is_new:
        recovered, between = _set_position(subscription, frame.since, head, past)
    else:  # it reads on from its position, with the new labels
        between = subscription.enter(head.epoch, past)
    gap = gap_cause(between, ()) if subscription.log.has_history else ""
    hint = hint_for(frame, subscription.log) if frame.hint else None
    return Subscribed(
        channel=frame.channel,
        head=head,
        recovered=recovered,
        denied=frame.denied,
        is_new=is_new,
        hint=hint,
        past=past,
        gap=gap,
        refresh=frame.refresh,
        ended=frame.ended,
    )


def _set_position(
    subscription: Subscription, since: Position | None, head: Position, past: Past
) -> tuple[bool | None, Loss]:
    """Set the position of a new subscription. Return ``recovered``, and the loss between epochs."""
    log = subscription.log
    position, loss, between = head, Loss.UNKNOWN, Loss.NONE
    if since is None or (since.epoch != head.epoch and not log.has_history):
        pass  # nothing is known of what came before
    elif since.epoch == head.epoch and since.offset > head.offset:
        loss = between = Loss.LOST
    elif not log.has_history:
        position = since
    else:
        is_earlier = since.epoch != head.epoch
        offset, between = translate(past, since) if is_earlier else (since.offset, Loss.NONE)
        position = Position(head.epoch, offset)
        loss = max(between, _loss_after(log, offset, subscription.labels))
    subscription.position, subscription.announced = position, position.offset
    return {Loss.NONE: True, Loss.UNKNOWN: None, Loss.LOST: False}[loss], between


def _loss_after(log: Log, offset: int, labels: Labels) -> Loss:
    """Return what a listener at an offset has lost of the labels."""
    lost = log.lost(offset, labels)
    if labels is None or any(label is not None for label, _ in lost):
        return Loss.LOST if lost else Loss.NONE
    return Loss.UNKNOWN if lost else Loss.NONE  # None stands for all labels that it does not name


def _replay(session: Session, frame: Replay) -> None:
    """Queue a replay of no more labels than the session is subscribed to."""
    subscription = session.subscriptions.get(frame.channel)
    if subscription is None:
        reason = "a replay is for a channel that is subscribed on this connection"
        raise ProtocolError("not_subscribed", reason, frame.channel)
    if len(session.replays) >= MAX_REPLAYS:
        reason = f"at most {MAX_REPLAYS} replays may wait on a connection"
        raise ProtocolError("too_many_replays", reason, frame.channel)
    labels = subscription.labels
    if labels is not None:
        labels = labels if frame.labels is None else labels & frame.labels
        frame = replace(frame, labels=labels)
    session.replays.append(PendingReplay(frame, subscription.log, subscription.log.end))
