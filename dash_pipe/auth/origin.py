"""Check the origin and the host of a request. Pure: headers in, a rejection out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..protocol import Close, Rejection
from ..settings.origins import matches_host, matches_origin, parse_host, parse_origin

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SECURE = ("https", "wss")


@dataclass(frozen=True)
class RequestHead:
    """A request, as far as its headers and the server tell.

    Attributes:
        headers: the headers, by lower-case name.
        scheme: the scheme of the server, if known; behind a proxy that of the browser may differ.
        is_websocket: it is the handshake of a websocket, to which a page can't add headers.
        peer: the address of the client of this server, if known.
    """

    headers: Mapping[str, str]
    scheme: str = ""
    is_websocket: bool = False
    peer: str | None = None

    @property
    def is_from_a_proxy(self) -> bool:
        """Return whether its ``X-Forwarded-`` headers can't be those of another site's page.

        Such a page may add them to a poll, if the app's rules for CORS let it. The browser then
        says that the page is of another site, if it says anything.
        """
        return self.is_websocket or self.headers.get("sec-fetch-site") == "same-origin"

    @property
    def hosts(self) -> list[str]:
        """Return the names of this server: ``Host``, and those in ``X-Forwarded-Host``."""
        return [self.headers.get("host", ""), *self._forwarded("host")]

    @property
    def is_secure(self) -> bool:
        """Return whether the browser is known to use https."""
        told = [proto.lower() in _SECURE for proto in self._forwarded("proto")[:1]]
        if told and self.is_from_a_proxy:
            return told[0]
        return self.scheme in _SECURE or any(told)

    def _forwarded(self, name: str) -> list[str]:
        values = self.headers.get(f"x-forwarded-{name}", "").split(",")
        return [value.strip() for value in values if value.strip()]


def rejection(
    head: RequestHead, allowed: Collection[str], allowed_hosts: Collection[str] = ()
) -> Rejection | None:
    """Return why the page that sent a request may not use the endpoint; None if it may.

    Args:
        head: the request.
        allowed: see ``origin_allowed``.
        allowed_hosts: the names of this server; empty if it answers to every name.
    """
    hosts = head.hosts
    if allowed_hosts and head.headers.get("host"):  # every browser sends it
        hosts = [host for host in hosts if _is_allowed(host, allowed_hosts)]
        if not hosts:
            return Close.ORIGIN, "this host is not in allowed_hosts (on Django: ALLOWED_HOSTS)"
    elif not head.is_from_a_proxy:
        hosts = hosts[:1]
    if origin_allowed(head.headers.get("origin"), hosts, allowed, is_secure=head.is_secure):
        return None
    return Close.ORIGIN, "this origin is not in allowed_origins"


def origin_allowed(
    origin: str | None,
    hosts: Sequence[str],
    allowed: Collection[str],
    *,
    is_secure: bool = False,
) -> bool:
    """Return whether a page of this origin may use the endpoint.

    A browser opens websockets to other sites and sends their cookies. The ``Origin`` header tells
    the server's own pages from others. A page can't forge it, nor ``Host``.

    Args:
        origin: the ``Origin`` header; None if the client is not a browser, which is allowed.
        hosts: the names of this server in the request.
        allowed: further origins such as ``https://example.org:8443``, as ``parse_origin`` returns
            them; ``*`` allows all.
        is_secure: the server is reached by https, so a page by http is another site's.
    """
    if origin is None or "*" in allowed:
        return True
    scheme, host, port = url_parts(origin)
    if not host:
        return False  # "null": a sandboxed frame, a local file
    try:
        if matches_origin(parse_origin(origin), allowed):
            return True
    except ValueError:
        return False
    if is_secure and scheme == "http":
        return False
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


def _is_allowed(host: str, allowed: Collection[str]) -> bool:
    _, name, _ = url_parts(f"//{host}")
    try:
        return name is not None and matches_host(
            parse_host(f"[{name}]" if ":" in name else name), allowed
        )
    except ValueError:
        return False
