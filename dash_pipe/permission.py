"""The answer of ``authorize`` that ends: a permission until a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from .errors import InvalidPermissionError

_EXPECTED = "allow(until=...): expected seconds since the epoch or an aware datetime"


@dataclass(frozen=True)
class Allowed:
    """A permission to listen; see ``allow``.

    Attributes:
        until: when it ends, in seconds since the epoch; None if it has no end.
    """

    until: float | None = None


def allow(*, until: float | datetime | None = None) -> Allowed:
    """Allow a page to listen until a time; a function ``authorize`` returns it in place of True.

    Nothing is sent after the end before ``authorize`` has allowed it again: it is called at the
    end. Without an end it is like True.

    Args:
        until: seconds since the epoch, as ``time.time()`` returns them and the ``exp`` of a token
            has them; or an aware datetime.

    Raises:
        InvalidPermissionError: ``until`` is something else.
    """
    if until is None:
        return Allowed()
    if isinstance(until, datetime):
        if until.utcoffset() is None:
            raise InvalidPermissionError(
                f"{_EXPECTED}, got {until!r} without a time zone; make it with "
                "datetime.now(timezone.utc) + timedelta(...), or with tzinfo="
            )
        return Allowed(until.timestamp())
    if isinstance(until, bool) or not isinstance(until, int | float) or not math.isfinite(until):
        raise InvalidPermissionError(
            f"{_EXPECTED}, got {until!r:.100}; for a permission of an hour write "
            "until=time.time() + 3600, for one without an end return True"
        )
    return Allowed(float(until))


def earliest(*ends: float | None) -> float | None:
    """Return the first of some ends; None stands for no end."""
    return min((end for end in ends if end is not None), default=None)
