"""The plain-HTTP half of the endpoint: what a host hands in, and what it sends back. Pure."""

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
    """A request below ``<prefix>_pipe/`` that is no websocket.

    Attributes:
        method: in capitals.
        path: what follows ``_pipe/``: ``poll``, ``info``, ``poke/``.
        headers: by lower-case name.
        body: a host reads one byte more than ``MAX_BODY_BYTES`` at most, so that a body that is
            too large is known as such (413) and never held.
        peer: the address of the client, where the server tells.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str | None = None


class HttpAnswer(NamedTuple):
    """What a host sends back: a status, a JSON text, and headers beside its content type."""

    status: int
    body: str
    headers: Mapping[str, str] = _NONE


def error_response(status: int, code: Close, reason: str) -> HttpAnswer:
    """What a browser is told in place of a close; with 503 when it may come back."""
    if code == Close.TRY_LATER:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    return HttpAnswer(status, json.dumps({"code": code, "reason": reason}))
