"""The keywords of ``configure()``, for type checkers and editors: the table's names and types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from ..brokers import Broker
from .table import Authorize


class Keywords(TypedDict, total=False):
    """One key for each setting of the table; tests/unit/test_settings.py holds them equal."""

    broker: str | Broker
    send_timeout: float
    max_message_bytes: int
    window_messages: int
    window_bytes: int
    window_seconds: float
    kept_labels: int
    kept_seconds: float
    max_idle_channels: int
    max_connections: int
    max_connections_per_address: int
    max_connections_per_user: int
    handshake_rate: float
    poll_rate: float
    frame_rate: float
    authorize_rate: float
    trusted_proxies: Sequence[str]
    heartbeat_interval: float
    poll_interval: float
    allowed_origins: Sequence[str]
    allowed_hosts: Sequence[str]
    authorize: Authorize
    authorize_timeout: float
    authorize_again: float
    protected_channels: Sequence[str]
    token_keys: str | Sequence[str]
    url: str
    auto_setup: bool
    ws_route: str
    dpd_frames: bool
    http_route: str
    http_poke_enabled: bool
    http_poke_token: str
