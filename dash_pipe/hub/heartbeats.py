"""The open sessions of a hub, and when each is due for its next heartbeat. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from .session import Session


class Heartbeats:
    """Keep the open sessions, the one that is due soonest first.

    Args:
        interval: seconds between two heartbeats of a session.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._due: OrderedDict[Session, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, session: Session) -> bool:
        return session in self._due

    def __iter__(self) -> Iterator[Session]:
        """Iterate over a copy, so sessions may be removed meanwhile."""
        return iter(list(self._due))

    def add(self, session: Session, now: float) -> None:
        """Add a session that is due one interval from now."""
        self._due[session] = now + self._interval

    def remove(self, session: Session) -> bool:
        """Remove a session; return whether it was there."""
        return self._due.pop(session, None) is not None

    def take_due(self, now: float) -> Iterator[Session]:
        """Yield each session that is due; it is due again one interval from now."""
        while self._due:
            session, due = next(iter(self._due.items()))
            if due > now:
                return
            self._due[session] = now + self._interval
            self._due.move_to_end(session)
            yield session

    def seconds_to_next(self, now: float) -> float:
        """Return the seconds until a session is due; one interval if there is none."""
        due = next(iter(self._due.values()), None)
        return self._interval if due is None else due - now
