"""The thread that keeps the mirrors of this process in step with Redis."""

from __future__ import annotations

import atexit
import logging
import threading
from contextlib import closing

from ...log import Limits, Log
from ...telemetry.events import log_event
from .. import OnAppend
from ..listening import Audience
from .connection import Connect, RedisError
from .heads import Heads
from .mirrors import Mirrors
from .presence import Presence
from .pulse import TIMEOUT
from .reports import Reports
from .sync import Sync
from .wakeup import Wakeup

BACKOFF = (0.05, 2.0)  # seconds before the first reconnect, and the maximum
STOP_TIMEOUT = 2.0  # seconds that the end of the process waits for the thread

logger = logging.getLogger("dash_pipe")


class RedisFollower:
    """Mirror the channels that have a listener in this process.

    A thread starts with the first channel and ends with the last. It does all the waiting. The
    public methods never wait, and any thread may call them.

    Args:
        connect: opens a connection.
        database: the number of the database.
        limits: the bounds of each log.
        max_idle: the number of mirrors kept while nobody listens.
        heads: what the process knows of channels that it does not mirror.
        on_append: called with the name of each channel that has grown or was refreshed.
    """

    def __init__(
        self,
        connect: Connect,
        database: int,
        limits: Limits,
        max_idle: int,
        heads: Heads,
        on_append: OnAppend,
    ) -> None:
        self._connect = connect
        self._on_append = on_append
        self._mirrors = Mirrors(database, limits, max_idle, heads)
        self._reports = Reports(heads, database, limits)
        self._presence = Presence()
        self._lock = threading.Lock()
        self._running: tuple[threading.Thread, Wakeup] | None = None
        self._stopping = threading.Event()
        self._down = False
        self._pause = BACKOFF[0]

    def open(self, name: str) -> Log:
        """Return the mirror of a channel; see ``Broker``."""
        log = self._mirrors.open(name)
        self._wake()
        return log

    def close(self, name: str) -> None:
        """Release a mirror, which is kept for a while; see ``Broker``."""
        self._mirrors.close(name)
        self._wake()

    def refresh(self, name: str) -> int:
        """Request a comparison with Redis; see ``Broker``."""
        number = self._mirrors.refresh(name)
        self._wake()
        return number

    def note_audience(self, channel: str, audience: Audience) -> None:
        """Have Redis told who listens here; see ``Broker``."""
        self._presence.note(channel, audience)
        self._wake()

    def stop(self) -> None:
        """End the thread. Wait ``STOP_TIMEOUT`` seconds at most."""
        with self._lock:
            if self._running is None or not self._running[0].is_alive():  # not in a forked child
                return
            thread, wakeup = self._running
            self._stopping.set()
            wakeup.wake()
        thread.join(STOP_TIMEOUT)

    def _wake(self) -> None:
        """Wake the thread if there are changes; start it if it does not run."""
        if not self._mirrors.has_changes and not self._presence.has_changes:
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
                    closing(self._connect(TIMEOUT)) as pubsub,
                    closing(self._connect(TIMEOUT)) as requests,
                ):
                    sync = Sync(
                        self._mirrors,
                        self._reports,
                        self._presence,
                        wakeup,
                        pubsub,
                        requests,
                        self._on_append,
                    )
                    sync.run(self._done, self._in_step)
                    continue
            except RedisError as error:
                self._warn_down(error)
            except Exception:
                logger.exception(
                    "dash-pipe: mirroring from Redis failed; retrying",
                    extra=log_event("mirroring_failed"),
                )
            self._stopping.wait(self._pause)
            self._pause = min(2 * self._pause, BACKOFF[1])

    def _done(self) -> bool:
        """Return whether there is nothing left to follow."""
        return len(self._mirrors) == 0 or self._stopping.is_set()

    def _ended(self) -> bool:
        """Return whether the thread is to end. The next channel then starts another one."""
        with self._lock:
            if not self._done():
                return False
            assert self._running is not None, "it is us"
            self._running[1].close()
            self._running = None
            atexit.unregister(self.stop)
            return True

    def _warn_down(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            logger.warning(
                "dash-pipe: lost the connection to Redis; reconnecting: %s",
                error,
                extra=log_event("redis_lost"),
            )

    def _in_step(self) -> None:
        """Reset the backoff. An open connection is not enough: Redis may reject SUBSCRIBE."""
        self._pause = BACKOFF[0]
        if self._down:
            self._down = False
            logger.warning("dash-pipe: reconnected to Redis", extra=log_event("redis_reconnected"))
