"""What the endpoint says of itself: whether websockets can be had here and, if not, the way out."""

from __future__ import annotations

import json
from http import HTTPStatus

from ..protocol import SUBPROTOCOL
from .http import HttpAnswer

_BETWEEN = (
    "this server can open websockets, so what refuses them stands between it and the browser: a "
    "proxy or a firewall. The way out: have it pass on the headers Upgrade and Connection"
)


def info(version: str, obstacle: str, interval: float) -> HttpAnswer:
    """Describe the endpoint.

    Args:
        version: of dash-pipe.
        obstacle: why this server can't open a websocket, and the way out; empty when it can.
        interval: seconds between two polls.
    """
    facts = {
        "version": version,
        "protocol": SUBPROTOCOL,
        "websocket": not obstacle,
        "reason": obstacle or _BETWEEN,
        "poll": "poll",  # its address, seen from this one
        "interval": interval,
    }
    return HttpAnswer(HTTPStatus.OK, json.dumps(facts))
