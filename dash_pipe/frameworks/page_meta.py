"""How a page is told where the endpoint is; src/dash.ts and src/dpd_page_socket.ts read it."""

from __future__ import annotations

import html

PAGE_SOCKET = "dpd:"
"""In place of an address: the socket that the page has already, as django-plotly-dash makes it."""


def meta(url: str) -> str:
    """The element that names the endpoint."""
    return f'<meta name="dash-pipe-url" content="{html.escape(url)}">'
