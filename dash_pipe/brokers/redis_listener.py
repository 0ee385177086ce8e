"""The mirrors of a process, and the thread that keeps them in step with Redis."""

from __future__ import annotations

import atexit
import logging
import socket
import threading
import time
from collections import OrderedDict
from contextlib import closing, suppress

from ..log import Limits, Log
from . import Grown
from .redis_channel import RedisChannel
from .redis_conversation import TIMEOUT, Conversation, Followed
from .redis_link import Connect, RedisError
from .redis_mirror import Mirror

LINGER_SECONDS = 30.0  # that a mirror stays when nobody listens: browsers come back, or poll
BACKOFF = (0.05, 2.0)  # the pause after a lost connection, and the longest after many
GOODBYE_TIMEOUT = 2.0  # that the end of a process may wait for the thread

logger = logging.getLogger("dash_pipe")


class RedisListener:
    """Mirrors the channels that someone in this process listens to.

    A thread starts for the first of them and ends with the last. It does all the waiting; the
    public methods may be called from any thread, and never wait.

    Args:
        connect: opens a connection.
        database: the number of the database.
        limits: the bounds of each log.
        max_idle: how many mirrors that nobody listens to may linger.
        grown: called with each channel that has grown or was refreshed.
    """

    def __init__(
        self, connect: Connect, database: int, limits: Limits, max_idle: int, grown: Grown
    ) -> None:
        self._connect = connect
        self._database = database
        self._limits = limits
        self._max_idle = max_idle
        self._grown = grown
        self._lock = threading.Lock()
        self._followed: dict[str, Followed] = {}
        self._idle: OrderedDict[str, float] = OrderedDict()  # since when, longest first
        self._asked: set[str] = set()  # new, gone, or to be refreshed
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._down = False

    def open(self, name: str) -> Log:
        """The mirror of a channel; see ``Broker``."""
        with self._lock:
            followed = self._followed.get(name)
            if followed is None:
                channel = RedisChannel(name, self._database, self._limits)
                followed = self._followed[name] = Followed(name, channel, Mirror(self._limits))
                self._ask(name)
            self._idle.pop(name, None)
            followed.listeners += 1
            return followed.mirror.log

    def close(self, name: str) -> None:
        """Let go of a mirror; it lingers for a while; see ``Broker``."""
        with self._lock:
            followed = self._followed[name]
            followed.listeners -= 1
            if not followed.listeners:
                self._idle[name] = time.monotonic()
                while len(self._idle) > self._max_idle:
                    self._drop()

    def refresh(self, name: str) -> int:
        """Ask for a comparison with Redis; see ``Broker``."""
        with self._lock:
            followed = self._followed[name]
            if followed.wanted == followed.begun:
                followed.wanted += 1
                self._ask(name)
            return followed.wanted

    def stop(self) -> None:
        """End the thread; waits ``GOODBYE_TIMEOUT`` at most."""
        with self._lock:
            thread = self._thread
            if thread is None or not thread.is_alive():  # not in a forked child
                return
            self._stopping.set()
            self._wake()
        thread.join(GOODBYE_TIMEOUT)

    # What the conversation needs; see ``Registry``

    def fileno(self) -> int:
        """What is readable when there is something to take."""
        return self._woken.fileno()

    def take(self) -> set[str]:
        """What is new, gone, or to be refreshed since the last call."""
        with self._lock:
            with suppress(BlockingIOError):
                self._woken.recv(4096)
            asked, self._asked = self._asked, set()
            return asked

    def names(self) -> list[str]:
        """All channels that are followed."""
        with self._lock:
            return list(self._followed)

    def get(self, name: str) -> Followed | None:
        """A channel, if it is followed."""
        return self._followed.get(name)

    def begin(self, followed: Followed) -> None:
        """Note that a refresh begins."""
        with self._lock:
            followed.begun = followed.wanted

    def expire(self) -> None:
        """Give up what nobody has listened to for ``LINGER_SECONDS``."""
        with self._lock:
            while self._idle:
                if next(iter(self._idle.values())) > time.monotonic() - LINGER_SECONDS:
                    break
                self._drop()

    def changed(self, name: str) -> None:
        """Tell those who listen."""
        self._grown(name)

    @property
    def done(self) -> bool:
        """Whether there is nothing to follow any more."""
        return not self._followed or self._stopping.is_set()

    # With the lock held

    def _ask(self, name: str) -> None:
        """Have the thread look at a channel; start it where there is none."""
        self._asked.add(name)
        if self._thread is not None:
            self._wake()
            return
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="dash-pipe-redis", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # so full of wakes that the thread can't sleep
            self._waker.send(b".")

    def _drop(self) -> None:
        """Give up the mirror that has been idle for the longest time."""
        name, _ = self._idle.popitem(last=False)
        del self._followed[name]
        self._ask(name)

    # On the thread

    def _run(self) -> None:
        pause, longest = BACKOFF
        while not self._ended():
            try:
                with (
                    closing(self._connect(TIMEOUT)) as news,
                    closing(self._connect(TIMEOUT)) as asks,
                ):
                    self._say_up()
                    pause = BACKOFF[0]
                    Conversation(self, news, asks).hold()
                    continue
            except RedisError as error:
                self._say_down(error)
            except Exception:
                logger.exception("dash-pipe: following Redis failed, and begins again")
            self._stopping.wait(pause)
            pause = min(2 * pause, longest)

    def _ended(self) -> bool:
        """Whether the thread is to end; the next channel starts another one then."""
        with self._lock:
            if not self.done:
                return False
            self._thread = None
            self._waker.close()
            self._woken.close()
            atexit.unregister(self.stop)
            return True

    def _say_down(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            logger.warning("dash-pipe: the connection to Redis is lost, trying again: %s", error)

    def _say_up(self) -> None:
        if self._down:
            self._down = False
            logger.warning("dash-pipe: connected to Redis again")
