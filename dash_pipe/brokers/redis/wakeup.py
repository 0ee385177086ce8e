"""Wake a thread that waits in a selector."""

from __future__ import annotations

import socket
from contextlib import suppress


class Wakeup:
    """A socket pair: readable for the selector after ``wake``, which any thread may call."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor for the selector."""
        return self._near.fileno()

    def wake(self) -> None:
        """Wake the thread."""
        with suppress(BlockingIOError):  # the buffer is full, so the thread is awake
            self._far.send(b".")

    def clear(self) -> None:
        """Reset, on the thread, before it looks for the cause."""
        with suppress(BlockingIOError):
            self._near.recv(4096)

    def close(self) -> None:
        """Close both ends."""
        self._near.close()
        self._far.close()
