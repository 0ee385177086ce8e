"""Fan messages out to the sessions of a process, and disconnect them. No sockets, no tasks.

A hub belongs to one loop or one lock: every method but ``on_append`` is called there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..brokers import Broker
from ..protocol import COMMAND_CHANNEL, Close
from ..telemetry.bucket import SECONDS, Bucket
from ..telemetry.events import log_event
from ..telemetry.traffic import Traffic
from .answers import Answers
from .appended import Appended
from .audience import Audience
from .authorization import Outcome
from .delivery import Delivery, Shared
from .disconnect_error import DisconnectError
from .dpd_frames import DpdValues
from .heartbeats import Heartbeats
from .permissions import Permissions
from .policy import Policy
from .session import Authorize, Grant, Renew, Session, Subscription, Transport
from .subscriptions import Subscriptions

MAX_FRAMES = 512  # at once, whatever the rate: a page subscribes to 128 channels, with replays

logger = logging.getLogger("dash_pipe")


class Hub:
    """Connect sessions to the logs of a broker. Nothing else disconnects one.

    Args:
        broker: keeps the logs.
        policy: the limits and times for the sessions.
        wake: has ``flush`` called soon; may be called from any thread.
        clock: seconds that only go forward.
        traffic: counts what passes through.
        wall_clock: seconds since the epoch.
        audience: counts who listens in this process.

    Attributes:
        clock: see above.
        dpd_values: the frames for pages of django-plotly-dash; None if they are not accepted.
    """

    def __init__(
        self,
        broker: Broker,
        policy: Policy,
        wake: Callable[[], None],
        clock: Callable[[], float],
        traffic: Traffic | None = None,
        wall_clock: Callable[[], float] = time.time,
        audience: Audience | None = None,
    ) -> None:
        self._policy = policy
        self._wake = wake
        self._traffic = traffic = traffic or Traffic()
        self.clock = clock
        self.dpd_values = DpdValues() if policy.dpd_frames else None
        self._delivery = Delivery(clock, traffic, self._obey)
        self._subscriptions = Subscriptions(broker, clock, audience or Audience())
        self._sessions = Heartbeats(policy.heartbeat_interval)
        self._permissions = Permissions(broker, policy, traffic, clock, wall_clock)
        self._answers = Answers(
            self._subscriptions, self._permissions, self._delivery, policy, self._sessions, traffic
        )
        self._appended = Appended(wake)
        self._deferred: list[tuple[Session, str]] = []
        self._unwatch = broker.watch(self.on_append)

    def __len__(self) -> int:
        return len(self._sessions)

    def numbers(self) -> Mapping[str, float]:
        """Return how many subscriptions there are, and the sizes of their logs. Any thread may."""
        return self._subscriptions.numbers()

    # Called for one browser

    def connect(
        self, transport: Transport, authorize: Authorize, renew: Renew | None = None
    ) -> Session | None:
        """Open a session; None if there are too many, and the transport was closed.

        Args:
            transport: carries frames to the browser.
            authorize: called for each of its subscribes.
            renew: called for each of its permissions that has to be renewed. Without it they have
                no end.
        """
        if len(self._sessions) >= self._policy.max_sessions:
            transport.close(
                Close.TRY_LATER,
                f"max_connections: {self._policy.max_sessions} connections are open already",
            )
            return None
        session = Session(transport, authorize, renew, Bucket(self.clock(), MAX_FRAMES))
        self._sessions.add(session, self.clock())
        self._permissions.enter(session)
        return session

    def disconnect(self, session: Session) -> None:
        """Remove a session. More than once does no harm."""
        if self._sessions.remove(session):
            self._subscriptions.leave(session)
            self._permissions.leave(session, is_last=not len(self))

    def receive(self, session: Session, text: str) -> None:
        """Take a frame from a browser, and answer it."""
        if self.admits(session, text):
            self.handle(session, text)

    def admits(self, session: Session, text: str) -> bool:
        """Count a frame that has come. Return False if its browser is disconnected."""
        if session not in self._sessions:
            return False  # it was disconnected while the frame was on its way
        self._traffic.received(text)
        rate = self._policy.frame_rate
        if session.frames.take(self.clock(), rate):
            return True
        self._traffic.frame_rate_reached += 1
        reason = f"frame_rate: more than {rate:g} frames a second, over {SECONDS:g} s"
        self._disconnect(session, Close.TRY_LATER, reason)
        return False

    def handle(self, session: Session, text: str) -> None:
        """Answer a frame that was counted, or that this process has made for a browser."""
        self._obey()
        if session in self._sessions:
            self._serve(session, self._answers.handle, session, text)

    def receive_soon(self, session: Session, text: str) -> None:
        """Take a frame at the next flush: for a transport that answers while the hub sends."""
        self._deferred.append((session, text))
        self._wake()

    def resolve_authorization(self, session: Session, outcome: Outcome) -> None:
        """Take the outcome of a pending authorization, then the frames that came meanwhile."""
        self._obey()
        subscribe, session.pending_authorization = session.pending_authorization, None
        if subscribe is None or session not in self._sessions:
            return
        self._serve(session, self._answers.resolve, session, subscribe, outcome)
        while session.inbox and session.pending_authorization is None:
            self.handle(session, session.inbox.popleft())

    def resolve_renewal(self, grant: Grant, outcome: Outcome) -> None:
        """Take the outcome of the call for a permission that had to be renewed."""
        self._obey()
        self._permissions.finish(grant)
        if not grant.is_over:
            self._guarded(grant.session, self._answers.renew, grant, outcome)
        self._permissions.renew_due()

    # Called for the broker

    def on_append(self, channel: str) -> None:
        """Note that a log has grown. Any thread may call it; never waits."""
        if channel in self._subscriptions.listeners or channel == COMMAND_CHANNEL:
            self._appended.add(channel)

    def flush(self) -> bool:
        """Send the sessions what was published since the last flush; return whether any was."""
        self._obey()
        deferred, self._deferred = self._deferred, []
        for session, text in deferred:
            self._guarded(session, self.handle, session, text)
        appended = self._appended.take()
        for channel in appended:
            shared: Shared = {}
            for session, subscription in list(
                self._subscriptions.listeners.get(channel, {}).items()
            ):
                self._guarded(session, self._update, session, channel, subscription, shared)
                log = subscription.log
            if shared:
                self._traffic.note_age(log.newest_at)
        return bool(appended)

    # Called as time passes

    def beat(self) -> float:
        """Ping the sessions that are due, disconnect those that did not answer the last ping.

        Have ``authorize`` called again where it is due. Return the seconds until the next call.
        """
        now = self.clock()
        interval = self._policy.heartbeat_interval
        for session in self._sessions.take_due(now):
            if session.unanswered_since(now - interval) and now >= session.alive_until:
                self._disconnect(session, Close.NO_PONG, f"no pong within {interval:g} seconds")
            elif session.may_send:
                self._delivery.ping(session)
        self._permissions.renew_due()
        return self.seconds_to_beat()

    def seconds_to_beat(self) -> float:
        """Return the seconds until the next ``beat`` is due."""
        now = self.clock()
        return min(self._sessions.seconds_to_next(now), self._permissions.seconds_to_next(now))

    def close(self, code: Close, reason: str) -> None:
        """Disconnect all sessions, and stop watching the broker."""
        self._unwatch()
        for session in self._sessions:
            self._disconnect(session, code, reason)

    # Inside

    def _serve(self, session: Session, call: Callable[..., None], *arguments: Any) -> None:
        """Call a method for one session. Disconnect the session if it says so."""
        try:
            call(*arguments)
        except DisconnectError as error:
            self._disconnect(session, error.code, str(error))

    def _guarded(self, session: Session, call: Callable[..., None], *arguments: Any) -> None:
        """Do the same. Another error, too, ends that session, and not the others' flush."""
        try:
            call(*arguments)  # not by _serve: a call less for each session of a message
        except DisconnectError as error:
            self._disconnect(session, error.code, str(error))
        except Exception:
            logger.exception(
                "dash-pipe: serving a browser failed; it will reconnect",
                extra=log_event("browser_failed"),
            )
            self._disconnect(session, Close.TRY_LATER, "an error in this server; the page retries")

    def _update(
        self, session: Session, channel: str, subscription: Subscription, shared: Shared
    ) -> None:
        """Send a session what a log has had since, or take the frames that waited for it."""
        if not subscription.parked:
            self._delivery.deliver(session, channel, subscription, shared)
            return
        if session in self._sessions:  # a command may have ended it during the flush
            for frame in self._subscriptions.release(session, subscription):
                self._answers.take(session, frame)

    def _obey(self) -> None:
        """Execute the commands that have come: before anything that was sent after them."""
        for session in self._permissions.obey(self._sessions):
            self._disconnect(session, Close.RESTART, "disconnect(); the page asks again")

    def _disconnect(self, session: Session, code: Close, reason: str) -> None:
        self.disconnect(session)
        session.transport.close(code, reason)
