"""Check the origin of a request. Pure: headers in, a rejection out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from ..protocol import Close, Rejection

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def rejection(headers: Mapping[str, str], allowed: Collection[str]) -> Rejection | None:
    """Return why the page that sent a request may not use the endpoint; None if it may.

    Args:
        headers: the headers of the request, by lower-case name.
        allowed: see ``origin_allowed``.
    """
    hosts = [headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")]
    if origin_allowed(headers.get("origin"), hosts, allowed):
        return None
    return Close.ORIGIN, "this origin is not in allowed_origins"


def origin_allowed(origin: str | None, hosts: Collection[str], allowed: Collection[str]) -> bool:
    """Return whether a page of this origin may open a websocket.

    A browser opens websockets to other sites and sends their cookies. The ``Origin`` header tells
    the server's own pages from others. A page can't forge it, nor ``Host`` or
    ``X-Forwarded-Host``.

    Args:
        origin: the ``Origin`` header; None if the client is not a browser, which is allowed.
        hosts: the names of this server in the request: ``Host``, and those in
            ``X-Forwarded-Host``.
        allowed: further origins such as ``https://example.org:8443``; ``*`` allows all.
    """
    if origin is None or "*" in allowed:
        return True
    if origin in allowed:
        return True
    scheme, host, port = url_parts(origin)
    if not host:
        return False  # "null": a sandboxed frame, a local file
    default = _DEFAULT_PORTS.get(scheme)
    for name in hosts:
        _, other, other_port = url_parts(f"//{name.strip()}")
        if host == other and (port or default) == (other_port or default):
            return True
    return False


def url_parts(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL; no host if it is invalid."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return "", None, None
