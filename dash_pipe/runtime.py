"""Own the process-wide objects: settings, broker, parts and diagnostics."""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from . import brokers
from .concurrency.forks import after_fork_in_child
from .concurrency.per_process import Part, PerProcess
from .diagnostics import Diagnostics
from .errors import SettingError
from .family.family import Family
from .hub.policy import Policy
from .log import Limits, Log
from .settings import FunctionPath, Project, Settings, resolve
from .telemetry import descriptors
from .telemetry.counters import Counters
from .telemetry.events import log_event

P = TypeVar("P", bound=Part)

_MAX_CONNECTIONS = Settings.max_connections  # by default: who never changed it needs no warning


class Runtime:
    """Own the settings, the broker, the parts (pools of threads, hubs) and the diagnostics.

    Any thread may use it. A host calls ``current()`` at the start of each request and passes the
    runtime on: nothing below calls it. No code of an app runs while a lock here is held.

    A forked child keeps the settings and discards what the parent uses: a lock may be held by a
    thread that the child does not have, and the browsers are connected to the parent.

    Attributes:
        counters: the counts of this process.
        diagnostics: facts about this process, and the warnings that were logged.
        family: the place of this process among others.
        servers: the web servers with an endpoint; the keys of some sign tokens.
    """

    def __init__(
        self, keywords: dict[str, Any] | None = None, project: Project | None = None
    ) -> None:
        self.counters = Counters()
        self.diagnostics = Diagnostics()
        self.family = Family()
        self.servers: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._keywords = keywords or {}
        self._project = project or {}
        self._settings: Settings | None = None
        self._broker: brokers.Broker | None = None
        self._given: brokers.Broker | None = None  # in place of the one that the settings name
        self._routed = False  # the routes of a server are made
        self._parts = PerProcess()
        after_fork_in_child(self, Runtime._reset_after_fork)

    def configure(self, **keywords: Any) -> Settings:
        """Change settings; see ``dash_pipe.configure``."""
        with self._lock:
            merged = {**self._keywords, **keywords}
            settings = resolve(merged, os.environ, self._project)
            _check_broker(settings)
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
        """Adopt the settings of the project that this process runs. First use checks them.

        A framework calls this at its start, so before there are messages.
        """
        with self._lock:
            self._project, self._settings = dict(project), None

    def restart(self, project: Project) -> None:
        """Adopt settings that a test has changed, and begin anew, within a bounded time.

        Browsers are disconnected and find the new broker when they return. A broker that
        ``with_broker`` was given stays.
        """
        with self._lock:
            settings, before = self._settings, self._broker
            self._project, self._settings, self._broker = dict(project), None, self._given
        self._parts.end()
        self.family.forget()
        if before not in (None, self._given) and before is not (settings and settings.broker):
            getattr(before, "stop", _do_nothing)()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        settings = self._settings
        if settings is None:
            with self._lock:
                settings = self._resolved()
        return settings

    def load(self) -> Settings:
        """Import the functions that settings name. Return the settings in force after that.

        Raises:
            SettingError: a setting is wrong, or a function can't be imported.
        """
        self.settings.load()
        return self.settings.load()  # an imported module may have called configure()

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
    def uses_broker(self) -> bool:
        """Return whether the broker was used, and the settings are fixed."""
        return self._broker is not None

    @property
    def policy(self) -> Policy:
        """The limits and times for connections."""
        settings = self.settings
        return Policy(
            heartbeat_interval=settings.heartbeat_interval,
            max_sessions=self.max_connections,
            authorize_again=settings.authorize_again,
            frame_rate=settings.frame_rate,
            dpd_frames=settings.dpd_frames,
        )

    @property
    def max_connections(self) -> int:
        """The setting ``max_connections``, or fewer if the process may open fewer files."""
        wanted = self.settings.max_connections
        possible = descriptors.possible_connections(descriptors.limit())
        return wanted if possible is None else min(wanted, possible)

    @property
    def connections(self) -> int:
        """The number of browsers that are connected."""
        return sum(part.connections for part in self._parts.all())

    def numbers(self) -> Mapping[str, float]:
        """Return what the parts have now, and the logs that nobody has opened; see ``Part``."""
        found: Counter[str] = Counter(connections=self.connections)
        for part in self._parts.all():
            found.update(part.numbers())
        idle: list[Log] = getattr(self._broker, "idle_logs", list)()
        sizes = [log.size for log in idle]
        found["logs"] += len(sizes)
        found["log_messages"] += sum(messages for messages, _ in sizes)
        found["log_bytes"] += sum(size for _, size in sizes)
        return found

    def part(self, make: Callable[[Runtime], P], key: Hashable = None) -> P:
        """Return the one part of a kind, such as a pool or a hub; make it if there is none.

        It ends with the process or the runtime, and is abandoned in a forked child.

        Args:
            make: makes the part of a runtime, and identifies its kind. A lock is held meanwhile,
                so it must call no code of an app.
            key: distinguishes the parts of a kind, such as those of two event loops.
        """
        return self._parts.get((make, key), lambda: make(self))

    def existing_part(self, make: Callable[[Runtime], P], key: Hashable = None) -> P | None:
        """Return the same part if it has been made."""
        part: P | None = self._parts.existing((make, key))
        return part

    def discard(self, part: Part) -> None:
        """Forget a part that is not needed any more."""
        self._parts.discard(part)

    def has_endpoint(self) -> None:
        """Note that an app of this process has an endpoint; check the settings that only it needs.

        Raises:
            SettingError: ``authorize`` names a module that does not exist, or the package of the
                broker is not installed.
        """
        self.diagnostics.has_endpoint()
        if self.settings.max_connections != _MAX_CONNECTIONS:
            self.check_descriptors()
        _check_broker(self.settings)
        if self.settings.keeps_messages_in_memory:
            self.family.has_app()
        authorize = self.settings.authorize
        if isinstance(authorize, FunctionPath):
            authorize.check()

    def check_descriptors(self) -> None:
        """Say so if the process may open too few files for ``max_connections``."""
        wanted, possible = self.settings.max_connections, self.max_connections
        if possible < wanted:
            self.diagnostics.warn_once(
                f"dash-pipe: max_connections is {wanted:,}, but this process may open "
                f"{descriptors.limit():,} files (ulimit -n): {possible:,} browsers can connect",
                log_event("descriptors_too_few", wanted=wanted, possible=possible),
            )

    def copy(self) -> Runtime:
        """Return a runtime with the same settings and apps, and nothing else in common."""
        other = Runtime(self._keywords, self._project)
        other._routed = self._routed
        other.diagnostics = self.diagnostics.copy()
        other.family = self.family.copy()
        other.servers = self.servers
        return other

    def with_broker(self, make: Callable[[Limits, int], brokers.Broker]) -> Runtime:
        """Return a copy with another broker, made by ``make``."""
        other = self.copy()
        settings = other.settings
        other._broker = other._given = make(_limits(settings), settings.max_idle_channels)
        return other

    def end(self) -> None:
        """Tell all browsers that this server is going away; end the parts, within a bounded time.

        The runtime can be used again: it makes new parts.
        """
        self._parts.end()
        self.diagnostics.end()
        self.family.forget()

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

    def _reset_after_fork(self) -> None:
        """In a forked child: reset everything but the settings' sources."""
        self._lock = threading.Lock()
        self._settings = self._broker = None
        self.counters = Counters()
        self._parts.abandon()
        self.diagnostics.reset_after_fork()
        self.family.reset_after_fork()


def _check_broker(settings: Settings) -> None:
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


def _do_nothing() -> None:
    pass


_current = Runtime()


def current() -> Runtime:
    """Return the runtime of this process."""
    return _current


@contextmanager
def swapped(other: Runtime) -> Iterator[Runtime]:
    """Replace the runtime of this process while inside; end the other one afterwards. For tests.

    At both changes the browsers are disconnected; those that come back find the new runtime.
    """
    global _current
    before, _current = _current, other
    try:
        before.end()
        yield other
    finally:
        _current = before
        other.end()
