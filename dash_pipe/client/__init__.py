"""Listen on a channel from Python: a pure core, connections to run it on, and ``listen``."""

from __future__ import annotations

from .async_connection import AsyncConnection, AsyncWebSocketConnection
from .client import Client, Update
from .connection import Connection, WebSocketConnection
from .frames import Row, decode, encode
from .listen import broker_listener, endpoint_listener, listen
from .listener import Listener
from .received_message import ReceivedMessage
from .subscription import Delivery, Gap, Subscription
from .updates import async_updates, updates

__all__ = [
    "AsyncConnection",
    "AsyncWebSocketConnection",
    "Client",
    "Connection",
    "Delivery",
    "Gap",
    "Listener",
    "ReceivedMessage",
    "Row",
    "Subscription",
    "Update",
    "WebSocketConnection",
    "async_updates",
    "broker_listener",
    "decode",
    "encode",
    "endpoint_listener",
    "listen",
    "updates",
]
