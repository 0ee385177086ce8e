"""What a browser's requests do: where it listens, from where it reads on, what it is answered.

No sockets, no tasks. A request about a log that has to be looked at first waits until it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .. import protocol
from ..brokers import Broker
from ..errors import ProtocolError
from ..log import Position
from ..protocol import Close, Replay, Subscribe, Unsubscribe
from .delivery import Delivery
from .policy import Policy
from .session import ChannelFrame, PendingReplay, Session, Subscription

Listeners = dict[str, dict[Session, Subscription]]
"""By channel, who listens there."""


class Subscriptions:
    """Takes requests, keeps the listeners.

    Args:
        broker: who keeps the logs.
        policy: what the sessions are told.
        delivery: what sends them messages.
        sessions: how many there are.
        refuse: called with what is wrong with a request, for the browser.
        expel: called with why a session has to end.
    """

    def __init__(
        self,
        broker: Broker,
        policy: Policy,
        delivery: Delivery,
        sessions: Callable[[], int],
        refuse: Callable[[Session, ProtocolError], None],
        expel: Callable[[Session, Close, str], None],
    ) -> None:
        self._broker = broker
        self._policy = policy
        self._delivery = delivery
        self._sessions = sessions
        self._refuse = refuse
        self._expel = expel
        self.listeners: Listeners = {}

    def take(self, session: Session, request: ChannelFrame) -> None:
        """Do what is asked, or park it until its channel's log has been looked at."""
        try:
            subscription = session.subscriptions.get(request.channel)
            if subscription is None and isinstance(request, Subscribe):
                subscription = self._open(session, request)
            if subscription is None or not (subscription.due or subscription.parked):
                self._do(session, request)
            elif session.parked == protocol.MAX_PARKED:
                self._expel(session, Close.TRY_LATER, f"{session.parked} requests wait already")
            else:
                session.parked += 1
                subscription.parked.append(request)
                self.unpark(session, subscription)
        except ProtocolError as problem:
            self._refuse(session, problem)

    def unpark(self, session: Session, subscription: Subscription) -> None:
        """Do what waited for a log, if it has been looked at by now."""
        if subscription.log.refreshed < subscription.due:
            return
        subscription.due = 0
        requests, subscription.parked = subscription.parked, []
        session.parked -= len(requests)
        for request in requests:
            self.take(session, request)

    def leave(self, session: Session) -> None:
        """Forget where a session listens."""
        for channel in list(session.subscriptions):
            self._unsubscribe(session, channel)
        session.replays.clear()
        session.parked = 0

    def _do(self, session: Session, request: ChannelFrame) -> None:
        match request:
            case Subscribe():
                self._subscribe(session, request)
            case Unsubscribe(channel):
                self._unsubscribe(session, channel)
            case Replay():
                self._replay(session, request)

    def _open(self, session: Session, request: Subscribe) -> Subscription:
        """Begin to listen on a channel; the subscription gets its place later."""
        channel, since = request.channel, request.since
        if len(session.subscriptions) >= protocol.MAX_CHANNELS:
            reason = f"a connection listens on at most {protocol.MAX_CHANNELS} channels"
            raise ProtocolError("too_many_channels", reason, channel)
        log = self._broker.open(channel)
        subscription = session.subscriptions[channel] = Subscription(log)
        # Registered before the log is looked at: a message from now on is in it or announced.
        self.listeners.setdefault(channel, {})[session] = subscription
        end = log.end
        if not end.epoch or (since and (since.epoch != end.epoch or since.offset > end.offset)):
            # A mirror that lags behind must not judge a place that it has not heard of.
            subscription.due = self._broker.refresh(channel)
        return subscription

    def _subscribe(self, session: Session, request: Subscribe) -> None:
        channel = request.channel
        subscription = session.subscriptions[channel]
        subscription.labels = request.labels
        if subscription.placed:  # read on from where it stands, with the new labels
            self._answer(session, request, subscription.log.end, None)
            return
        self._answer(session, request, *self._place(subscription, request.since))
        self._delivery.deliver(session, channel, subscription, {})

    def _place(
        self, subscription: Subscription, since: Position | None
    ) -> tuple[Position, bool | None]:
        """Set where a new subscription reads on; return the head, and what is ``recovered``."""
        log = subscription.log
        end = place = log.end
        recovered: bool | None = None
        if since is None or (since.epoch != end.epoch and not log.has_history):
            pass  # nobody can say what came before
        elif since.epoch != end.epoch:
            place, recovered = Position(end.epoch, 0), False
        elif since.offset > end.offset:
            recovered = False
        else:
            place = since
            if log.has_history:
                recovered = not log.lost(since.offset, subscription.labels)
        subscription.at, subscription.told = place, place.offset
        return end, recovered

    def _answer(
        self, session: Session, request: Subscribe, at: Position, recovered: bool | None
    ) -> None:
        policy = self._policy
        spread = min(policy.max_spread, self._sessions() / policy.returns_per_second)
        session.transport.send(
            protocol.subscribed(
                request.channel,
                at,
                recovered=recovered,
                denied=request.denied,
                spread=spread,
                heartbeat=policy.heartbeat_interval,
            )
        )

    def _unsubscribe(self, session: Session, channel: str) -> None:
        if session.subscriptions.pop(channel, None) is None:
            return
        listeners = self.listeners[channel]
        del listeners[session]
        if not listeners:
            del self.listeners[channel]
        self._broker.close(channel)

    def _replay(self, session: Session, request: Replay) -> None:
        subscription = session.subscriptions.get(request.channel)
        if subscription is None:
            reason = "a replay is for a channel that is subscribed on this connection"
            raise ProtocolError("not_subscribed", reason, request.channel)
        if len(session.replays) >= protocol.MAX_REPLAYS:
            reason = f"at most {protocol.MAX_REPLAYS} replays may wait on a connection"
            raise ProtocolError("too_many_replays", reason, request.channel)
        # Not more than it may listen to, whatever it asks for.
        labels = subscription.labels
        if labels is not None:
            labels = labels if request.labels is None else labels & request.labels
            request = replace(request, labels=labels)
        session.replays.append(PendingReplay(request, subscription.log, subscription.log.end))
        self._delivery.replay(session)
