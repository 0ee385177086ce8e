"""The broker over a channel layer of Django Channels, which keeps no history.

A layer has no offsets and does not remember ids. Each process keeps a log of the messages that it
received; its epoch begins with ``NO_HISTORY``. Groups and events are named as in
django-plotly-dash, so its senders reach our Pipes, and ours reach its Pipes.
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
from .. import Broker, OnAppend, Watchers
from ..retention import Retention
from .events import GROUP, event
from .follower import FollowedChannel, LayerFollower

NAME = re.compile(r"[A-Za-z0-9._-]{1,90}")
PING_GROUP = "dash_pipe_ping"
_EXPECTED = "expected at most 90 of the characters A-Z, a-z, 0-9, '.', '_' and '-'"


class ChannelLayerBroker(Broker):
    """Send to a channel layer; receive from it what is sent to open channels.

    Both happen on the loop of one thread, which the first message or listener starts. It has a
    layer of its own: a layer can be received from on one loop only, and the server's loop is for
    the project's consumers.

    Args:
        make_layer: makes the layer.
        limits: the bounds of each log.
        max_idle_channels: the number of channels that are received for a while without listeners.
        send_timeout: seconds that sending a message may take.
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
        self._retained: Retention[FollowedChannel] = Retention(max_idle_channels)
        self._follower = LayerFollower(make_layer, self._watchers.notify, self._expire)

    def check(self, channel: str) -> None:
        """Accept names that a group of a layer can have; see ``Broker``."""
        if NAME.fullmatch(channel) is None:
            raise InvalidMessageError("channel_name", f"{_EXPECTED}, got {channel!r}")

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Hand a message to the layer; see ``Broker``.

        A layer has no offsets and does not remember ids: the position is ``NOWHERE``, and a
        message that is sent twice arrives twice.
        """
        self.check(channel)
        try:
            self._follower.send(GROUP + channel, event(channel, label, value), self._send_timeout)
        except (TypeError, OverflowError) as error:
            reason = f"the channel layer can't carry it ({type(error).__name__}: {error})"
            raise InvalidMessageError("value", reason) from error
        except Exception as error:  # a layer raises what its own client does
            timed_out = isinstance(error, FutureTimeoutError)
            why = f"no answer for {self._send_timeout:g} seconds" if timed_out else repr(error)
            raise BrokerUnavailableError(
                f"the channel layer: {why}",
                may_have_been_sent=True,
                message_id=message_id or secrets.token_urlsafe(12),
            ) from error
        return NOWHERE

    def open(self, channel: str) -> Log:
        """Return the log of what was received on a channel; see ``Broker``.

        Raises:
            ProtocolError: a group of a layer can't have that name.
        """
        if NAME.fullmatch(channel) is None:
            reason = f"of a channel's name on a channel layer {_EXPECTED}"
            raise ProtocolError("denied", reason, channel)
        with self._lock:
            return self._retained.open(channel, lambda: self._follow(channel)).log

    def close(self, channel: str) -> None:
        """Release a log, which is kept for a while: a polling browser returns."""
        with self._lock:
            self._follower.leave(self._retained.close(channel, time.monotonic()))

    def refresh(self, channel: str) -> int:
        """Return 1: the log is refreshed once, when its group was joined; see ``Broker``."""
        return 1

    def ping(self, timeout: float) -> None:
        """Send to a group that nobody has joined; see ``Broker``."""
        try:
            self._follower.send(PING_GROUP, {"type": "ping"}, timeout)
        except Exception as error:  # a layer raises what its own client does
            raise ConnectionError(f"the channel layer: {error!r}") from error

    def watch(self, on_append: OnAppend) -> Callable[[], None]:
        """Register a watcher; see ``Broker``."""
        return self._watchers.add(on_append)

    def stop(self) -> None:
        """End the thread."""
        self._follower.stop()

    def _follow(self, channel: str) -> FollowedChannel:
        followed = FollowedChannel(channel, Log("", self._limits))
        self._follower.follow(followed)
        return followed

    def _expire(self, before: float) -> list[FollowedChannel]:
        """Drop and return the channels without listeners since ``before``."""
        with self._lock:
            return self._retained.expire(before)


def connect(
    url: str, limits: Limits, max_idle_channels: int, send_timeout: float
) -> ChannelLayerBroker:
    """Make the broker for ``channels://<alias>``.

    Raises:
        SettingError: the project has no such layer, or it is one that reaches no other loop.
    """
    from channels.layers import InMemoryChannelLayer, channel_layers

    alias = urlsplit(url).netloc or "default"
    if alias not in channel_layers:
        layers = ", ".join(sorted(channel_layers.configs)) or "none"
        raise SettingError("broker", f"CHANNEL_LAYERS has no {alias!r}; it has {layers}")
    if isinstance(channel_layers[alias], InMemoryChannelLayer):
        raise SettingError(
            "broker",
            f"the channel layer {alias!r} is in memory and reaches only its own event loop; "
            "use memory:// instead, or a layer such as channels_redis",
        )
    return ChannelLayerBroker(
        lambda: channel_layers.make_backend(alias), limits, max_idle_channels, send_timeout
    )
