"""Tell a function when the first browser listens on a channel, and when the last has gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .. import runtime
from ..concurrency.per_process import Part
from ..runtime import Runtime
from ..telemetry.events import log_event
from .listener_count import check_names, listening

LOOK_SECONDS = 1.0  # between two looks at the listeners of other processes

logger = logging.getLogger("dash_pipe")


def watch_listeners(
    channel_name: str, on_change: Callable[[bool], None], label: str | None = None
) -> Callable[[], None]:
    """Call a function when the first browser begins to listen, and when the last one has gone.

    It is called in a thread, first with what is now. A browser of this process is noticed at once,
    one of another within two seconds.

    Args:
        channel_name: the channel.
        on_change: called with True if somebody listens, else with False.
        label: only who listens for this label.

    Returns:
        A function that ends it.

    Raises:
        InvalidMessageError, SetupError: see ``listeners``.
    """
    current = runtime.current()
    check_names(current, channel_name, label)
    return current.part(ListenerWatch).add(channel_name, label, on_change)


class ListenerWatch(Part):
    """The thread that looks who listens; a part of the runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._due = threading.Event()
        self._lock = threading.Lock()
        self._watched: dict[object, _Watched] = {}
        self._has_ended = False
        self._thread = threading.Thread(target=self._run, name="dash-pipe-listeners", daemon=True)
        runtime.program.watchers.append(self._notice)

    def start(self) -> None:
        """Start the thread; see ``Part``."""
        self._thread.start()

    def add(
        self, channel: str, label: str | None, on_change: Callable[[bool], None]
    ) -> Callable[[], None]:
        """Watch a channel; see ``watch_listeners``."""
        key = object()
        with self._lock:
            self._watched[key] = _Watched(channel, label, on_change)
        self._due.set()

        def remove() -> None:
            with self._lock:
                self._watched.pop(key, None)

        return remove

    def end(self) -> None:
        """End the thread; see ``Part``."""
        self._has_ended = True
        self._runtime.program.watchers.remove(self._notice)
        self._due.set()

    def abandon(self) -> None:
        """In a forked child: nobody watches; see ``Part``."""
        self._runtime.program.watchers.remove(self._notice)

    def _notice(self, runtime: Runtime, channel: str) -> None:
        if runtime is self._runtime:
            self._due.set()

    def _run(self) -> None:
        while not self._has_ended:
            is_shared = self._runtime.broker.coordinator is not None
            self._due.wait(LOOK_SECONDS if is_shared and self._watched else None)
            self._due.clear()
            with self._lock:
                watched = list(self._watched.values())
            for each in watched:
                each.look(self._runtime)


class _Watched:
    """A channel that is watched, and what was told of it."""

    def __init__(self, channel: str, label: str | None, on_change: Callable[[bool], None]) -> None:
        self._channel = channel
        self._label = label
        self._on_change = on_change
        self._told: bool | None = None

    def look(self, runtime: Runtime) -> None:
        """Look, and tell what has changed."""
        try:
            is_heard = listening(runtime, self._channel).count(self._label) > 0
        except ConnectionError:
            return  # the next look will tell; the broker says so in the log
        if is_heard == self._told:
            return
        self._told = is_heard
        try:
            self._on_change(is_heard)
        except Exception:
            logger.exception(
                "dash-pipe: a function for watch_listeners(%r) failed",
                self._channel,
                extra=log_event("listener_watch_failed", channel=self._channel),
            )
