"""Tell requests of programs on this machine from all others. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

from ..auth.origin import url_parts

# Headers that proxies add; also all that begin with x-forwarded-.
_FORWARDED = {"forwarded", "via", "client-ip", "true-client-ip", "x-client-ip", "x-real-ip"}
_FORWARDED |= {"cf-connecting-ip", "fastly-client-ip", "x-cluster-client-ip", "x-original-host"}


def why_not_local(headers: Mapping[str, str], peer: str | None) -> str | None:
    """Return why a request may not come from a program on this machine; None if it does.

    The address alone proves nothing: a web page in a browser on this machine can post to it, and
    behind a proxy every client has the address of the proxy.

    Args:
        headers: the headers of the request, by lower-case name.
        peer: the address of the client; None if it has none, as on a Unix socket, where the client
            may be a proxy.
    """
    if not _is_loopback(peer or ""):
        return f"this request comes from {peer or 'an unknown address'}"
    for name in headers:
        if name == "origin" or name.startswith("sec-fetch-"):
            return f"this one comes from a web page (it has the header {name})"
        if name in _FORWARDED or name.startswith("x-forwarded-"):
            return f"this one came through a proxy (it has the header {name})"
    host = headers.get("host")
    if host is not None and not _is_local_name(host):
        return f"this one is for the host {host!r}, which is not localhost"
    return None


def _is_loopback(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped  # a dual-stack socket shows an IPv4 peer so
    return ip.is_loopback


def _is_local_name(host: str) -> bool:
    """Return whether a ``Host`` header names localhost. A page of another site can't set that."""
    _, name, _ = url_parts(f"//{host}")
    if name is None:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)
