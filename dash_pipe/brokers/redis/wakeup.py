"""What wakes a thread that waits for sockets."""

from __future__ import annotations

import socket
from contextlib import suppress


class Wakeup:
    """A selector finds it readable after it was rung. Any thread may ring."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    def fileno(self) -> int:
        """What the selector waits on."""
        return self._near.fileno()

    def wake(self) -> None:
        """Wake the thread."""
        with suppress(BlockingIOError):  # so often rung that the thread can't sleep
            self._far.send(b".")

    def clear(self) -> None:
        """Note that it was rung; on the thread, before it looks why."""
        with suppress(BlockingIOError):
            self._near.recv(4096)

    def close(self) -> None:
        """Close both ends."""
        self._near.close()
        self._far.close()
