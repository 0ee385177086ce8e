"""Name the endpoint in a page, for src/dash.ts and src/dpd_page_socket.ts."""

from __future__ import annotations

import html


def meta(url: str) -> str:
    """Return the element that names the endpoint by its base."""
    return f'<meta name="dash-pipe-url" content="{html.escape(url)}">'
