"""Tell a program on the server's own machine from everybody else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

from ..auth.origin import url_parts

# What proxies add to a request; and whatever begins with x-forwarded-.
_FORWARDED = {"forwarded", "via", "client-ip", "true-client-ip", "x-client-ip", "x-real-ip"}
_FORWARDED |= {"cf-connecting-ip", "fastly-client-ip", "x-cluster-client-ip", "x-original-host"}


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
    _, name, _ = url_parts(f"//{host}")
    if name is None:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)
