"""Keep the settings in force, and the broker that they name."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from .. import brokers
from ..errors import SettingError
from ..log import Limits
from ..settings import Project, Settings, resolve


class Configured:
    """The settings in force, and the broker that they name, whose first use fixes them.

    Any thread may use it. No code of an app runs while its lock is held.

    Args:
        keywords: the settings that calls of ``configure`` have named.
        project: the settings of the project that this process runs.
    """

    def __init__(self, keywords: dict[str, Any], project: Project) -> None:
        self._lock = threading.Lock()
        self._keywords = keywords
        self._project = project
        self._settings: Settings | None = None
        self._broker: brokers.Broker | None = None
        self._given: brokers.Broker | None = None  # in place of the one that the settings name
        self._routed = False  # the routes of a server are made

    def configure(self, **keywords: Any) -> Settings:
        """Change settings; see ``dash_pipe.configure``."""
        with self._lock:
            merged = {**self._keywords, **keywords}
            settings = resolve(merged, os.environ, self._project)
            check_broker(settings)
            if self._broker is not None and settings != self._settings:
                raise SettingError(
                    ", ".join(keywords),
                    "too late: the broker is in use with other settings; call configure() at the "
                    "top of the program, before the first message is sent or received",
                )
            if self._routed and settings.http_route != self._resolved().http_route:
                raise SettingError(
                    "http_route",
                    "too late: an app has its routes already; call configure() before the app is "
                    "made, or set DASH_PIPE_HTTP_ROUTE",
                )
            self._keywords, self._settings = merged, settings
            return settings

    def adopt(self, project: Project) -> None:
        """Adopt the settings of a project. First use checks them."""
        with self._lock:
            self._project, self._settings = dict(project), None

    def restart(self, project: Project) -> brokers.Broker | None:
        """Adopt settings while the broker is in use; another is made at the next use.

        A broker that was given stays. Return the one before if it was made here, to be stopped.
        """
        with self._lock:
            settings, before = self._settings, self._broker
            self._project, self._settings, self._broker = dict(project), None, self._given
        is_ours = before is not self._given and before is not (settings and settings.broker)
        return before if is_ours else None

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        settings = self._settings
        if settings is None:
            with self._lock:
                settings = self._resolved()
        return settings

    @property
    def http_route(self) -> str | None:
        """The setting ``http_route``. Reading fixes it, since a server's routes are made once."""
        with self._lock:
            self._routed = True
            return self._resolved().http_route

    @property
    def broker(self) -> brokers.Broker:
        """The broker. The first use of it fixes the settings."""
        broker = self._broker
        return self._connect() if broker is None else broker

    @property
    def existing_broker(self) -> brokers.Broker | None:
        """The broker; None if it was not used yet, and the settings may change."""
        return self._broker

    def copy(self) -> Configured:
        """Return the same settings, without a broker."""
        other = Configured(self._keywords, self._project)
        other._routed = self._routed
        return other

    def give(self, make: Callable[[Limits, int], brokers.Broker]) -> None:
        """Use the broker that ``make`` returns in place of the one that the settings name."""
        settings = self.settings
        self._broker = self._given = make(_limits(settings), settings.max_idle_channels)

    def reset_after_fork(self) -> None:
        """In a forked child: reset everything but the settings' sources."""
        self._lock = threading.Lock()
        self._settings = self._broker = None

    def _resolved(self) -> Settings:
        if self._settings is None:
            self._settings = resolve(self._keywords, os.environ, self._project)
        return self._settings

    def _connect(self) -> brokers.Broker:
        """Make the broker without the lock, since it may be the code of another package.

        Threads that call this at once may each make one; the first is kept.
        """
        while True:
            settings = self.settings
            made = _broker(settings)
            with self._lock:
                if self._broker is None and self._settings == settings:
                    self._broker = made
                if self._broker is not None:
                    return self._broker


def check_broker(settings: Settings) -> None:
    """Check the address of the broker, and that its package is installed.

    Raises:
        SettingError: it is not.
    """
    if isinstance(settings.broker, str):
        brokers.check(settings.broker)


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
