"""A listener in a thread, which reconnects whenever its connection is lost, and resumes."""

import threading
import time
from contextlib import suppress
from typing import Any

from dash_pipe.client import Client, Subscription, WebSocketConnection, updates
from harness.wait import wait_for


class LeftError(Exception):
    """The follower was told to leave."""


class Follower(threading.Thread):
    """A listener on a channel of a server; it is subscribed when it is made.

    Attributes:
        values: those that have arrived.
        times: when each has arrived, by the monotonic clock.
        gaps: the number of losses that it was told of.
        connections: the number of times that it was subscribed.
    """

    def __init__(self, base: str, channel: str) -> None:
        super().__init__(daemon=True)
        self.values: list[Any] = []
        self.times: list[float] = []
        self.gaps = 0
        self.connections = 0
        self._base = base
        self._channel = channel
        self._connection = WebSocketConnection(base)
        self._leaving = threading.Event()
        self.start()
        wait_for(lambda: self.connections, "a listener to be subscribed")

    def leave(self) -> None:
        """Stop, and wait for the end."""
        self._leaving.set()
        self._connection.__exit__(None, None, None)
        self.join()

    def run(self) -> None:
        """Listen until it is told to leave."""
        with suppress(LeftError):
            client = Client(Subscription(self._channel))
            for update in updates(client, self._connect, sleep=self._sleep):
                self.connections += update.opened
                self.gaps += len(update.gaps)
                self.times += [time.monotonic()] * len(update.rows)  # before the values
                self.values += [row[2] for row in update.rows]

    def _connect(self) -> WebSocketConnection:
        self._connection = WebSocketConnection(self._base)
        if self._leaving.is_set():
            raise LeftError
        return self._connection

    def _sleep(self, seconds: float) -> None:
        self._leaving.wait(seconds)
