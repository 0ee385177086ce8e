"""The thread that keeps the mirrors of a process in step with Redis."""

from __future__ import annotations

import atexit
import logging
import threading
from contextlib import closing

from ...log import Limits, Log
from .. import OnAppend
from .connection import Connect, RedisError
from .mirrors import Mirrors
from .sync import TIMEOUT, Sync
from .wakeup import Wakeup

BACKOFF = (0.05, 2.0)  # the pause after a lost connection, and the longest after many
GOODBYE_TIMEOUT = 2.0  # that the end of a process may wait for the thread

logger = logging.getLogger("dash_pipe")


class RedisFollower:
    """Mirrors the channels that someone in this process listens to.

    A thread starts for the first of them and ends with the last. It does all the waiting; the
    public methods may be called from any thread, and never wait.

    Args:
        connect: opens a connection.
        database: the number of the database.
        limits: the bounds of each log.
        max_idle: how many mirrors that nobody listens to may linger.
        on_append: called with each channel that has grown or was refreshed.
    """

    def __init__(
        self, connect: Connect, database: int, limits: Limits, max_idle: int, on_append: OnAppend
    ) -> None:
        self._connect = connect
        self._on_append = on_append
        self._mirrors = Mirrors(database, limits, max_idle)
        self._lock = threading.Lock()
        self._running: tuple[threading.Thread, Wakeup] | None = None
        self._stopping = threading.Event()
        self._down = False
        self._pause = BACKOFF[0]

    def open(self, name: str) -> Log:
        """The mirror of a channel; see ``Broker``."""
        log = self._mirrors.open(name)
        self._wake()
        return log

    def close(self, name: str) -> None:
        """Let go of a mirror; it lingers for a while; see ``Broker``."""
        self._mirrors.close(name)
        self._wake()

    def refresh(self, name: str) -> int:
        """Ask for a comparison with Redis; see ``Broker``."""
        number = self._mirrors.refresh(name)
        self._wake()
        return number

    def stop(self) -> None:
        """End the thread; waits ``GOODBYE_TIMEOUT`` at most."""
        with self._lock:
            if self._running is None or not self._running[0].is_alive():  # not in a forked child
                return
            thread, wakeup = self._running
            self._stopping.set()
            wakeup.wake()
        thread.join(GOODBYE_TIMEOUT)

    def _wake(self) -> None:
        """Have the thread look at what is asked, if anything is; start it where there is none."""
        if not self._mirrors.asked:
            return
        with self._lock:
            if self._running is not None:
                self._running[1].wake()
                return
            wakeup = Wakeup()
            thread = threading.Thread(
                target=self._run, args=(wakeup,), name="dash-pipe-redis", daemon=True
            )
            self._running = thread, wakeup
            self._stopping.clear()
            thread.start()
            atexit.register(self.stop)

    # On the thread

    def _run(self, wakeup: Wakeup) -> None:
        while not self._ended():
            try:
                with (
                    closing(self._connect(TIMEOUT)) as news,
                    closing(self._connect(TIMEOUT)) as asks,
                ):
                    conversation = Sync(self._mirrors, wakeup, news, asks, self._on_append)
                    conversation.hold(self._done, self._in_step)
                    continue
            except RedisError as error:
                self._say_down(error)
            except Exception:
                logger.exception("dash-pipe: following Redis failed, and begins again")
            self._stopping.wait(self._pause)
            self._pause = min(2 * self._pause, BACKOFF[1])

    def _done(self) -> bool:
        """Whether there is nothing to follow any more."""
        return len(self._mirrors) == 0 or self._stopping.is_set()

    def _ended(self) -> bool:
        """Whether the thread is to end; the next channel starts another one then."""
        with self._lock:
            if not self._done():
                return False
            assert self._running is not None, "it is us"
            self._running[1].close()
            self._running = None
            atexit.unregister(self.stop)
            return True

    def _say_down(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            logger.warning("dash-pipe: the connection to Redis is lost, trying again: %s", error)

    def _in_step(self) -> None:
        """All is as it should be. An open connection is not enough: Redis may refuse the rest."""
        self._pause = BACKOFF[0]
        if self._down:
            self._down = False
            logger.warning("dash-pipe: connected to Redis again")
