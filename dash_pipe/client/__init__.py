"""Listen on a channel from Python: a pure core, and a websocket to run it on. Not public yet."""

from __future__ import annotations

from .client import Client, Update
from .connection import Connection, WebSocketConnection
from .frames import Row, decode, encode
from .listen import listen
from .subscription import Delivery, Gap, Subscription

__all__ = [
    "Client",
    "Connection",
    "Delivery",
    "Gap",
    "Row",
    "Subscription",
    "Update",
    "WebSocketConnection",
    "decode",
    "encode",
    "listen",
]
