"""Who may connect. Pure policy: facts of a request in, a verdict out."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from urllib.parse import urlsplit

from .log import Labels
from .protocol import Close, Denied

Refusal = tuple[Close, str]
"""Why a browser may not stay: told by the close code, as it can't read the answer to a handshake"""

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def refusal(headers: Mapping[str, str], allowed: Collection[str]) -> Refusal | None:
    """Why the page that sent a request may not use our endpoint; ``None`` when it may.

    Args:
        headers: of the request; their names in lower case.
        allowed: see ``origin_allowed``.
    """
    hosts = [headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")]
    if origin_allowed(headers.get("origin"), hosts, allowed):
        return None
    return Close.ORIGIN, "this origin is not among allowed_origins"


def questions(labels: Labels) -> Generator[Labels, bool, Denied]:
    """What to ask an app about a subscription: yields labels, is sent whether they are permitted.

    Labels that are refused together are asked for one by one, so that a Pipe whose label is
    refused does not shut out another one on the same channel. An app that permits each but not
    all of them together is taken at its word: all are refused.

    Returns:
        What is refused; ``None`` in it stands for a subscription to every label.
    """
    if (yield labels):
        return frozenset()
    if labels is None:
        return frozenset({None})
    denied = set()
    if len(labels) > 1:
        for label in sorted(labels):
            if not (yield frozenset({label})):
                denied.add(label)
    return frozenset(denied or labels)


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
    scheme, host, port = _parts(origin)
    if not host:
        return False  # "null": a sandboxed frame, a local file
    default = _DEFAULT_PORTS.get(scheme)
    for name in hosts:
        _, other, other_port = _parts(f"//{name.strip()}")
        if host == other and (port or default) == (other_port or default):
            return True
    return False


def _parts(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of a URL; no host when it is not one."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return "", None, None
