"""Count the sessions of each user, and bound them. Pure."""

from __future__ import annotations

from collections import Counter

from ..telemetry.traffic import Traffic
from .disconnect_error import DisconnectError
from .session import Session


class Users:
    """The users of the sessions of a hub, as far as the app has told them.

    Args:
        most: sessions that a user may have; None for any number.
        traffic: counts those beyond it.
    """

    def __init__(self, most: int | None, traffic: Traffic) -> None:
        self._most = most
        self._traffic = traffic
        self._counts: Counter[str] = Counter()

    def enter(self, session: Session, user: str) -> None:
        """Note the user of a session.

        Raises:
            DisconnectError: the user has too many others.
        """
        if session.user == user:
            return
        if self._most is not None and self._counts[user] >= self._most:
            self._traffic.max_connections_per_user_reached += 1
            raise DisconnectError(
                f"max_connections_per_user: {self._most} connections are open already"
            )
        self.leave(session)
        self._counts[user] += 1
        session.user = user

    def leave(self, session: Session) -> None:
        """Forget the user of a session."""
        user, session.user = session.user, None
        if user is not None:
            self._counts[user] -= 1
            if not self._counts[user]:
                del self._counts[user]
