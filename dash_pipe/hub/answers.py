"""Answer the frames of sessions. No sockets, no tasks."""

from __future__ import annotations

from collections.abc import Sized

from .. import protocol
from ..errors import ProtocolError
from ..protocol import Close, Pong, Subscribe
from ..telemetry.traffic import Traffic
from .authorization import Outcome
from .delivery import Delivery
from .disconnect_error import DisconnectError, TooManyOpenedError
from .permissions import Permissions, Permitted
from .policy import Policy
from .session import ChannelFrame, Grant, Session
from .subscribed import Subscribed
from .subscriptions import Subscriptions


class Answers:
    """Apply the frames of sessions, and send what follows from them.

    Each method may raise a ``DisconnectError``.

    Args:
        subscriptions: the registry of listeners.
        permissions: say what a session may do there.
        delivery: sends the messages that a frame lets flow.
        policy: the limits and times that a browser is told.
        sessions: all that are open.
        traffic: counts what is sent.
    """

    def __init__(
        self,
        subscriptions: Subscriptions,
        permissions: Permissions,
        delivery: Delivery,
        policy: Policy,
        sessions: Sized,
        traffic: Traffic,
    ) -> None:
        self._subscriptions = subscriptions
        self._permissions = permissions
        self._delivery = delivery
        self._policy = policy
        self._sessions = sessions
        self._traffic = traffic

    def handle(self, session: Session, text: str) -> None:
        """Answer a frame, or keep it until a pending authorization."""
        try:
            if self._permissions.queue(session, text):
                return
            match protocol.decode(text):
                case Subscribe() as subscribe:
                    self._apply(session, self._permissions.authorize(session, subscribe))
                case Pong(n):
                    if session.take_pong(n):
                        session.frames.give_back()
                        self._delivery.resume(session)
                case frame:
                    self.take(session, frame)
        except ProtocolError as problem:
            self._send_error(session, problem)

    def take(self, session: Session, frame: ChannelFrame) -> None:
        """Apply a permitted frame: send its answer, and the messages that follow from it."""
        try:
            answer = self._subscriptions.take(session, frame)
        except ProtocolError as problem:
            self._send_error(session, problem)
            return
        except TooManyOpenedError:
            self._traffic.channel_rate_reached += 1
            raise
        if answer is not None:
            self._send_subscribed(session, answer)
        if answer is not None and answer.is_new:
            subscription = session.subscriptions[frame.channel]
            self._delivery.deliver(session, frame.channel, subscription, {})
        self._delivery.replay(session)

    def resolve(self, session: Session, subscribe: Subscribe, outcome: Outcome) -> None:
        """Answer a subscribe whose authorization was pending."""
        try:
            self._apply(session, self._permissions.resolve(session, subscribe, outcome))
        except ProtocolError as problem:
            self._send_error(session, problem)

    def renew(self, grant: Grant, outcome: Outcome) -> None:
        """Renew a permission, or end it at once. The page is told what it has lost."""
        session = grant.session
        try:
            permitted = self._permissions.renew(grant, outcome)
        except ProtocolError as problem:
            parked = self._subscriptions.deny(session, grant.subscribe.channel)
            for _ in range(parked):  # each subscribe is answered once
                self._send_error(session, problem)
            if not parked:
                self._send_error(session, problem, ended=True)
            return
        if permitted is not None and not permitted.subscribe.denied:
            self._grant(session, permitted)
        else:
            self._apply(session, permitted)

    def _apply(self, session: Session, permitted: Permitted | None) -> None:
        """Take a subscribe that is permitted."""
        if permitted is not None:
            self.take(session, permitted.subscribe)
            self._grant(session, permitted)

    def _grant(self, session: Session, permitted: Permitted) -> None:
        """Note a permission; send what one that had ended held back."""
        if self._permissions.grant(session, permitted):
            self._delivery.resume(session)

    def _send_subscribed(self, session: Session, answer: Subscribed) -> None:
        if answer.gap:
            self._traffic.gap(answer.gap)
        if answer.denied:
            self._traffic.error("denied")
        spread = self._policy.spread(len(self._sessions))
        session.transport.send(answer.frame(spread, self._policy.heartbeat_interval))

    def _send_error(self, session: Session, problem: ProtocolError, *, ended: bool = False) -> None:
        self._traffic.error(problem.code)
        session.transport.send(protocol.error(problem, ended=ended))
        if problem.code == "bad_frame":
            session.bad_frames += 1
            if session.bad_frames == protocol.MAX_BAD_FRAMES:
                raise DisconnectError("too many bad frames", Close.BAD_FRAMES)
