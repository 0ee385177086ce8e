"""Decide when ``authorize`` is called again for a permission that is in use. Pure."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count

from ..protocol import Subscribe
from .session import Grant, Session

MAX_CALLS = 8  # at a time in a hub: half of the threads for calls of the app stay for subscribes
MIN_SECONDS = 1.0  # between two calls for a subscription
EARLY = (0.75, 0.95)  # parts of `authorize_again` after which a call is due, so calls are spread
DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds after each call in a row that brought no answer
_COMPACT = 64  # entries of grants that have ended are removed when there are more than the others


class Renewals:
    """The grants of a hub, by the time when ``authorize`` is called again for each.

    At most ``MAX_CALLS`` are under way; the others wait in the order of their times.

    Args:
        again: seconds for which a permission holds at most.
        uniform: returns a random number between two.
    """

    def __init__(
        self, again: float, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._again = again
        self._uniform = uniform
        self._number = count()
        self._due: list[tuple[float, int, Grant]] = []
        self._compact_at = _COMPACT
        self._under_way: set[Grant] = set()

    def add(
        self, session: Session, subscribe: Subscribe, now: float, seconds: float | None
    ) -> Grant:
        """Add the grant for a permission.

        Args:
            session: listens.
            subscribe: what the app has permitted.
            now: the clock of the hub.
            seconds: the time that the app has given the permission; None for no end.
        """
        left = self._again if seconds is None else min(seconds, self._again)
        early = self._again * self._uniform(*EARLY)
        grant = Grant(session, subscribe, now + left, now + max(min(early, left), MIN_SECONDS))
        self._push(grant)
        return grant

    def add_due(self, revoked: Grant, now: float) -> Grant:
        """Add a grant in place of one that was revoked. It has ended, and a call is due at once."""
        grant = Grant(revoked.session, revoked.subscribe, now, now)
        self._push(grant)
        return grant

    def next_due(self, now: float) -> Grant | None:
        """Return a grant for which a call is due, and may be made; it is under way then."""
        while self._due and self._due[0][0] <= now and len(self._under_way) < MAX_CALLS:
            ask_at, _, grant = heapq.heappop(self._due)
            if not grant.is_over and grant.ask_at == ask_at and grant not in self._under_way:
                self._under_way.add(grant)
                return grant
        return None

    def finish(self, grant: Grant) -> None:
        """Note that a call has ended."""
        self._under_way.discard(grant)

    def leave(self, session: Session) -> None:
        """Forget the calls of a session that has gone."""
        self._under_way = {each for each in self._under_way if each.session is not session}

    def postpone(self, grant: Grant, now: float) -> bool:
        """Have another call made after one without an answer; return False after the last."""
        if grant.tries == len(DELAYS):
            return False
        grant.ask_at = now + DELAYS[grant.tries]
        grant.tries += 1
        self._push(grant)
        return True

    def seconds_to_next(self, now: float) -> float:
        """Return the seconds until a call is due and may be made; infinite if none is."""
        if not self._due or len(self._under_way) == MAX_CALLS:
            return float("inf")
        return max(0.0, self._due[0][0] - now)

    def _push(self, grant: Grant) -> None:
        heapq.heappush(self._due, (grant.ask_at, next(self._number), grant))
        if len(self._due) > self._compact_at:
            self._due = [each for each in self._due if not each[2].is_over]
            heapq.heapify(self._due)
            self._compact_at = 2 * len(self._due) + _COMPACT
