"""Publish over HTTP: admit a request, send its messages, answer with their positions.

The contract is docs/poke.md. Every host calls ``answer``. It checks the whole body first: if
anything in it is invalid, nothing is sent.
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

ROUTE = "poke/"  # below the HTTP route

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def route(http_route: str | None, prefix: str) -> str:
    """Return the path of poke on a server.

    Args:
        http_route: the setting ``http_route``.
        prefix: the path of the app's endpoint, which ends with ``_pipe/``.
    """
    return prefix + ROUTE if http_route is None else f"/{http_route.strip('/')}/{ROUTE}"


def paths(http_route: str | None, prefix: str) -> tuple[str, str]:
    """Return the path of poke with and without its trailing slash."""
    path = route(http_route, prefix)
    return path, path.rstrip("/")


def answer(runtime: Runtime, request: HttpRequest) -> HttpAnswer:
    """Send the messages of a request. May wait for the broker: an async host uses a thread.

    Returns:
        200 with the positions of the messages, in order. Otherwise ``error`` has the reason: 400,
        401, 404, 405, 413, 415; 503 if the broker did not answer, with the positions of the
        messages that were sent, and the fields of ``BrokerUnavailableError`` for the next one.
    """
    messages: list[PokeMessage] = []
    positions: list[Position] = []
    try:
        admit(request, runtime.settings)
        messages = read(runtime, request)
        for message in messages:
            positions.append(message.send())  # noqa: PERF401 - positions before an error count
    except PokeError as error:
        return _answer(error.status, error.headers, error=error.reason, where=error.where)
    except InvalidMessageError as error:  # some brokers find out while they send
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
    """Return the answer if no thread was free for the request."""
    reason = "this server is busy; nothing was sent; retry later"
    return _answer(
        HTTPStatus.SERVICE_UNAVAILABLE, error=reason, positions=[], may_have_been_sent=False
    )


def admit(request: HttpRequest, settings: Settings) -> None:
    """Admit a request.

    Raises:
        PokeError: poke is off, the method is not POST, or the sender may not publish.
    """
    if not settings.http_poke_enabled:
        reason = "publishing over HTTP is off; the setting http_poke_enabled turns it on"
        raise PokeError(HTTPStatus.NOT_FOUND, reason)
    if request.method != "POST":
        reason = f"expected POST, got {request.method}"
        raise PokeError(HTTPStatus.METHOD_NOT_ALLOWED, reason, headers={"Allow": "POST"})
    if settings.http_poke_token is not None:
        if not _has_token(request.headers.get("authorization", ""), settings.http_poke_token):
            raise _unauthorized(
                "send the header 'Authorization: Bearer <token>'; the token is the setting "
                "http_poke_token of this server"
            )
    elif sign := why_not_local(request.headers, request.peer):
        raise _unauthorized(
            f"without a token only programs on the server's machine may publish, and {sign}; "
            "set http_poke_token (DASH_PIPE_HTTP_POKE_TOKEN) on the server, and send "
            "'Authorization: Bearer <token>'"
        )


def _unauthorized(reason: str) -> PokeError:
    return PokeError(HTTPStatus.UNAUTHORIZED, reason, headers={"WWW-Authenticate": "Bearer"})


def _has_token(authorization: str, token: str) -> bool:
    """Return whether the header has the token. Compare in constant time."""
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
