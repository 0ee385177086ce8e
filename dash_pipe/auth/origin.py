"""Who may connect. Pure policy: facts of a request in, a verdict out."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from ..log import Labels
from ..protocol import SUBPROTOCOL, Close, Denied

Rejection = tuple[Close, str]
"""Why a browser may not stay: told by the close code, as it can't read the answer to a handshake"""

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
# What proxies add to a request; and whatever begins with x-forwarded-.
_FORWARDED = {"forwarded", "via", "client-ip", "true-client-ip", "x-client-ip", "x-real-ip"}
_FORWARDED |= {"cf-connecting-ip", "fastly-client-ip", "x-cluster-client-ip", "x-original-host"}


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


def choose_subprotocol(offered: Sequence[str]) -> str | None:
    """Choose ours; else what is offered, so that the browser stays to read why it is closed."""
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    return offered[0] if offered else None


def version_rejection(chosen: str | None) -> Rejection | None:
    """Why a browser may not stay to which no version of ours was offered, if so."""
    if chosen in (None, SUBPROTOCOL):  # who offers none is taken to speak version 1
        return None
    return Close.VERSION, f"this server speaks {SUBPROTOCOL}"


def label_sets(labels: Labels) -> Generator[Labels, bool, Denied]:
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
    nobody: Denied = frozenset({None})  # who asks for no label learns nothing either
    return frozenset(denied) or labels or nobody


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


def why_not_local(headers: Mapping[str, str], peer: str | None) -> str | None:
    """What says that a request is no program's on this machine; ``None`` when nothing does.

    A page in a browser here can post to this machine, and behind a proxy everybody's address is
    this machine's: so the address is not enough.

    Args:
        headers: of the request; their names in lower case.
        peer: the address of the client; ``None`` where there is none, as on a unix socket, at
            whose other end there may be a proxy.
    """
    if not _is_loopback(peer or ""):
        return f"this request comes from {peer or 'an address that is not known'}"
    for name in headers:
        if name == "origin" or name.startswith("sec-fetch-"):
            return f"this one was made by a page in a browser (it has the header {name})"
        if name in _FORWARDED or name.startswith("x-forwarded-"):
            return f"this one came through a proxy (it has the header {name})"
    host = headers.get("host")
    if host is not None and not _is_local_name(host):
        return f"this one asks for the host {host!r}, which is not this machine's localhost"
    return None


def _is_loopback(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped  # how a socket for both kinds shows an IPv4 peer
    return ip.is_loopback


def _is_local_name(host: str) -> bool:
    """Whether a ``Host`` header names this machine, as no other site's page can have it do."""
    _, name, _ = _parts(f"//{host}")
    if name is None:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _parts(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of a URL; no host when it is not one."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return "", None, None
