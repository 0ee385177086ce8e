"""Brokers: who keeps the logs and says that one has grown. A module a kind, chosen by URL."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from ..errors import SettingError
from ..log import Limits, Log, Position
from .url import without_password

OnAppend = Callable[[str], None]
"""Called with the channel whose log has grown; from any thread, and must not wait."""

MAX_IDS = 10_000
IDS_SECONDS = 600

GROUP = "dash_pipe.brokers"
"""The entry points of other packages' brokers: a scheme, and its ``connect``.

``connect(url, limits, max_idle_channels, send_timeout)`` returns a ``Broker``. Each of our
brokers is a module with that function.
"""

_MODULES = {"memory": "memory", "channels": "channel_layer.broker"}
_MODULES |= dict.fromkeys(("redis", "rediss", "unix"), "redis.broker")


@runtime_checkable
class Broker(Protocol):
    """Keeps the logs. Every method may be called from any thread.

    Inherit from it: it has defaults for what most brokers do alike. ``dash_pipe.testing.brokers``
    has the tests that every broker passes.
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


def is_known(url: str) -> bool:
    """Return whether a broker is registered for the URL's scheme."""
    return _connector(urlsplit(url).scheme) is not None


def connect(url: str, limits: Limits, max_idle_channels: int, send_timeout: float = 2.0) -> Broker:
    """Make the broker that a URL names.

    Raises:
        SettingError: no broker is registered for the URL's scheme.
    """
    connector = _connector(urlsplit(url).scheme)
    if connector is None:
        schemes = (*_MODULES, *(each.name for each in entry_points(group=GROUP)))
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        shown = without_password(url)
        raise SettingError("broker", f"expected a URL that begins with {known}; got {shown!r}")
    return connector(url, limits, max_idle_channels, send_timeout)


def _connector(scheme: str) -> Callable[[str, Limits, int, float], Broker] | None:
    """Return the ``connect`` of a broker of ours, else that of another package, if there is one."""
    connector: Callable[[str, Limits, int, float], Broker]
    if module := _MODULES.get(scheme):
        connector = import_module(f"{__name__}.{module}").connect
        return connector
    for each in entry_points(group=GROUP, name=scheme):
        connector = each.load()
        return connector
    return None
