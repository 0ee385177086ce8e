"""Who may connect. Pure policy: facts of a request in, a verdict out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from ..protocol import Close, Rejection

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def rejection(headers: Mapping[str, str], allowed: Collection[str]) -> Rejection | None:
    """Why the page that sent a request may not use our endpoint; ``None`` when it may.

    Args:
        headers: of the request; their names in lower case.
        allowed: see ``origin_allowed``.
    """
    hosts = [headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")]
    if origin_allowed(headers.get("origin"), hosts, allowed):
        return None
    return Close.ORIGIN, "this origin is not among allowed_origins"


def origin_allowed(origin: str | None, hosts: Collection[str], allowed: Collection[str]) -> bool:
    """Whether a page may open our websocket.

    A browser opens websockets across sites and sends its cookies along; the ``Origin`` header
    is how a server tells its own pages from others. It can't be forged by a page, and neither
    can ``Host`` or ``X-Forwarded-Host``.

    Args:
        origin: the ``Origin`` header; absent when the client is not a browser, which is allowed.
        hosts: the names under which this server was asked for: ``Host`` and whatever
            ``X-Forwarded-Host`` lists.
        allowed: further origins, as in ``https://example.org:8443``; ``*`` allows all.
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
    """Scheme, host and port of a URL; no host when it is not one."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return "", None, None
