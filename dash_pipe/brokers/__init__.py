"""Brokers: who keeps the logs and says that one has grown. A module a kind, chosen by URL."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol
from urllib.parse import urlsplit

from ..errors import SettingError
from ..log import Limits, Log, Position
from ..settings import without_password

OnAppend = Callable[[str], None]
"""Called with the channel whose log has grown; from any thread, and must not wait."""

MAX_IDS = 10_000
IDS_SECONDS = 600

# A broker module offers ``connect(url, limits, max_idle_channels, send_timeout) -> Broker``.
_MODULES = {"memory": "memory", "channels": "channel_layer.broker"}
_MODULES |= dict.fromkeys(("redis", "rediss", "unix"), "redis.broker")


class Broker(Protocol):
    """Keeps the logs. Every method may be called from any thread.

    A broker inherits from it what is the same for all.
    """

    may_wait: bool
    """Whether ``publish`` may wait for another process, so that no loop should call it."""

    def check(self, channel: str) -> None:
        """Look whether a message can be sent to a channel of that name, as far as names go.

        Raises:
            InvalidMessageError: it can't.
        """
        return  # of most brokers every name is one

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message whose value is a JSON text; tell the watchers; return its position.

        Of messages with the same ``message_id`` one is appended; for the others its position is
        returned. An id is remembered for ``IDS_SECONDS``, if it is one of the ``MAX_IDS`` newest.

        Raises:
            BrokerUnavailableError: it could not be made sure in time that the message is appended.
        """

    def open(self, channel: str) -> Log:
        """The log of a channel, kept until ``close`` was called as often as ``open``.

        Never waits: where the log lives elsewhere, it is a mirror that has no epoch until it was
        read, which the watchers are told.
        """

    def refresh(self, channel: str) -> int:
        """Have the log of an open channel compared with the original, if it is a mirror.

        It was compared since this call when its ``refreshed`` has reached the number that is
        returned. Never waits; the watchers are told when it is done.
        """

    def close(self, channel: str) -> None:
        """Let go of a log that was opened."""

    def watch(self, on_append: OnAppend) -> Callable[[], None]:
        """Call ``on_append`` whenever a log has grown, until the returned function is called."""


def known(url: str) -> bool:
    """Whether some broker answers to the URL's scheme."""
    return urlsplit(url).scheme in _MODULES


def connect(url: str, limits: Limits, max_idle_channels: int, send_timeout: float = 2.0) -> Broker:
    """Make the broker that a URL names.

    Raises:
        SettingError: when no broker answers to the URL's scheme.
    """
    module = _MODULES.get(urlsplit(url).scheme)
    if module is None:
        known = ", ".join(f"{scheme}://" for scheme in _MODULES)
        shown = without_password(url)
        raise SettingError("broker", f"expected a URL that begins with {known}; got {shown!r}")
    made: Broker = import_module(f"{__name__}.{module}").connect(
        url, limits, max_idle_channels, send_timeout
    )
    return made
