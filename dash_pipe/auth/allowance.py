"""Bound the calls of ``authorize`` that one poll may cause: their number, and their time."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import ProtocolError
from ..log import Labels
from ..protocol import MAX_CHANNELS, Subscribe

MAX_CALLS = MAX_CHANNELS  # a page has one subscribe per channel, and most need one call


class Allowance:
    """The calls of ``authorize`` for one poll. Equal ones are made once.

    Args:
        seconds: the time for all calls together, from the first on.
        clock: seconds that only go forward.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._deadline: float | None = None
        self._answers: dict[tuple[str, Labels, str | None], object] = {}

    def deadline(self) -> float:
        """Return when the time has passed. It begins with the first use."""
        if self._deadline is None:
            self._deadline = self._clock() + self._seconds
        return self._deadline

    def has(self, subscribe: Subscribe, labels: Labels) -> bool:
        """Return whether there is an answer already. If not, a call may be made.

        Raises:
            ProtocolError: ``MAX_CALLS`` were made.
        """
        if (subscribe.channel, labels, subscribe.token) in self._answers:
            return True
        if len(self._answers) == MAX_CALLS:
            reason = f"a poll may call authorize() at most {MAX_CALLS} times"
            raise ProtocolError("too_many_channels", reason, subscribe.channel)
        return False

    def answer(self, subscribe: Subscribe, labels: Labels) -> object:
        """Return the answer of a call that was made."""
        return self._answers[subscribe.channel, labels, subscribe.token]

    def put(self, subscribe: Subscribe, labels: Labels, answer: object) -> None:
        """Keep the answer of a call."""
        self._answers[subscribe.channel, labels, subscribe.token] = answer
