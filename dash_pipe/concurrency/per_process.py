"""Make one part of each kind per process at first use, and end it with the process."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar


class Part:
    """An object that a process has one of. A subclass overrides the methods that concern it."""

    @property
    def connections(self) -> int:
        """The number of browsers that are connected to it."""
        return 0

    def numbers(self) -> Mapping[str, float]:
        """Return what it has now, by the names of ``stats``. Any thread may call it."""
        return {}

    def start(self) -> None:
        """Start the part's threads. Called once, without a lock."""

    def goodbye(self) -> None:
        """Tell every browser that this process ends; return within a bounded time."""

    def end(self) -> None:
        """End the part for good, while the process goes on; return within a bounded time."""

    def abandon(self) -> None:
        """In a forked child: close its copies of the parent's sockets, and send nothing."""


P = TypeVar("P", bound=Part)


class PerProcess:
    """Keep one part of each kind. It is made at first use, since a server may fork before that.

    Any thread may call it. At the end of the process it calls ``goodbye`` of all parts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[Hashable, Any] = {}
        self._says_goodbye = False

    def get(self, key: Hashable, make: Callable[[], P]) -> P:
        """Return the part with this key; make and start it if there is none.

        Args:
            key: distinguishes the parts.
            make: makes the part. The lock is held meanwhile, so it calls no code of an app.

        Raises:
            RuntimeError: the part could not start a thread. It is discarded.
        """
        part: P | None = self.existing(key)
        if part is not None:
            return part
        with self._lock:
            part = self.existing(key)
            if part is not None:
                return part
            part = self._parts[key] = make()
            if not self._says_goodbye:
                self._says_goodbye = True
                atexit.register(self._goodbye)
        try:
            # Without the lock: starting a greenlet lets others run, which may need this lock.
            part.start()
        except RuntimeError:
            self.discard(part)
            raise
        return part

    def existing(self, key: Hashable) -> Any:
        """Return the part with this key; ``None`` if there is none."""
        return self._parts.get(key)

    def all(self) -> list[Part]:
        """Return all parts."""
        return list(self._parts.values())

    def discard(self, part: Part) -> None:
        """Forget a part, if it is still there: the next ``get`` makes another."""
        with self._lock:
            for key in [key for key, each in self._parts.items() if each is part]:
                del self._parts[key]

    def end(self) -> None:
        """End all parts. The next ``get`` makes new ones."""
        with self._lock:
            parts = self._take()
        for part in parts:
            part.end()

    def abandon(self) -> None:
        """In a forked child: abandon the parent's parts."""
        self._lock = threading.Lock()  # the old one may be held by a thread the child doesn't have
        for part in self._take():
            part.abandon()

    def _take(self) -> list[Part]:
        parts, self._parts = list(self._parts.values()), {}
        self._says_goodbye = False
        atexit.unregister(self._goodbye)
        return parts

    def _goodbye(self) -> None:
        for part in list(self._parts.values()):
            part.goodbye()
