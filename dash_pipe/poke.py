"""Sending over plain HTTP: who may, what a body has to be, what is answered.

The contract is docs/poke.md. Every host calls ``answer``; all in it is pure but the sending itself,
which comes last: of a body that is wrong anywhere nothing is sent.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from . import runtime
from .access import why_not_local
from .errors import BrokerUnavailable, InvalidMessageError
from .http import MAX_BODY_BYTES, HttpAnswer, HttpRequest
from .log import Position
from .protocol import MAX_NAME
from .sending import check, send_to_pipe_channel
from .settings import Settings

ROUTE = "poke/"  # below the route of plain HTTP
MAX_MESSAGES = 1000  # in one body

# JSON's own, what `curl -d` says of everything, and nothing said.
_CONTENT_TYPES = ("application/json", "application/x-www-form-urlencoded", "")
_FIELDS = ("channel_name", "label", "value", "message_id")
_EXAMPLE = '{"channel_name": "jobs", "label": "progress", "value": 0.4}'


class Message(NamedTuple):
    """A message of a body: what ``send_to_pipe_channel`` takes."""

    channel_name: str
    label: str
    value: Any
    message_id: str | None = None


class Refused(Exception):  # noqa: N818 - an answer that is on its way, not an error of ours
    """A request that gets another answer than the positions of its messages."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        where: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.answer = _answer(status, headers or {}, error=reason, where=where)


def route(http_route: str | None, prefix: str) -> str:
    """The path of poke on a server.

    Args:
        http_route: the setting.
        prefix: the path of the app's own endpoint, which ends with ``_pipe/``.
    """
    return prefix + ROUTE if http_route is None else f"/{http_route.strip('/')}/{ROUTE}"


def answer(request: HttpRequest) -> HttpAnswer:
    """Send what a request brings. May wait for the broker: an async host calls it in a thread.

    Returns:
        200 with the positions of the messages, in their order; else the reason, in ``error``:
        400, 401, 404, 405, 413, 415; 503 when the broker could not be reached, with the positions
        of the messages that were sent before, and of the next one what ``BrokerUnavailable`` says.
    """
    try:
        admit(request, runtime.current().settings)
        messages = read(request)
    except Refused as refused:
        return refused.answer
    positions: list[Position] = []
    try:
        for channel, label, value, message_id in messages:
            position = send_to_pipe_channel(channel, label, value, message_id=message_id)
            positions.append(position)
    except BrokerUnavailable as error:
        return _answer(
            HTTPStatus.SERVICE_UNAVAILABLE,
            {},
            error=str(error),
            positions=_shown(messages, positions),
            message_id=error.message_id,
            may_have_been_sent=error.may_have_been_sent,
        )
    return _answer(HTTPStatus.OK, {}, positions=_shown(messages, positions))


def admit(request: HttpRequest, settings: Settings) -> None:
    """Let a request in.

    Raises:
        Refused: the route is off, the method is another, the sender may not send.
    """
    if not settings.http_poke_enabled:
        reason = "sending over HTTP is off; the setting http_poke_enabled turns it on"
        raise Refused(HTTPStatus.NOT_FOUND, reason)
    if request.method != "POST":
        reason = f"a message comes with POST, not {request.method}"
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, reason, headers={"Allow": "POST"})
    if settings.http_poke_token is not None:
        if not _knows(request.headers.get("authorization", ""), settings.http_poke_token):
            raise _unauthorized(
                "send the header 'Authorization: Bearer <token>', with the token that is this "
                "server's setting http_poke_token"
            )
    elif stranger := why_not_local(request.headers, request.peer):
        raise _unauthorized(
            f"without a token only programs on the server's own machine may send, and {stranger}; "
            "set http_poke_token (DASH_PIPE_HTTP_POKE_TOKEN) on the server, and send "
            "'Authorization: Bearer <token>'"
        )


def read(request: HttpRequest) -> list[Message]:
    """The messages of a body, each of which can be sent.

    Raises:
        Refused: the body is too large, of another kind, or wrong anywhere.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _CONTENT_TYPES and not kind.endswith("+json"):
        reason = f"the body is JSON, with the content type application/json, not {kind!r}"
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason)
    if len(request.body) > MAX_BODY_BYTES:
        reason = f"a body has at most {MAX_BODY_BYTES:,} bytes; send it in parts"
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
    body = _decoded(request.body)
    if not isinstance(body, list):
        return [_message(body, "")]
    if len(body) > MAX_MESSAGES:
        raise _bad(f"a list has at most {MAX_MESSAGES:,} messages, this one {len(body):,}")
    return [_message(each, f"[{number}]") for number, each in enumerate(body)]


def _decoded(body: bytes) -> Any:
    def no_constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(body, parse_constant=no_constant)
    except RecursionError:
        raise _bad("the body is nested too deep") from None
    except ValueError as error:
        raise _bad(f"the body is a JSON object such as {_EXAMPLE}, or a list: {error}") from None


def _message(body: Any, where: str) -> Message:
    """One message, checked."""
    if not isinstance(body, dict):
        raise _bad(f"a message is a JSON object such as {_EXAMPLE}", where)
    for name in _FIELDS[:3]:
        if name not in body:
            raise _bad(f"{name} is missing; a message is {_EXAMPLE}", _at(where, name))
    for name in body:
        if name not in _FIELDS:
            reason = f"a message has no such field; it has {', '.join(_FIELDS)}"
            raise _bad(reason, _at(where, name[:MAX_NAME]))
    message = Message(**body)
    try:
        check(*message)
    except InvalidMessageError as error:
        raise _bad(str(error), _at(where, error.argument)) from None
    return message


def _at(where: str, field: str) -> str:
    return f"{where}.{field}" if where else field


def _bad(reason: str, where: str | None = None) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, reason, where or None)


def _unauthorized(reason: str) -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, reason, headers={"WWW-Authenticate": "Bearer"})


def _knows(authorization: str, token: str) -> bool:
    """Whether the header has the token; compared in a time that tells nothing."""
    scheme, _, given = authorization.strip().partition(" ")
    same = hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())
    return same and scheme.lower() == "bearer"


def _shown(messages: list[Message], positions: list[Position]) -> list[dict[str, Any]]:
    return [
        {"channel_name": message.channel_name, "epoch": epoch, "offset": offset}
        for message, (epoch, offset) in zip(messages, positions, strict=False)
    ]


def _answer(status: HTTPStatus, headers: Mapping[str, str], **fields: Any) -> HttpAnswer:
    body = {name: value for name, value in fields.items() if value is not None}
    return HttpAnswer(status, json.dumps(body), {"Cache-Control": "no-store", **headers})
