"""A plain HTTP request to the endpoint, and its answer, independent of the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from ..protocol import Close

MAX_BODY_BYTES = 1024 * 1024

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class HttpRequest:
    """A request below ``<prefix>_pipe/`` that is not a websocket.

    Attributes:
        method: the method, in capitals.
        path: the path after ``_pipe/``: ``poll``, ``info``, ``token``, ``poke/``.
        headers: the headers, by lower-case name.
        body: the body. A host reads at most ``MAX_BODY_BYTES`` + 1 bytes: one byte too many is
            enough to answer 413.
        peer: the address of the client, if the server knows it.
        scheme: the scheme of the server, if known.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str | None = None
    scheme: str = ""


class HttpAnswer(NamedTuple):
    """The answer: a status, a JSON text, and headers in addition to its content type."""

    status: int
    body: str
    headers: Mapping[str, str] = _NONE


def error_response(status: int, code: Close, reason: str) -> HttpAnswer:
    """Return the answer that stands for a close code; its status is 503 if a retry may help."""
    if code == Close.TRY_LATER:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    return HttpAnswer(status, json.dumps({"code": code, "reason": reason}))
