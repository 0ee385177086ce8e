"""Sending over plain HTTP: who may, and what is answered; what a body has to be is ``poke_body``'s.

The contract is docs/poke.md. Every host calls ``answer``; all in it is pure but the sending itself,
which comes last: of a body that is wrong anywhere nothing is sent.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from ..errors import BrokerUnavailableError, InvalidMessageError
from ..log import Position
from ..runtime import Runtime
from ..settings import Settings
from .http import HttpAnswer, HttpRequest
from .local import why_not_local
from .poke_body import PokeError, PokeMessage, at, read

ROUTE = "poke/"  # below the route of plain HTTP

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def route(http_route: str | None, prefix: str) -> str:
    """The path of poke on a server.

    Args:
        http_route: the setting.
        prefix: the path of the app's own endpoint, which ends with ``_pipe/``.
    """
    return prefix + ROUTE if http_route is None else f"/{http_route.strip('/')}/{ROUTE}"


def paths(http_route: str | None, prefix: str) -> tuple[str, str]:
    """The same with and without the slash at its end, which may be left out."""
    path = route(http_route, prefix)
    return path, path.rstrip("/")


def answer(runtime: Runtime, request: HttpRequest) -> HttpAnswer:
    """Send what a request brings. May wait for the broker: an async host calls it in a thread.

    Returns:
        200 with the positions of the messages, in their order; else the reason, in ``error``:
        400, 401, 404, 405, 413, 415; 503 when the broker could not be reached, with the positions
        of the messages that were sent before, and what ``BrokerUnavailableError`` says of the next.
    """
    messages: list[PokeMessage] = []
    positions: list[Position] = []
    try:
        admit(request, runtime.settings)
        messages = read(runtime, request)
        for message in messages:
            positions.append(message.send())  # noqa: PERF401 - what was sent before an error counts
    except PokeError as refused:
        return _answer(refused.status, refused.headers, error=refused.reason, where=refused.where)
    except InvalidMessageError as error:  # there are brokers that find out when they are to send
        return _answer(
            HTTPStatus.BAD_REQUEST,
            error=str(error),
            where=at(messages[len(positions)].where, error.argument),
            positions=_shown(messages, positions) or None,
        )
    except BrokerUnavailableError as error:
        return _answer(
            HTTPStatus.SERVICE_UNAVAILABLE,
            error=str(error),
            positions=_shown(messages, positions),
            message_id=error.message_id,
            may_have_been_sent=error.may_have_been_sent,
        )
    return _answer(HTTPStatus.OK, positions=_shown(messages, positions))


def busy() -> HttpAnswer:
    """What is answered where no thread was free to look at a request."""
    reason = "this server is busy with the messages of others; nothing was sent"
    return _answer(
        HTTPStatus.SERVICE_UNAVAILABLE, error=reason, positions=[], may_have_been_sent=False
    )


def admit(request: HttpRequest, settings: Settings) -> None:
    """Let a request in.

    Raises:
        PokeError: the route is off, the method is another, the sender may not send.
    """
    if not settings.http_poke_enabled:
        reason = "sending over HTTP is off; the setting http_poke_enabled turns it on"
        raise PokeError(HTTPStatus.NOT_FOUND, reason)
    if request.method != "POST":
        reason = f"a message comes with POST, not {request.method}"
        raise PokeError(HTTPStatus.METHOD_NOT_ALLOWED, reason, headers={"Allow": "POST"})
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


def _unauthorized(reason: str) -> PokeError:
    return PokeError(HTTPStatus.UNAUTHORIZED, reason, headers={"WWW-Authenticate": "Bearer"})


def _knows(authorization: str, token: str) -> bool:
    """Whether the header has the token; compared in a time that tells nothing."""
    scheme, _, given = authorization.strip().partition(" ")
    same = hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())
    return same and scheme.lower() == "bearer"


def _shown(messages: list[PokeMessage], positions: list[Position]) -> list[dict[str, Any]]:
    return [
        {"channel_name": message.channel_name, "epoch": epoch, "offset": offset}
        for message, (epoch, offset) in zip(messages, positions, strict=False)
    ]


def _answer(
    status: HTTPStatus, headers: Mapping[str, str] = _NO_HEADERS, **fields: Any
) -> HttpAnswer:
    body = {name: value for name, value in fields.items() if value is not None}
    return HttpAnswer(status, json.dumps(body), {"Cache-Control": "no-store", **headers})
