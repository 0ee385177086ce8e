"""The answer of ``authorize`` that ends: a permission until a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from .errors import InvalidPermissionError

MAX_USER = 200  # characters
_EXPECTED = "allow(until=...): expected seconds since the epoch or an aware datetime"


@dataclass(frozen=True)
class Allowed:
    """A permission to listen; see ``allow``.

    Attributes:
        until: when it ends, in seconds since the epoch; None if it has no end.
        user: the name of the user; None if it is not known.
    """

    until: float | None = None
    user: str | None = None


def allow(*, until: float | datetime | None = None, user: str | int | None = None) -> Allowed:
    """Allow a page to listen until a time; a function ``authorize`` returns it in place of True.

    Nothing is sent after the end before ``authorize`` has allowed it again: it is called at the
    end. Without an end it is like True.

    Args:
        until: seconds since the epoch, as ``time.time()`` returns them and the ``exp`` of a token
            has them; or an aware datetime.
        user: the name or number of the user, for ``revoke`` and ``disconnect``.

    Raises:
        InvalidPermissionError: an argument is of another kind.
    """
    return Allowed(_seconds(until), None if user is None else user_name(user))


def user_name(user: str | int) -> str:
    """Return the name of a user.

    Raises:
        InvalidPermissionError: it is neither a text of 1 to 200 characters nor a number.
    """
    if isinstance(user, int) and not isinstance(user, bool):
        user = str(user)
    if not isinstance(user, str) or not 1 <= len(user) <= MAX_USER:
        raise InvalidPermissionError(
            f"user: expected a string of 1 to {MAX_USER} characters or a whole number, got "
            f"{user!r:.100}; name a user by what stays, such as its key in the database"
        )
    return user


def _seconds(until: float | datetime | None) -> float | None:
    if until is None:
        return None
    if isinstance(until, datetime):
        if until.utcoffset() is None:
            raise InvalidPermissionError(
                f"{_EXPECTED}, got {until!r} without a time zone; make it with "
                "datetime.now(timezone.utc) + timedelta(...), or with tzinfo="
            )
        return until.timestamp()
    if isinstance(until, bool) or not isinstance(until, int | float) or not math.isfinite(until):
        raise InvalidPermissionError(
            f"{_EXPECTED}, got {until!r:.100}; for a permission of an hour write "
            "until=time.time() + 3600, for one without an end return True"
        )
    return float(until)


def earliest(*ends: float | None) -> float | None:
    """Return the first of some ends; None stands for no end."""
    return min((end for end in ends if end is not None), default=None)
