"""Fan messages out to the sessions of a process, and answer their frames. No sockets, no tasks.

A hub belongs to one loop or one lock: every method but ``on_append`` is called there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .. import protocol
from ..brokers import Broker
from ..errors import ProtocolError
from ..protocol import COMMAND_CHANNEL, Close, Pong, Subscribe
from ..telemetry.bucket import SECONDS, Bucket
from ..telemetry.events import log_event
from ..telemetry.traffic import Traffic
from .authorization import AuthorizationTimeout, Outcome, Pending, Permission, granted
from .commands import Commands, Revoke
from .delivery import Delivery, Shared
from .dpd_frames import DpdValues
from .heartbeats import Heartbeats
from .policy import Policy
from .renewals import Renewals
from .session import (
    Authorize,
    ChannelFrame,
    Grant,
    Renew,
    Session,
    Subscription,
    Transport,
)
from .subscriptions import Subscribed, Subscriptions, TooManyOpenedError, TooManyParkedError

MAX_FRAMES = 512  # at once, whatever the rate: a page subscribes to 128 channels, with replays

logger = logging.getLogger("dash_pipe")


class Hub:
    """Connect sessions to the logs of a broker. Nothing else sends to a session or disconnects it.

    Args:
        broker: keeps the logs.
        policy: the limits and times for the sessions.
        wake: has ``flush`` called soon; may be called from any thread.
        clock: seconds that only go forward.
        traffic: counts what passes through.
        wall_clock: seconds since the epoch.

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
    ) -> None:
        self._policy = policy
        self._wake = wake
        self._traffic = traffic = traffic or Traffic()
        self.clock = clock
        self._wall_clock = wall_clock
        self.dpd_values = DpdValues() if policy.dpd_frames else None
        self._delivery = Delivery(clock, traffic)
        self._subscriptions = Subscriptions(broker, clock)
        self._sessions = Heartbeats(policy.heartbeat_interval)
        self._renewals = Renewals(policy.authorize_again)
        self._is_renewing = False
        self._commands = Commands(broker)
        self._appended_lock = threading.Lock()
        self._appended: set[str] = set()
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
        if renew is not None:
            self._commands.open(self._wall_clock())
        return session

    def disconnect(self, session: Session) -> None:
        """Remove a session. More than once does no harm."""
        if self._sessions.remove(session):
            self._subscriptions.leave(session)
            self._renewals.leave(session)
            if not len(self._sessions):
                self._commands.close()

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
        if session not in self._sessions:
            return
        if session.pending_authorization is not None:
            self._queue(session, text)
            return
        try:
            match protocol.decode(text):
                case Subscribe(channel) if channel == COMMAND_CHANNEL:
                    raise ProtocolError("denied", "this channel is dash-pipe's own", channel)
                case Subscribe() as subscribe:
                    self._authorize(session, subscribe)
                case Pong(n):
                    if session.take_pong(n):
                        session.frames.give_back()
                        self._delivery.resume(session)
                case frame:
                    self._take(session, frame)
        except ProtocolError as problem:
            self._send_error(session, problem)

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
        is_revoked, session.is_revoked = session.is_revoked, False
        try:
            if is_revoked:  # the answer may be older than that
                self._authorize(session, subscribe)
            else:
                self._settle(session, subscribe, outcome)
        except ProtocolError as problem:
            self._send_error(session, problem)
        while session.inbox and session.pending_authorization is None:
            self.handle(session, session.inbox.popleft())

    def resolve_renewal(self, grant: Grant, outcome: Outcome) -> None:
        """Take the outcome of the call for a permission that had to be renewed."""
        self._obey()
        self._renewals.finish(grant)
        if not grant.is_over:
            self._guarded(grant.session, self._renew, grant, outcome)
        self._renew_due()

    # Called for the broker

    def on_append(self, channel: str) -> None:
        """Note that a log has grown. Any thread may call it; never waits."""
        if channel not in self._subscriptions.listeners and channel != COMMAND_CHANNEL:
            return
        with self._appended_lock:
            idle = not self._appended
            self._appended.add(channel)
        if idle:
            self._wake()

    def flush(self) -> bool:
        """Send the sessions what was published since the last flush; return whether any was."""
        self._obey()
        deferred, self._deferred = self._deferred, []
        for session, text in deferred:
            self._guarded(session, self.handle, session, text)
        with self._appended_lock:
            appended, self._appended = self._appended, set()
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
        self._renew_due()
        return self.seconds_to_beat()

    def seconds_to_beat(self) -> float:
        """Return the seconds until the next ``beat`` is due."""
        now = self.clock()
        return min(self._sessions.seconds_to_next(now), self._renewals.seconds_to_next(now))

    def close(self, code: Close, reason: str) -> None:
        """Disconnect all sessions, and stop watching the broker."""
        self._unwatch()
        for session in self._sessions:
            self._disconnect(session, code, reason)

    # Inside

    def _guarded(self, session: Session, call: Callable[..., None], *arguments: Any) -> None:
        """Call a method for one session. An error ends that session, and not the others' flush."""
        try:
            call(*arguments)
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
        for frame in self._subscriptions.release(session, subscription):
            self._take(session, frame)

    def _authorize(self, session: Session, subscribe: Subscribe) -> None:
        """Authorize a subscribe. Frames that come before the outcome wait for it."""
        outcome = session.authorize(session, subscribe)
        if isinstance(outcome, Pending):
            session.pending_authorization = subscribe
        else:
            self._settle(session, subscribe, outcome)

    def _settle(self, session: Session, subscribe: Subscribe, outcome: Outcome) -> None:
        """Apply the outcome of an authorization."""
        if isinstance(outcome, AuthorizationTimeout):
            reason = "authorize() timed out; the page will retry"
            self._disconnect(session, Close.TRY_LATER, reason)
        else:
            session.user = outcome.user or session.user
            permitted = granted(replace(subscribe, refresh=outcome.refresh), outcome.denied)
            self._take(session, permitted)
            self._grant(session, permitted, outcome.until)

    def _grant(self, session: Session, permitted: Subscribe, until: float | None) -> None:
        """Note until when a permission holds; send what a permission that had ended held back."""
        subscription = session.subscriptions.get(permitted.channel)
        if subscription is None or session.renew is None:
            return
        was_held = subscription.is_held(self.clock())
        plain = replace(permitted, since=None, hint=False, denied=frozenset(), refresh=None)
        left = None if until is None else until - self._wall_clock()
        subscription.take_grant(self._renewals.add(session, plain, self.clock(), left))
        if was_held:
            self._delivery.resume(session)

    def _obey(self) -> None:
        """Execute the commands that have come: before anything that was sent after them."""
        for command in self._commands.take():
            for session in self._sessions:
                if isinstance(command, Revoke):
                    self._revoke(session, command)
                elif session.user == command.user:
                    self._disconnect(session, Close.RESTART, "disconnect(); the page asks again")
            self._renew_due()

    def _revoke(self, session: Session, command: Revoke) -> None:
        """Have ``authorize`` called again for what a command names; send nothing until then."""
        if command.user is not None and session.user not in (None, command.user):
            return
        for channel, subscription in session.subscriptions.items():
            if subscription.grant is not None and command.channel in (None, channel):
                grant = self._renewals.add_due(subscription.grant, self.clock())
                subscription.take_grant(grant)
        pending = session.pending_authorization
        if pending is not None and command.channel in (None, pending.channel):
            session.is_revoked = True

    def _renew_due(self) -> None:
        """Have ``authorize`` called again for the permissions that are due."""
        if self._is_renewing:  # an outcome came at once; the loop below goes on
            return
        self._is_renewing = True
        try:
            while (grant := self._renewals.next_due(self.clock())) is not None:
                assert grant.session.renew is not None, "only such sessions have grants"
                grant.session.renew(grant)
        finally:
            self._is_renewing = False

    def _renew(self, grant: Grant, outcome: Outcome) -> None:
        """Renew a permission, or end it at once. Without an answer, ask once more, later."""
        session, subscribe = grant.session, grant.subscribe
        has_answer = isinstance(outcome, Permission) and not outcome.raised
        if not has_answer and self._renewals.postpone(grant, self.clock()):
            return
        if isinstance(outcome, Permission) and not outcome.denied:
            self._grant(session, subscribe, outcome.until)
            return
        try:
            self._settle(session, subscribe, outcome)
        except ProtocolError as problem:
            parked = self._subscriptions.deny(session, subscribe.channel)
            for _ in range(max(parked, 1)):  # each subscribe is answered once
                self._send_error(session, problem)

    def _take(self, session: Session, frame: ChannelFrame) -> None:
        """Apply a frame: send its answer, and the messages that follow from it."""
        try:
            answer = self._subscriptions.take(session, frame)
        except ProtocolError as problem:
            self._send_error(session, problem)
            return
        except (TooManyOpenedError, TooManyParkedError) as error:
            self._traffic.channel_rate_reached += isinstance(error, TooManyOpenedError)
            self._disconnect(session, Close.TRY_LATER, str(error))
            return
        if answer is not None:
            self._send_subscribed(session, answer)
        if answer is not None and answer.is_new:
            subscription = session.subscriptions[frame.channel]
            self._delivery.deliver(session, frame.channel, subscription, {})
        self._delivery.replay(session)

    def _send_subscribed(self, session: Session, answer: Subscribed) -> None:
        if answer.gap:
            self._traffic.gap(answer.gap)
        if answer.denied:
            self._traffic.error("denied")
        session.transport.send(
            protocol.subscribed(
                answer.channel,
                answer.head,
                recovered=answer.recovered,
                denied=answer.denied,
                spread=self._policy.spread(len(self)),
                heartbeat=self._policy.heartbeat_interval,
                hint=answer.hint,
                past=answer.past,
                refresh=answer.refresh,
            )
        )

    def _queue(self, session: Session, text: str) -> None:
        """Keep a frame until the authorization. Transports do not read then, so these are few."""
        if len(session.inbox) == protocol.MAX_PARKED:
            self._disconnect(
                session,
                Close.TRY_LATER,
                f"{len(session.inbox)} frames wait for authorize() already",
            )
        else:
            session.inbox.append(text)

    def _send_error(self, session: Session, problem: ProtocolError) -> None:
        self._traffic.error(problem.code)
        session.transport.send(protocol.error(problem))
        if problem.code == "bad_frame":
            session.bad_frames += 1
            if session.bad_frames == protocol.MAX_BAD_FRAMES:
                self._disconnect(session, Close.BAD_FRAMES, "too many bad frames")

    def _disconnect(self, session: Session, code: Close, reason: str) -> None:
        self.disconnect(session)
        session.transport.close(code, reason)
