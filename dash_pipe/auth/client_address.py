"""Find the address of a browser, behind proxies that are trusted. Pure."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

UNIX = "unix"  # stands for a proxy on a Unix socket, which has no address
_SITE_BITS = 64  # of an IPv6 address: one browser may use all addresses that begin so

Address = IPv4Address | IPv6Address


def client_address(peer: str | None, forwarded: str, trusted: Collection[str]) -> str | None:
    """Return the address that a browser counts under; None if it is unknown.

    A proxy adds the address of its client at the end of ``X-Forwarded-For``. What stands before
    that may be invented, unless that client is a trusted proxy too.

    Args:
        peer: the address of the client of this server; None or empty on a Unix socket.
        forwarded: the header ``X-Forwarded-For``.
        trusted: the addresses and networks of the proxies, or ``UNIX``.
    """
    if peer:
        found = _address(peer)
    elif UNIX in trusted:
        found = None
    else:
        return None
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    while hops and (found is None or _is_trusted(found, trusted)):
        found = _address(hops.pop())
        if found is None:
            return None
    return None if found is None else _counted(found)


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address, trusted: Collection[str]) -> bool:
    return any(address in ip_network(each, strict=False) for each in trusted if each != UNIX)


def _counted(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, _SITE_BITS), strict=False))
