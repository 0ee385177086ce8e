"""Listening to a broker that may be elsewhere: waiting for what comes, not for time to pass."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from dash_pipe.brokers import Broker
from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Log, Position
from harness.wait import TIMEOUT
from unit.fakes import Browser


class Ear:
    """Watches a broker, and wakes who waits when something has on_append."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.heard: list[str] = []
        self._condition = threading.Condition()
        self.unwatch = broker.watch(self._on_append)

    def _on_append(self, channel: str) -> None:
        with self._condition:
            self.heard.append(channel)
            self._condition.notify_all()

    def until(self, predicate: Callable[[], Any], timeout: float = TIMEOUT) -> None:
        """Wait for what comes with a message."""
        with self._condition:
            assert self._condition.wait_for(predicate, timeout), "it did not come"

    def open(self, channel: str) -> Log:
        """Open a channel, and wait until it can be read."""
        log = self.broker.open(channel)
        self.until(lambda: log.epoch)
        return log

    def hears(self, log: Log, position: Position) -> None:
        """Wait until a log ends at a position."""
        self.until(lambda: log.end == position)

    def rows(self, log: Log, after: int = 0, labels: str | None = None) -> list[list[Any]]:
        """``[offset, label, value]`` of what can be read."""
        chosen = None if labels is None else frozenset(labels)
        return [json.loads(row)[:3] for row in log.read(after, chosen, 2**30).rows]


class Lounge:
    """A hub on a broker, served by whoever waits for its browsers."""

    def __init__(self, broker: Broker) -> None:
        self._wake = threading.Event()
        self.hub = Hub(broker, Policy(), self._wake.set, time.monotonic)

    def browser(self) -> Browser:
        return Browser(self.hub)

    def frames(
        self,
        browser: Browser,
        come: list[dict[str, Any]],
        enough: Callable[[list[dict[str, Any]]], Any],
    ) -> list[dict[str, Any]]:
        """The frames that a browser gets after those that have come, until all are enough."""
        deadline = time.monotonic() + TIMEOUT
        frames = list(browser.drain(come))
        while not enough(frames):
            assert self._wake.wait(deadline - time.monotonic()), f"not enough: {frames}"
            self._wake.clear()
            self.hub.flush()
            frames += browser.drain()
        return frames
