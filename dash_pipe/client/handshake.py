"""Configure the opening handshake of a websocket, for every kind of client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..protocol import SUBPROTOCOL

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

OPEN_TIMEOUT = 10.0  # seconds that the handshake may take
CLOSE_TIMEOUT = 2.0  # seconds that the closing handshake may take
MAX_FRAME_BYTES = 16 * 2**20  # frames of a server; the server has a setting for its largest message


def connect_options(
    *, headers: Iterable[tuple[str, str]] = (), origin: str | None = None
) -> dict[str, Any]:
    """Return the keywords for ``connect`` of ``websockets.sync`` and of ``websockets.asyncio``."""
    return {
        "origin": origin,
        "subprotocols": [SUBPROTOCOL],
        "compression": None,
        "additional_headers": list(headers),
        "open_timeout": OPEN_TIMEOUT,
        "close_timeout": CLOSE_TIMEOUT,
        "max_size": MAX_FRAME_BYTES,
    }


def client_protocol(
    url: str, *, subprotocols: Iterable[str] = (SUBPROTOCOL,), origin: str | None = None
) -> ClientProtocol:
    """Return the sans-IO client of a websocket, which has not sent its handshake yet."""
    from websockets.client import ClientProtocol
    from websockets.typing import Origin, Subprotocol
    from websockets.uri import parse_uri

    return ClientProtocol(
        parse_uri(url),
        origin=None if origin is None else Origin(origin),
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
        max_size=MAX_FRAME_BYTES,
    )
