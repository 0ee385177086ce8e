"""``dash_pipe.sign_channel()``: sign the token that a Pipe needs on a protected channel."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from . import runtime
from .auth.channel_token import MAX_LENGTH, ChannelToken, sign_token
from .auth.token_keys import signing_keys
from .errors import SigningError
from .log import Labels
from .protocol import MAX_LABELS, MAX_NAME, is_name


def sign_channel(
    channel_name: str,
    *,
    max_age: float = 86_400.0,
    labels: str | Sequence[str] | None = None,
    refresh_for: float = 0.0,
) -> str:
    """Return a token for ``Pipe(channel_name=..., token=...)`` on a channel that is protected.

    Call it where the layout is built for a user, after you have checked that the user may listen
    there. Who has the token may listen until it ends; nobody can change it or make another without
    the key. It is for one channel, so it need not be secret from the user, who can read its text.

    Args:
        channel_name: the channel, a string of 1 to 200 characters.
        max_age: seconds until the token ends, and with it the subscription: the Pipe is ``denied``
            until a callback sets another ``token``.
        labels: the labels that the token is for: one, or a list of at most 32. By default it is for
            all of them, and only then a Pipe without a ``label`` may use it.
        refresh_for: seconds from now in which the endpoint gives a page a fresh token for this one
            before it ends, each time for ``max_age``, if the setting ``authorize`` allows it. By
            default it does not.

    Returns:
        The token, of letters, digits and ``-_.``

    Raises:
        SigningError: an argument is invalid.
        SettingError: there is no key; set ``token_keys``.
    """
    if not is_name(channel_name):
        raise SigningError("channel_name", _expected_name(channel_name))
    _check_seconds("max_age", max_age, above_zero=True)
    _check_seconds("refresh_for", refresh_for, above_zero=False)
    now = time.time()
    end, last = round(now + max_age, 3), round(now + refresh_for, 3)
    return _signed(ChannelToken(channel_name, _checked(labels), end, max_age, last))


def _signed(token: ChannelToken) -> str:
    """Return the text of a token, which a Pipe can take."""
    try:
        text = sign_token(token, signing_keys(runtime.current()))
    except UnicodeEncodeError:
        raise SigningError("channel_name, labels", "expected valid Unicode") from None
    if len(text) > MAX_LENGTH:
        reason = f"expected labels for a token of at most {MAX_LENGTH} characters, got {len(text)}"
        raise SigningError("labels", reason)
    return text


def _checked(labels: str | Sequence[str] | None) -> Labels:
    if labels is None:
        return None
    found = [labels] if isinstance(labels, str) else list(labels)
    if not 1 <= len(found) <= MAX_LABELS:
        reason = f"expected 1 to {MAX_LABELS} labels, or None for all; got {len(found)}"
        raise SigningError("labels", reason)
    for label in found:
        if not is_name(label):
            raise SigningError("labels", _expected_name(label))
    return frozenset(found)


def _expected_name(value: object) -> str:
    return f"expected a string of 1 to {MAX_NAME} characters, got {value!r:.100}"


def _check_seconds(argument: str, value: float, *, above_zero: bool) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and (value > 0 or (value == 0 and not above_zero)):
        return
    raise SigningError(argument, f"expected a number of seconds, got {value!r:.100}")
