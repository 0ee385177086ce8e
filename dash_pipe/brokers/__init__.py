"""Brokers keep the logs, and call their watchers when one has grown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from ..errors import SettingError
from ..log import Limits, Log, Position
from .coordinator import Coordinator
from .listening import Audience
from .url import without_password

OnAppend = Callable[[str], None]
"""Called with the name of a channel whose log has grown; from any thread. Must not wait."""

MAX_IDS = 10_000
IDS_SECONDS = 600

GROUP = "dash_pipe.brokers"
"""The entry points of other packages' brokers: a scheme, and its ``connect``.

``connect(url, limits, max_idle_channels, send_timeout)`` returns a ``Broker``. Each of our
brokers is a module with that function.
"""

_MODULES = {"memory": "memory", "channels": "channel_layer.broker"}
_MODULES |= dict.fromkeys(("redis", "rediss", "unix"), "redis.broker")
# The package that a module imports, and our extra that installs it.
_PACKAGES = {"channel_layer.broker": ("channels", "django"), "redis.broker": ("redis", "redis")}


@runtime_checkable
class Broker(Protocol):
    """Keep the logs. Any thread may call any method.

    Inherit from it: it has defaults for what most brokers do alike.
    """

    may_wait: bool
    """Whether ``publish`` may wait for another process: then no event loop should call it."""

    def check(self, channel: str) -> None:
        """Check that a channel may have this name. Most brokers accept every name.

        Raises:
            InvalidMessageError: the broker can't have a channel of this name.
        """
        return

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message whose value is a JSON text; call the watchers; return its position.

        A message whose ``message_id`` is known is not appended again: the position of the first is
        returned. The ``MAX_IDS`` newest ids are remembered, for ``IDS_SECONDS``.

        Raises:
            BrokerUnavailableError: the append was not confirmed in time.
        """

    def open(self, channel: str) -> Log:
        """Return the log of a channel, kept until ``close`` was called as often as ``open``.

        Never wait. If the log lives elsewhere, return a mirror. It has no epoch until it was read;
        then the watchers are called.
        """

    def refresh(self, channel: str) -> int:
        """Request a comparison of an open channel's mirror with the log that it mirrors.

        Return a number. When the log's ``refreshed`` has reached it, the comparison is done, and
        the watchers are called. Never wait.
        """

    def close(self, channel: str) -> None:
        """Release a log that was opened."""

    def ping(self, timeout: float) -> None:
        """Wait until the broker answers, at most ``timeout`` seconds.

        Most brokers in this process always answer.

        Raises:
            ConnectionError: it does not answer, or rejects the connection.
        """
        return

    @property
    def coordinator(self) -> Coordinator | None:
        """Coordinates the processes that share the logs; None if each process is alone."""
        return None

    def note_audience(self, channel: str, audience: Audience) -> None:
        """Note that who listens in this process on a channel has changed. Never wait.

        Most brokers have nobody to tell.
        """
        return

    def watch(self, on_append: OnAppend) -> Callable[[], None]:
        """Call ``on_append`` whenever a log has grown. Return a function that stops it."""


class Watchers:
    """The functions that a broker calls when a log has grown. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._functions: tuple[OnAppend, ...] = ()

    def add(self, on_append: OnAppend) -> Callable[[], None]:
        """Add a function. Return a function that removes it; see ``Broker.watch``."""
        with self._lock:
            self._functions = (*self._functions, on_append)

        def remove() -> None:
            with self._lock:
                self._functions = tuple(each for each in self._functions if each is not on_append)

        return remove

    def notify(self, channel: str) -> None:
        """Call all functions with the name of a channel."""
        for on_append in self._functions:
            on_append(channel)


def is_known(url: str) -> bool:
    """Return whether a broker is registered for the URL's scheme. Import nothing."""
    scheme = urlsplit(url).scheme
    return scheme in _MODULES or bool(entry_points(group=GROUP, name=scheme))


def check(url: str) -> None:
    """Check at the start what would fail at the first message. Import nothing.

    Raises:
        SettingError: no broker is registered for the URL's scheme, or its package is missing.
    """
    if not is_known(url):
        schemes = (*_MODULES, *(each.name for each in entry_points(group=GROUP)))
        known = ", ".join(f"{scheme}://" for scheme in schemes)
        shown = without_password(url)
        raise SettingError("broker", f"expected a URL that begins with {known}; got {shown!r}")
    scheme = urlsplit(url).scheme
    package, extra = _PACKAGES.get(_MODULES.get(scheme, ""), ("", ""))
    if package and find_spec(package) is None:
        raise SettingError(
            "broker",
            f"{scheme}:// needs the package {package}, which is not installed; "
            f'pip install "dash-pipe[{extra}]"',
        )


def connect(url: str, limits: Limits, max_idle_channels: int, send_timeout: float = 2.0) -> Broker:
    """Make the broker that a URL names.

    Raises:
        SettingError: see ``check``.
    """
    check(url)
    return _connector(urlsplit(url).scheme)(url, limits, max_idle_channels, send_timeout)


def _connector(scheme: str) -> Callable[[str, Limits, int, float], Broker]:
    """Return the ``connect`` of a broker of ours, else that of another package."""
    connector: Callable[[str, Limits, int, float], Broker]
    if module := _MODULES.get(scheme):
        connector = import_module(f"{__name__}.{module}").connect
    else:
        connector = next(iter(entry_points(group=GROUP, name=scheme))).load()
    return connector
