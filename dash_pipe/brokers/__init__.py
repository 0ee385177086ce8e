"""Brokers: who keeps the logs and says that one has grown. A module a kind, chosen by URL."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol
from urllib.parse import urlsplit

from ..errors import SettingError
from ..log import Limits, Log, Position

Grown = Callable[[str], None]
"""Called with the channel whose log has grown; from any thread, and must not wait."""

# A broker module offers ``connect(url, limits, max_channels) -> Broker``.
_MODULES = {"memory": "memory"}


class Broker(Protocol):
    """Keeps the logs. Every method may be called from any thread."""

    def publish(self, channel: str, label: str, value: str) -> Position:
        """Append a message whose value is a JSON text; tell the watchers; return its position."""

    def open(self, channel: str) -> Log:
        """The log of a channel, kept until ``close`` was called as often as ``open``."""

    def close(self, channel: str) -> None:
        """Let go of a log that was opened."""

    def watch(self, grown: Grown) -> Callable[[], None]:
        """Call ``grown`` whenever a log has grown, until the returned function is called."""


def connect(url: str, limits: Limits, max_channels: int) -> Broker:
    """Make the broker that a URL names.

    Raises:
        SettingError: when no broker answers to the URL's scheme.
    """
    module = _MODULES.get(urlsplit(url).scheme)
    if module is None:
        known = ", ".join(f"{scheme}://" for scheme in _MODULES)
        raise SettingError("broker", f"expected a URL that begins with {known}; got {url!r}")
    broker: Broker = import_module(f"{__name__}.{module}").connect(url, limits, max_channels)
    return broker
