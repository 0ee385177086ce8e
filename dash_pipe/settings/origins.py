"""Parse origins and hosts as users write them and as browsers send them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEMES = {"ws": "http", "wss": "https"}  # a page has these
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*")  # or IPv6
_ANY = "*."  # stands for every subdomain


def parse_origin(text: str) -> str:
    """Return an origin in the form in which browsers send it.

    ``*`` stands for every origin, ``https://*.example.org`` for those of all subdomains.

    Raises:
        ValueError: no browser sends such an origin; says what to write, if that is clear.
    """
    if text.strip() == "*":
        return "*"
    try:
        parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
        origin = _origin(parts)
    except ValueError:
        raise ValueError(f"{text!r} is no origin") from None
    surplus = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if surplus or "://" not in text or parts.scheme in _SCHEMES or parts.path not in ("", "/"):
        raise ValueError(f"write {origin} instead of {text!r}")
    return origin


def parse_host(text: str) -> str:
    """Return the name of a host in the form in which browsers send it, without a port.

    ``*.example.org`` stands for all subdomains.

    Raises:
        ValueError: it is no name; says what to write, if that is clear.
    """
    written = text.strip()
    try:
        parts = urlsplit(written if "://" in written else f"//{written}")
        if written.startswith("."):  # as in Django
            raise ValueError(f"write *{written} and {written[1:]} instead of {text!r}")
        name = _host(parts)
    except ValueError as error:
        reason = str(error) if str(error).startswith("write") else f"{text!r} is no host"
        raise ValueError(reason) from None
    if written.lower().rstrip(".") not in (name, name.strip("[]")) and written.isascii():
        raise ValueError(f"write {name} instead of {text!r}")
    return name


def matches_origin(origin: str, allowed: Collection[str]) -> bool:
    """Return whether a parsed origin is one of the allowed ones."""
    scheme, _, host = origin.partition("://")
    return origin in allowed or any(
        allows.startswith(f"{scheme}://{_ANY}") and host.endswith(allows.partition("*")[2])
        for allows in allowed
    )


def matches_host(host: str, allowed: Collection[str]) -> bool:
    """Return whether a parsed host is one of the allowed ones."""
    return host in allowed or any(
        allows.startswith(_ANY) and host.endswith(allows[1:]) for allows in allowed
    )


def _origin(parts: SplitResult) -> str:
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(scheme)) else f":{parts.port}"
    return f"{scheme}://{_host(parts)}{port}"


def _host(parts: SplitResult) -> str:
    """Return the name, in brackets if it is an address of IPv6."""
    name = (parts.hostname or "").rstrip(".")
    subdomains = name.startswith(_ANY)
    name = name.removeprefix(_ANY)
    if not name.isascii():
        name = name.encode("idna").decode()
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    if ":" in name:
        name = f"[{name}]"
    return f"{_ANY}{name}" if subdomains else name
