"""Say what this process is to the others: a server of pages, a child of one, or neither."""

from __future__ import annotations

import os
import sys
import time

from . import address, listening
from .parent import Parent

PAUSE_SECONDS = 1.0  # between two looks for sockets that listen
# Each has a function `parent_process`; diskcache's background callbacks use the second.
_STARTERS = ("multiprocessing", "multiprocess")


class Family:
    """The place of this process among others. Any thread may use it.

    Attributes:
        serves: whether this process has accepted a page.
        is_forked: whether it was forked from a process that had this object.
        since: when it began, or got its app, by the wall clock.
    """

    def __init__(self) -> None:
        self._has_app = False
        self._begin()

    def _begin(self) -> None:
        self.serves = False
        self.is_forked = False
        self.since = time.time()
        self._parent: Parent | None = None
        self._addresses: frozenset[str] | None = frozenset()
        self._next_look = 0.0

    def has_app(self) -> None:
        """Note that this process has an app, whose messages its children may send.

        A child that imports its parent's app keeps the parent. One that listens serves an app of
        its own: it was started by a reloader, say.
        """
        self._has_app = True
        self.since = time.time()
        if address.of_parent(os.environ) is None or self.listens:
            address.claim(os.environ)

    def accepts(self) -> str:
        """Note that this process has accepted a page. Return the directory for its relay."""
        self.serves, self._parent = True, None
        return address.claim(os.environ)

    def parent(self, timeout: float) -> Parent | None:
        """Return the process to hand messages to; ``None`` if this one serves pages, or may soon.

        Args:
            timeout: seconds that a message may take.
        """
        if self.serves:
            return None
        directory = address.of_parent(os.environ)
        if directory is None or (self._has_app and not self.is_forked and self.listens):
            return None
        if self._parent is None or self._parent.directory != directory:
            self._parent = Parent(directory, timeout)
        return self._parent

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses on which this process listens; none if the system does not tell."""
        if not self._addresses and time.monotonic() >= self._next_look:
            self._look()
        return self._addresses or frozenset()

    @property
    def listens(self) -> bool:
        """True if this process accepts connections, or the system does not tell."""
        return bool(self.addresses) or self._addresses is None

    def may_serve(self) -> bool:
        """Look whether a page may come to this process: it has sockets that listen, of its own."""
        if not self._addresses:
            self._look()
        return self.listens and not (self.is_forked and is_job())

    def is_job(self) -> bool:
        """Return whether another process has started this one to compute something."""
        return self.is_forked or is_job()

    def has_parent(self) -> bool:
        """Return whether a process with an app has started this one."""
        return address.of_parent(os.environ) is not None

    def _look(self) -> None:
        self._next_look = time.monotonic() + PAUSE_SECONDS
        self._addresses = listening.addresses()

    def copy(self) -> Family:
        """Return the family of a runtime with the same apps."""
        other = Family()
        other._has_app = self._has_app
        return other

    def forget(self) -> None:
        """Begin again, as the next user of this runtime does."""
        address.release(os.environ)
        self._begin()

    def reset_after_fork(self) -> None:
        """In a forked child: forget what the parent is; keep that it has an app."""
        self._begin()
        self.is_forked = True


def is_job() -> bool:
    """Return whether a package for processes has started this one, and it is no longer starting."""
    for name in _STARTERS:
        package = sys.modules.get(name)
        if package is not None and package.parent_process() is not None:
            return not hasattr(package.current_process(), "_inheriting")
    return False
