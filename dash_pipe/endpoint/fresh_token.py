"""Give a page a fresh token for one that is about to end, if the app still allows it.

A token says for how long there may be fresh ones in its place, and each time the app is called:
so neither a token that somebody has copied nor a user who has been blocked can listen for ever.
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import Any

from ..auth.channel_token import ChannelToken, InvalidTokenError, sign_token
from ..auth.token_check import TokenCheck
from ..auth.token_keys import verifying_keys
from ..errors import ProtocolError
from ..hub.authorization import AuthorizationTimeout
from ..protocol import MAX_FRAME_BYTES, Close, Subscribe, is_name
from ..runtime import Runtime
from .http import HttpAnswer, HttpRequest, error_response
from .poll import AuthorizeSubscribe

_DENIED = (
    "this app gives no fresh token for that one (the log of the server says why, unless its "
    "setting `authorize` denied it)"
)


def fresh_token(
    runtime: Runtime, request: HttpRequest, authorize: AuthorizeSubscribe
) -> HttpAnswer:
    """Answer with a fresh token: 200, or another status with a ``code`` and a ``reason``.

    Args:
        runtime: has the keys and the settings.
        request: its ``body`` is a JSON object with a ``channel`` and its ``token``.
        authorize: called for the labels of the token. May wait.
    """
    parts = _request_of(request.body)
    if parts is None:
        reason = "expected a JSON object with a channel and a token"
        return error_response(HTTPStatus.BAD_REQUEST, Close.BAD_FRAMES, reason)
    check, (channel, text) = TokenCheck(runtime), parts
    try:
        token = check.valid_token(channel, text)
        fresh = _fresh(runtime, token)
    except InvalidTokenError as error:
        check.note(channel, str(error))
        return _denied()
    try:
        outcome = authorize(Subscribe(channel, token.labels, token=text))
    except ProtocolError:
        return _denied()
    if isinstance(outcome, AuthorizationTimeout):
        reason = "authorize() timed out; the page will retry"
        return error_response(HTTPStatus.SERVICE_UNAVAILABLE, Close.TRY_LATER, reason)
    if outcome.denied:
        return _denied()
    seconds = round(fresh.end - time.time(), 3)
    answer = {"token": sign_token(fresh, verifying_keys(runtime)), "seconds": seconds}
    return HttpAnswer(HTTPStatus.OK, json.dumps(answer))


def _request_of(body: bytes) -> tuple[str, str] | None:
    """Return the channel and the token of a body; None if it has none."""
    try:
        fields: Any = json.loads(body) if len(body) <= MAX_FRAME_BYTES else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    channel, text = fields.get("channel"), fields.get("token")
    return (channel, text) if is_name(channel) and isinstance(text, str) else None


def _fresh(runtime: Runtime, token: ChannelToken) -> ChannelToken:
    """Return the content of the fresh token.

    Raises:
        InvalidTokenError: there is none.
    """
    if runtime.settings.authorize is None:
        raise InvalidTokenError("without the setting authorize nobody gets a fresh one")
    fresh = token.refreshed(time.time())
    if fresh is None:
        raise InvalidTokenError("it can't be refreshed, or has just been; see refresh_for")
    return fresh


def _denied() -> HttpAnswer:
    return error_response(HTTPStatus.FORBIDDEN, Close.UNAUTHORIZED, _DENIED)
