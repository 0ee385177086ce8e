"""What a process has one of: the settings in force, and the broker, made at first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from . import brokers, diagnostics
from .concurrency.forks import after_fork_in_child
from .errors import SettingError
from .hub.policy import Policy
from .log import Limits
from .settings import Project, Settings, resolve


class Runtime:
    """The settings and the broker of this process; may be used from any thread."""

    def __init__(
        self, keywords: dict[str, Any] | None = None, project: Project | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._keywords = keywords or {}
        self._project = project or {}
        self._settings: Settings | None = None
        self._broker: brokers.Broker | None = None
        self._routed = False  # a server has its routes

    def configure(self, **keywords: Any) -> Settings:
        """Change settings; see ``dash_pipe.configure``."""
        with self._lock:
            merged = {**self._keywords, **keywords}
            settings = resolve(merged, os.environ, self._project)
            if self._broker is not None and settings != self._settings:
                raise SettingError(
                    ", ".join(keywords),
                    "messages are under way with other settings already; call configure() at the "
                    "top of the program, before the first message is sent or listened to",
                )
            if self._routed and settings.http_route != self._resolved().http_route:
                raise SettingError(
                    "http_route",
                    "an app has its routes already; call configure() before the app is made, or "
                    "set DASH_PIPE_HTTP_ROUTE",
                )
            self._keywords, self._settings = merged, settings
            return settings

    def adopt(self, project: Project) -> None:
        """Take the settings of the project that this process runs; they are checked at first use.

        A framework says them when it starts, so before there are messages.
        """
        with self._lock:
            self._project, self._settings = dict(project), None

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        with self._lock:
            return self._resolved()

    @property
    def http_route(self) -> str | None:
        """The setting; asking for it fixes it, since a server's routes are made once."""
        with self._lock:
            self._routed = True
            return self._resolved().http_route

    @property
    def broker(self) -> brokers.Broker:
        """The broker; the first use of it fixes the settings."""
        with self._lock:
            if self._broker is None:
                self._broker = _broker(self._resolved())
            return self._broker

    @property
    def policy(self) -> Policy:
        """What connections are held to."""
        settings = self.settings
        return Policy(
            heartbeat_interval=settings.heartbeat_interval, max_sessions=settings.max_connections
        )

    def serves(self, *, multiprocess: bool = False) -> None:
        """Note that a browser has come; ``multiprocess``: to one of several processes."""
        if not self.broker.may_wait:
            diagnostics.current.serves(multiprocess=multiprocess)

    def for_child(self) -> Runtime:
        """A runtime for a forked process: the same settings, nothing shared.

        A lock may be held by a thread that the child does not have, and no browser of the parent
        can be reached from the child's memory.
        """
        child = Runtime(self._keywords, self._project)
        child._routed = self._routed
        return child

    def with_broker(self, make: Callable[[Limits, int], brokers.Broker]) -> Runtime:
        """Return a runtime with the same settings and another broker, made by ``make``."""
        other = self.for_child()
        settings = other.settings
        other._broker = make(_limits(settings), settings.max_idle_channels)
        return other

    def _resolved(self) -> Settings:
        if self._settings is None:
            self._settings = resolve(self._keywords, os.environ, self._project)
        return self._settings


def _broker(settings: Settings) -> brokers.Broker:
    if isinstance(settings.broker, brokers.Broker):
        return settings.broker
    limits = _limits(settings)
    return brokers.connect(
        settings.broker, limits, settings.max_idle_channels, settings.send_timeout
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        messages=settings.window_messages,
        bytes=settings.window_bytes,
        seconds=settings.window_seconds,
        labels=settings.kept_labels,
        label_seconds=settings.kept_seconds,
    )


_current = Runtime()


def current() -> Runtime:
    """The runtime of this process."""
    return _current


def exchange(runtime: Runtime) -> Runtime:
    """Make another runtime that of this process; return the one before. For tests."""
    global _current
    before, _current = _current, runtime
    return before


def _after_fork() -> None:
    global _current
    _current = _current.for_child()


after_fork_in_child(_after_fork)
