"""A broker's URL: how to show it without its password."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def without_password(url: str) -> str:
    """Return a broker's URL with the password and the query hidden.

    Of a URL that can't be parsed only the scheme remains, since the rest may hold a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where a password was not escaped
    except ValueError:
        return _scheme(url)
    # A mistyped scheme makes a path of all of it, and a password may have a slash or a hash.
    if "@" in parts.path + parts.fragment:
        return _scheme(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at and not parts.query:
        return url
    name = user.partition(":")[0]
    query = "..." if parts.query else ""  # which may name a password too
    return urlunsplit(parts._replace(netloc=f"{name}:...@{host}" if at else host, query=query))


def is_url(text: str) -> bool:
    """Return whether a text can be parsed as a URL."""
    try:
        urlsplit(text)
    except ValueError:
        return False
    return True


def _scheme(url: str) -> str:
    return f"{url.partition(':')[0]}:..."
