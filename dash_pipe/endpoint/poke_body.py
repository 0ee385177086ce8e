"""Read the messages in the body of a poke. The contract is docs/poke.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import InvalidMessageError
from ..log import Position
from ..protocol import MAX_NAME
from ..runtime import Runtime
from ..sending import prepared
from .http import MAX_BODY_BYTES, HttpRequest

MAX_MESSAGES = 1000  # in one body

# JSON's own type, the default of `curl -d`, and no type.
_CONTENT_TYPES = ("application/json", "application/x-www-form-urlencoded", "")
_REQUIRED = ("channel_name", "label", "value")
_FIELDS = (*_REQUIRED, "message_id")
_EXAMPLE = '{"channel_name": "jobs", "label": "progress", "value": 0.4}'
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class PokeMessage(NamedTuple):
    """A message of a body, checked and encoded.

    Attributes:
        where: its place in the body, such as ``[2]``; empty if it is the body.
        send: sends it and returns its position.
    """

    where: str
    channel_name: str
    send: Callable[[], Position]


class PokeError(Exception):
    """A request is answered with an error.

    Attributes:
        where: the invalid field of the body, such as ``[2].label``; None if it is another error.
    """

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        where: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.where = where
        self.headers = headers


def read(runtime: Runtime, request: HttpRequest) -> list[PokeMessage]:
    """Return the messages of a body, checked and encoded.

    Raises:
        PokeError: the body is too large, not JSON, or invalid.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _CONTENT_TYPES and not kind.endswith("+json"):
        reason = f"expected the content type application/json, got {kind!r}"
        raise PokeError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason)
    if len(request.body) > MAX_BODY_BYTES:
        reason = f"expected a body of at most {MAX_BODY_BYTES:,} bytes; send it in parts"
        raise PokeError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
    body = _decoded(request.body)
    if not isinstance(body, list):
        return [_message(runtime, body, "")]
    if len(body) > MAX_MESSAGES:
        raise _bad(
            f"expected at most {MAX_MESSAGES:,} messages, got {len(body):,}; send them in parts"
        )
    return [_message(runtime, each, f"[{number}]") for number, each in enumerate(body)]


def _decoded(body: bytes) -> Any:
    def no_constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(body, parse_constant=no_constant)
    except RecursionError:
        raise _bad("the body is nested too deeply") from None
    except ValueError as error:
        raise _bad(f"expected a JSON object such as {_EXAMPLE}, or a list: {error}") from None


def _message(runtime: Runtime, body: Any, where: str) -> PokeMessage:
    """Check and encode a message."""
    if not isinstance(body, dict):
        raise _bad(f"expected a JSON object such as {_EXAMPLE}", where)
    for name in _REQUIRED:
        if name not in body:
            raise _bad(f"{name} is missing; expected {_EXAMPLE}", at(where, name))
    for name in body:
        if name not in _FIELDS:
            reason = f"unknown field; expected {', '.join(_FIELDS)}"
            raise _bad(reason, at(where, name[:MAX_NAME]))
    try:
        return PokeMessage(where, body["channel_name"], prepared(runtime, **body))
    except InvalidMessageError as error:
        raise _bad(str(error), at(where, error.argument)) from None


def at(where: str, field: str) -> str:
    """Return the place of a field in the body."""
    return f"{where}.{field}" if where else field


def _bad(reason: str, where: str | None = None) -> PokeError:
    return PokeError(HTTPStatus.BAD_REQUEST, reason, where or None)
