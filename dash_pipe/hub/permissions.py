"""Ask for the permissions of sessions; grant, renew and revoke them. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from ..brokers import Broker
from ..errors import ProtocolError
from ..protocol import COMMAND_CHANNEL, MAX_PARKED, Subscribe
from ..telemetry.traffic import Traffic
from .authorization import AuthorizationTimeout, Outcome, Pending, Permission, granted
from .commands import Commands, Revoke
from .disconnect_error import DisconnectError
from .policy import Policy
from .renewals import Renewals
from .session import Grant, Session
from .users import Users


class Permitted(NamedTuple):
    """A subscribe that the app has permitted: the hub applies it, then has it granted.

    Attributes:
        subscribe: the frame, with the labels that are permitted.
        until: when that ends, in seconds since the epoch; None if it has no end.
    """

    subscribe: Subscribe
    until: float | None


class Permissions:
    """The permissions of the sessions of a hub.

    Args:
        broker: keeps the log of the commands.
        policy: how long a permission holds at most, and how many sessions a user may have.
        traffic: counts the sessions beyond that.
        clock: seconds that only go forward.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        broker: Broker,
        policy: Policy,
        traffic: Traffic,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._renewals = Renewals(policy.authorize_again)
        self._is_renewing = False
        self._commands = Commands(broker)
        self._users = Users(policy.max_sessions_per_user, traffic)

    def enter(self, session: Session) -> None:
        """Follow the commands from now on if the permissions of a new session are renewed."""
        if session.renew is not None:
            self._commands.open(self._wall_clock())

    def leave(self, session: Session, *, is_last: bool) -> None:
        """Forget the calls of a session that has gone; after the last one, the commands too."""
        self._renewals.leave(session)
        self._users.leave(session)
        if is_last:
            self._commands.close()

    # For a subscribe

    def authorize(self, session: Session, subscribe: Subscribe) -> Permitted | None:
        """Authorize a subscribe. None: the outcome follows, and later frames wait for it.

        Raises:
            ProtocolError: it is denied.
            DisconnectError: ``authorize`` timed out, or the user has too many sessions.
        """
        if subscribe.channel == COMMAND_CHANNEL:
            reason = "this channel is dash-pipe's own"
            raise ProtocolError("denied", reason, subscribe.channel)
        outcome = session.authorize(session, subscribe)
        if isinstance(outcome, Pending):
            session.pending_authorization = subscribe
            return None
        return self._permitted(session, subscribe, outcome)

    def resolve(self, session: Session, subscribe: Subscribe, outcome: Outcome) -> Permitted | None:
        """Take the outcome that was pending for a subscribe; see ``authorize``."""
        is_revoked, session.is_revoked = session.is_revoked, False
        if is_revoked:  # the answer may be older than that
            return self.authorize(session, subscribe)
        return self._permitted(session, subscribe, outcome)

    def queue(self, session: Session, text: str) -> bool:
        """Keep a frame until the authorization; return False if none is pending.

        Transports do not read then, so these are few.

        Raises:
            DisconnectError: there are too many.
        """
        if session.pending_authorization is None:
            return False
        if len(session.inbox) == MAX_PARKED:
            raise DisconnectError(f"{len(session.inbox)} frames wait for authorize() already")
        session.inbox.append(text)
        return True

    def grant(self, session: Session, permitted: Permitted) -> bool:
        """Note until when a permission holds. Return True if the one before had ended."""
        subscription = session.subscriptions.get(permitted.subscribe.channel)
        if subscription is None or session.renew is None:
            return False
        now = self._clock()
        was_held = subscription.is_held(now)
        subscribe = permitted.subscribe
        plain = Subscribe(subscribe.channel, subscribe.labels, token=subscribe.token)
        left = None if permitted.until is None else permitted.until - self._wall_clock()
        subscription.take_grant(self._renewals.add(session, plain, now, left))
        return was_held

    # For a permission in use

    def obey(self, sessions: Iterable[Session]) -> Iterator[Session]:
        """Execute the commands that have come. Yield each session to disconnect."""
        for command in self._commands.take():
            for session in sessions:
                if isinstance(command, Revoke):
                    self._revoke(session, command)
                elif session.user == command.user:
                    yield session
            self.renew_due()

    def renew_due(self) -> None:
        """Have ``authorize`` called again for the permissions that are due."""
        if self._is_renewing:  # an outcome came at once; the loop below goes on
            return
        self._is_renewing = True
        try:
            while (grant := self._renewals.next_due(self._clock())) is not None:
                assert grant.session.renew is not None, "only such sessions have grants"
                grant.session.renew(grant)
        finally:
            self._is_renewing = False

    def finish(self, grant: Grant) -> None:
        """Note that the call for a permission has ended, so another may be made."""
        self._renewals.finish(grant)

    def renew(self, grant: Grant, outcome: Outcome) -> Permitted | None:
        """Return what the app permits now. None: it gave no answer, and is called once more, later.

        Raises:
            ProtocolError: it denies all.
            DisconnectError: it gave no answer again and again.
        """
        has_answer = isinstance(outcome, Permission) and not outcome.raised
        if not has_answer and self._renewals.postpone(grant, self._clock()):
            return None
        if isinstance(outcome, Permission) and not outcome.denied:
            return Permitted(grant.subscribe, outcome.until)
        return self._permitted(grant.session, replace(grant.subscribe, ended=True), outcome)

    def seconds_to_next(self, now: float) -> float:
        """Return the seconds until a call is due and may be made; infinite if none is."""
        return self._renewals.seconds_to_next(now)

    def _revoke(self, session: Session, command: Revoke) -> None:
        """Have ``authorize`` called again for what a command names; send nothing until then."""
        if command.user is not None and session.user not in (None, command.user):
            return
        for channel, subscription in session.subscriptions.items():
            if subscription.grant is not None and command.channel in (None, channel):
                grant = self._renewals.add_due(subscription.grant, self._clock())
                subscription.take_grant(grant)
        pending = session.pending_authorization
        if pending is not None and command.channel in (None, pending.channel):
            session.is_revoked = True

    def _permitted(self, session: Session, subscribe: Subscribe, outcome: Outcome) -> Permitted:
        """Return what an outcome permits, and note the user that it names."""
        if isinstance(outcome, AuthorizationTimeout):
            raise DisconnectError("authorize() timed out; the page will retry")
        if outcome.user is not None:
            self._users.enter(session, outcome.user)
        subscribe = replace(subscribe, refresh=outcome.refresh)
        return Permitted(granted(subscribe, outcome.denied), outcome.until)
