"""Send commands to all processes that serve pages, as messages on a channel of our own."""

from __future__ import annotations

import json

from .. import runtime
from ..errors import InvalidMessageError
from ..permission import user_name
from ..protocol import COMMAND_CHANNEL, MAX_NAME, is_name
from .publishing import publish_text


def revoke(channel_name: str | None = None, *, user: str | int | None = None) -> None:
    """Have ``authorize`` called again everywhere, at once, for subscriptions that are open.

    Call it from any process when the answers of ``authorize`` have changed: a user was blocked, or
    has left a project. Nothing more is sent for these subscriptions before the answer; a denial
    ends them. Without arguments it is for all of them.

    Args:
        channel_name: only for this channel.
        user: only for this user, and for browsers whose user is not known; see ``allow``.

    Raises:
        InvalidMessageError: an argument is of the wrong kind.
        BrokerUnavailableError: the broker did not answer in time. Call it again.
    """
    if channel_name is not None and not is_name(channel_name):
        reason = f"expected a string of 1 to {MAX_NAME} characters, got {channel_name!r:.100}"
        raise InvalidMessageError("channel_name", reason)
    _send("revoke", channel=channel_name, user=None if user is None else user_name(user))


def disconnect(*, user: str | int) -> None:
    """Close the connections of a user everywhere, at once. Their pages connect again.

    They do so with the cookies that the browser has then. Call it after a logout whose session is
    in the cookie: ``authorize`` would find the old one in a connection that is open.

    Args:
        user: the user that ``authorize`` has named; see ``allow``.

    Raises:
        InvalidPermissionError: ``user`` is of the wrong kind.
        BrokerUnavailableError: the broker did not answer in time. Call it again.
    """
    _send("disconnect", user=user_name(user))


def _send(name: str, **fields: str | None) -> None:
    current = runtime.current()
    value = json.dumps({key: each for key, each in fields.items() if each is not None})
    publish_text(current, COMMAND_CHANNEL, name, value)
