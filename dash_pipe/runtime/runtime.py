"""Own the process-wide objects: settings, broker, parts and diagnostics."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from ..brokers import Broker
from ..concurrency.forks import after_fork_in_child
from ..concurrency.per_process import Part, PerProcess
from ..diagnostics import Diagnostics
from ..family.family import Family
from ..hub.audience import Audience
from ..hub.policy import Policy
from ..log import Limits, Log
from ..settings import FunctionPath, Project, Settings
from ..telemetry import descriptors
from ..telemetry.counters import Counters
from ..telemetry.events import log_event
from .configured import Configured, check_broker
from .program import Program

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
        audience: who listens in this process.
        program: what the program has declared.
    """

    def __init__(
        self, keywords: dict[str, Any] | None = None, project: Project | None = None
    ) -> None:
        self.counters = Counters()
        self.diagnostics = Diagnostics()
        self.family = Family()
        self.servers: weakref.WeakSet[Any] = weakref.WeakSet()
        self.audience = Audience(self._note_audience)
        self.program = Program()
        self._configured = Configured(keywords or {}, project or {})
        self._parts = PerProcess()
        after_fork_in_child(self, Runtime._reset_after_fork)

    def configure(self, **keywords: Any) -> Settings:
        """Change settings; see ``dash_pipe.configure``."""
        return self._configured.configure(**keywords)

    def adopt(self, project: Project) -> None:
        """Adopt the settings of the project that this process runs. First use checks them.

        A framework calls this at its start, so before there are messages.
        """
        self._configured.adopt(project)

    def restart(self, project: Project) -> None:
        """Adopt settings that a test has changed, and begin anew, within a bounded time.

        Browsers are disconnected and find the new broker when they return. A broker that
        ``with_broker`` was given stays.
        """
        before = self._configured.restart(project)
        self._parts.end()
        self.family.forget()
        getattr(before, "stop", _do_nothing)()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._configured.settings

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
        return self._configured.http_route

    @property
    def broker(self) -> Broker:
        """The broker. The first use of it fixes the settings."""
        return self._configured.broker

    @property
    def uses_broker(self) -> bool:
        """Return whether the broker was used, and the settings are fixed."""
        return self._configured.existing_broker is not None

    @property
    def policy(self) -> Policy:
        """The limits and times for connections."""
        settings = self.settings
        return Policy(
            heartbeat_interval=settings.heartbeat_interval,
            max_sessions=self.max_connections,
            max_sessions_per_user=settings.max_connections_per_user,
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
        idle: list[Log] = getattr(self._configured.existing_broker, "idle_logs", list)()
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
        check_broker(self.settings)
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
        other = Runtime()
        other._configured = self._configured.copy()
        other.diagnostics = self.diagnostics.copy()
        other.family = self.family.copy()
        other.servers = self.servers
        other.program = self.program.copy()
        return other

    def with_broker(self, make: Callable[[Limits, int], Broker]) -> Runtime:
        """Return a copy with another broker, made by ``make``."""
        other = self.copy()
        other._configured.give(make)
        return other

    def end(self) -> None:
        """Tell all browsers that this server is going away; end the parts, within a bounded time.

        The runtime can be used again: it makes new parts.
        """
        self._parts.end()
        self.diagnostics.end()
        self.family.forget()

    def _note_audience(self, channel: str) -> None:
        self.broker.note_audience(channel, self.audience)
        self.program.tell(self, channel)

    def _reset_after_fork(self) -> None:
        """In a forked child: reset everything but the settings' sources."""
        self._configured.reset_after_fork()
        self.counters = Counters()
        self.audience = Audience(self._note_audience)
        self.program.reset_after_fork()
        self._parts.abandon()
        self.diagnostics.reset_after_fork()
        self.family.reset_after_fork()


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
