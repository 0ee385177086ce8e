"""Find the siblings of this process: the other workers of its server.

A process that serves pages keeps a file, and holds a lock on it. The file's name says who has
started the process; it has the addresses on which the process listens, and the time of its newest
page. Siblings have the same parent and listen on the same address.

Two processes are several only if both go on: a server that replaces a worker may run the old one
for a while, which accepts no page after the new one has.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from ..concurrency.per_process import Part

try:
    import fcntl
except ImportError:  # Windows: no sibling is found
    fcntl = None  # type: ignore[assignment]

PAUSE_SECONDS = 1.0  # between two looks
OVERLAP_SECONDS = 60.0  # that a server may take to replace a worker
MAX_FILES = 1000


class Sibling(NamedTuple):
    """Another process of the same server that serves pages; times are of the wall clock."""

    first: float  # page
    newest: float  # page


def are_several(sibling: Sibling, since: float, now: float, *, accepts: bool) -> bool:
    """Return whether a sibling and this process serve at the same time, beyond a replacement.

    Args:
        sibling: the other one.
        since: when this process accepted its first page, or got its app.
        now: the time.
        accepts: whether this process accepts a page now, or has none of its own.
    """
    if accepts and sibling.newest > since:
        return True
    return now - max(since, sibling.first) > OVERLAP_SECONDS


class Siblings(Part):
    """Look for siblings, and be found by them; a part of the runtime.

    Args:
        addresses: on which this process listens.
        since: when this process got its app.
        clock: the wall clock.
    """

    def __init__(
        self,
        addresses: frozenset[str],
        since: float,
        clock: Callable[[], float] = time.time,
        base: str | None = None,
    ) -> None:
        self._addresses = addresses
        self._since = since
        self._clock = clock
        self._parent = os.getppid()
        self._directory = _private_directory(base) if fcntl and addresses else None
        self._next_look = {True: 0.0, False: 0.0}
        self._file: int | None = None
        self._path = ""

    def are_there(self, *, accepts: bool) -> bool:
        """Return whether other processes of this server serve pages too.

        Args:
            accepts: this process accepts a page now; the siblings are told.
        """
        now = self._clock()
        if self._directory is None or now < self._next_look[accepts]:
            return False
        self._next_look[accepts] = now + PAUSE_SECONDS
        with suppress(OSError):  # no place for a file, so siblings are not found
            if accepts:
                self._mark(self._directory, now)
            accepts = accepts or self._file is None
            return any(
                are_several(each, self._since, now, accepts=accepts)
                for each in self._find(self._directory)
            )
        return False

    def goodbye(self) -> None:
        """Remove the file; see ``Part``."""
        self.end()

    def end(self) -> None:
        """Remove the file; see ``Part``."""
        if self._file is not None:
            with suppress(OSError):
                os.unlink(self._path)
            self.abandon()

    def abandon(self) -> None:
        """Close the file; see ``Part``."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _mark(self, directory: str, now: float) -> None:
        """Note the time of a page in the file. The first one has it made."""
        if self._file is None:
            self._since = now
            self._path = os.path.join(directory, f"{self._parent}-{os.getpid()}")
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                text = "\n".join([repr(now), *sorted(self._addresses)])
                os.write(file, text.encode())
            except OSError:
                os.close(file)
                raise
            self._file = file
        os.utime(self._path, (now, now))

    def _find(self, directory: str) -> Iterator[Sibling]:
        """Yield the siblings that live; remove the files of processes that have ended."""
        prefix = f"{self._parent}-"
        for name in os.listdir(directory)[:MAX_FILES]:
            path = os.path.join(directory, name)
            if path != self._path:
                found = _sibling(path, self._addresses)
                if found is not None and name.startswith(prefix):
                    yield found


def _sibling(path: str, addresses: frozenset[str]) -> Sibling | None:
    """Return the owner of a file, if it lives and listens on one of these addresses."""
    try:
        with open(path, encoding="utf-8") as file:
            first, *theirs = file.read().split("\n")
            if first and not _is_locked(file.fileno()):
                os.unlink(path)
                return None
            newest = os.fstat(file.fileno()).st_mtime
            return None if addresses.isdisjoint(theirs) else Sibling(float(first), newest)
    except (OSError, ValueError):  # gone meanwhile, or not written yet
        return None


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _private_directory(base: str | None) -> str | None:
    """Return the directory of the files, which nobody but this user can change; make it."""
    path = os.path.join(base or tempfile.gettempdir(), f"dash-pipe-{os.geteuid()}")
    try:
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        found = os.lstat(path)
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return path if is_ours and not found.st_mode & 0o022 else None
