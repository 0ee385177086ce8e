"""The broker over a channel layer of Django Channels: what it sends is gone when it was heard.

A layer has no history, no offsets and no memory for ids. Each process keeps a log of what it heard
itself; its epoch begins with ``NO_HISTORY``. The names of groups and events are those of
django-plotly-dash, so that its senders reach our Pipes, and ours reach its.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any
from urllib.parse import urlsplit

from ...errors import BrokerUnavailableError, InvalidMessageError, ProtocolError, SettingError
from ...log import NOWHERE, Limits, Log, Position
from .. import Broker, OnAppend
from ..retention import Retention
from ..watchers import Watchers
from .events import GROUP, event
from .follower import Followed, LayerFollower

NAME = re.compile(r"[A-Za-z0-9._-]{1,90}")
_EXPECTED = "expected at most 90 of the characters A-Z, a-z, 0-9, '.', '_' and '-'"


class ChannelLayerBroker(Broker):
    """Sends to a channel layer, and hears what it sends to the channels that are open.

    Both happen on the loop of one thread, which the first message or listener starts, with a
    layer of its own: a layer may be received from on one loop only, and the server's is for the
    project's consumers.

    Args:
        make_layer: makes the layer.
        limits: of the logs of what was heard.
        max_idle_channels: how many channels that nobody listens to any more are heard for a while.
        send_timeout: seconds that a message may take.
    """

    may_wait = True

    def __init__(
        self,
        make_layer: Callable[[], Any],
        limits: Limits,
        max_idle_channels: int,
        send_timeout: float,
    ) -> None:
        self._limits = limits
        self._send_timeout = send_timeout
        self._lock = threading.Lock()
        self._watchers = Watchers()
        self._retained: Retention[Followed] = Retention(max_idle_channels)
        self._listener = LayerFollower(make_layer, self._watchers.tell, self._expire)

    def check(self, channel: str) -> None:
        """Let in what can be the name of a layer's group; see ``Broker``."""
        if NAME.fullmatch(channel) is None:
            raise InvalidMessageError("channel_name", f"{_EXPECTED}, got {channel!r}")

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Hand a message to the layer; see ``Broker``.

        A layer numbers nothing, and does not know a message by its id: the position is
        ``NOWHERE``, and a message that is sent twice arrives twice.
        """
        self.check(channel)
        try:
            self._listener.send(GROUP + channel, event(channel, label, value), self._send_timeout)
        except (TypeError, OverflowError) as error:
            reason = f"the channel layer can't carry it ({type(error).__name__}: {error})"
            raise InvalidMessageError("value", reason) from error
        except Exception as error:  # a layer raises what its own client does
            late = isinstance(error, FutureTimeoutError)
            why = f"no answer for {self._send_timeout:g} seconds" if late else repr(error)
            raise BrokerUnavailableError(
                f"the channel layer: {why}",
                may_have_been_sent=True,
                message_id=message_id or secrets.token_urlsafe(12),
            ) from error
        return NOWHERE

    def open(self, channel: str) -> Log:
        """The log of what is heard of a channel; see ``Broker``.

        Raises:
            ProtocolError: a layer has no group of that name.
        """
        if NAME.fullmatch(channel) is None:
            reason = f"of a channel's name on a channel layer {_EXPECTED}"
            raise ProtocolError("denied", reason, channel)
        with self._lock:
            return self._retained.open(channel, lambda: self._follow(channel)).log

    def close(self, channel: str) -> None:
        """Let go of a log, which is kept for a while: a browser that polls comes back."""
        with self._lock:
            self._listener.leave(self._retained.close(channel, time.monotonic()))

    def refresh(self, channel: str) -> int:
        """There is nothing to compare with, but the layer has to take us in; see ``Broker``."""
        return 1

    def watch(self, on_append: OnAppend) -> Callable[[], None]:
        """Register a watcher; see ``Broker``."""
        return self._watchers.add(on_append)

    def stop(self) -> None:
        """End the thread."""
        self._listener.stop()

    def _follow(self, channel: str) -> Followed:
        followed = Followed(channel, Log("", self._limits))
        self._listener.follow(followed)
        return followed

    def _expire(self, before: float) -> list[Followed]:
        """Give up, and return, what nobody has listened to since a moment."""
        with self._lock:
            return self._retained.expire(before)


def connect(
    url: str, limits: Limits, max_idle_channels: int, send_timeout: float
) -> ChannelLayerBroker:
    """Make the broker for ``channels://<alias>``.

    Raises:
        SettingError: Channels is not installed, or the project has no such layer, or it is one
            that reaches no other loop.
    """
    try:
        from channels.layers import InMemoryChannelLayer, channel_layers
    except ImportError as error:
        reason = "channels:// needs Django Channels; pip install 'dash-pipe[django]'"
        raise SettingError("broker", reason) from error
    alias = urlsplit(url).netloc or "default"
    if alias not in channel_layers:
        layers = ", ".join(sorted(channel_layers.configs)) or "none"
        raise SettingError("broker", f"CHANNEL_LAYERS has no {alias!r}; it has {layers}")
    if isinstance(channel_layers[alias], InMemoryChannelLayer):
        raise SettingError(
            "broker",
            f"the channel layer {alias!r} is in memory, and reaches nobody outside of its own "
            "event loop; use memory:// in its place, or a layer such as channels_redis",
        )
    return ChannelLayerBroker(
        lambda: channel_layers.make_backend(alias), limits, max_idle_channels, send_timeout
    )
