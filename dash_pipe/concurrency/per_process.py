"""What a process has one of, for all of its browsers."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from .forks import reset_after_fork


class Host(Protocol):
    """Who keeps the sockets of a process' browsers."""

    def start(self) -> None:
        """Begin, once."""

    def goodbye(self) -> None:
        """Tell every browser that this server is going away; waits for a bounded time."""

    def abandon(self) -> None:
        """In a forked child: let go of the parent's sockets, without a word to anybody."""


H = TypeVar("H", bound=Host)


class PerProcess(Generic[H]):
    """The one host of its kind, made at first use: after a server has forked.

    It says goodbye when the process ends. A forked child lets go of the parent's, and makes
    its own when it needs one.
    """

    def __init__(self, make: Callable[[], H]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._host: H | None = None
        reset_after_fork(self, PerProcess._forget)

    def get(self) -> H:
        """The host, made when there is none yet."""
        with self._lock:
            host, is_new = self._host, self._host is None
            if host is None:
                host = self._host = self._make()
                atexit.register(host.goodbye)
        if is_new:
            # Without the lock: the start of a greenlet lets others run, which may want it.
            try:
                host.start()
            except RuntimeError:  # no thread can be started
                self.give_up()
                raise
        return host

    def give_up(self) -> H | None:
        """Have none any more; return the one that was there, for the caller to end."""
        with self._lock:
            host, self._host = self._host, None
        if host is not None:
            atexit.unregister(host.goodbye)
        return host

    def _forget(self) -> None:
        self._lock = threading.Lock()  # the old one may be held by a thread the child doesn't have
        host = self.give_up()
        if host is not None:
            host.abandon()
