"""Wait for the messages of a broker, which may come from another process."""

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


class BrokerReader:
    """Watches a broker and waits for messages in its logs."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._condition = threading.Condition()
        self.unwatch = broker.watch(self._on_append)

    def _on_append(self, channel: str) -> None:
        with self._condition:
            self._condition.notify_all()

    def wait_until(self, predicate: Callable[[], Any], timeout: float = TIMEOUT) -> None:
        """Wait until a message makes the predicate true."""
        with self._condition:
            assert self._condition.wait_for(predicate, timeout), "no message made it true"

    def open(self, channel: str) -> Log:
        """Open a channel and wait until it can be read."""
        log = self.broker.open(channel)
        self.wait_until(lambda: log.epoch)
        return log

    def wait_for_end(self, log: Log, position: Position) -> None:
        """Wait until a log ends at a position."""
        self.wait_until(lambda: log.end == position)

    def rows(self, log: Log, after: int = 0, labels: str | None = None) -> list[list[Any]]:
        """Return ``[offset, label, value]`` of each message in a log."""
        chosen = None if labels is None else frozenset(labels)
        return [json.loads(row)[:3] for row in log.read(after, chosen, 2**30).rows]


class HubRunner:
    """A hub on a broker. It runs while frames are awaited."""

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
        """Return the frames of a browser, ``come`` first, as soon as ``enough`` is true of them."""
        deadline = time.monotonic() + TIMEOUT
        frames = list(browser.drain(come))
        while not enough(frames):
            assert self._wake.wait(deadline - time.monotonic()), f"not enough: {frames}"
            self._wake.clear()
            self.hub.flush()
            frames += browser.drain()
        return frames
