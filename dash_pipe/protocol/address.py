"""The address of an endpoint: its base, and where its parts are. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

WEBSOCKET = "ws"  # below the base, as info, poll, token and poke/ are
PAGE_SOCKET = "dpd:"
"""In place of a base: the socket that a page of django-plotly-dash has already."""
EXAMPLE = "http://localhost:8050/_pipe/"

_TO_HTTP = {"http": "http", "https": "https", "ws": "http", "wss": "https", "": ""}
_TO_WEBSOCKET = {"http": "ws", "https": "wss"}


def endpoint_base(url: str) -> str:
    """Return the base of an endpoint, with a slash at the end, from a URL as users write it.

    The base is ``https://example.org/app/_pipe/``. The slash at the end may be missing, the scheme
    may be ws or wss, and a path alone stands for the host of the page. The address of the websocket
    (``.../_pipe/ws``) is understood as well.

    Raises:
        ValueError: it is none of these; says what was expected.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is no number
        well_formed = parts.scheme in _TO_HTTP and not (parts.query or parts.fragment)
        well_formed = well_formed and bool(parts.hostname or _is_path(url))
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError(f"expected the base of an endpoint, such as {EXAMPLE}, got {url!r}")
    directory, _, name = parts.path.rpartition("/")
    path = f"{directory}/" if name in ("", WEBSOCKET) else f"{parts.path}/"
    return urlunsplit((_TO_HTTP[parts.scheme], parts.netloc, path, "", ""))


def is_absolute(base: str) -> bool:
    """Return whether a base names its scheme and host, as it must outside of a page."""
    return base.startswith(("http://", "https://"))


def websocket_url(base: str) -> str:
    """Return the address of the websocket of an absolute base."""
    scheme, _, rest = base.partition(":")
    return f"{_TO_WEBSOCKET[scheme]}:{rest}{WEBSOCKET}"


def _is_path(url: str) -> bool:
    return url.startswith("/") and not url.startswith("//")
