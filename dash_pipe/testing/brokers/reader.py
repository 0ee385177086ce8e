"""Wait for the messages of a broker, which may come from another process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ...brokers import Broker
from ...log import Log, Position

T = TypeVar("T")

TIMEOUT = 15.0  # seconds
INTERVAL = 0.05
EVERYTHING = 2**30  # bytes


class BrokerReader:
    """Watch a broker, and wait for messages in its logs."""

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
        return [json.loads(row)[:3] for row in log.read(after, chosen, EVERYTHING).rows]


def wait_for(predicate: Callable[[], T], event: str) -> T:
    """Poll until the predicate is true, and return its value: for time that must pass."""
    deadline = time.monotonic() + TIMEOUT
    while not (value := predicate()):
        assert time.monotonic() < deadline, f"timed out after {TIMEOUT:g} s: {event}"
        time.sleep(INTERVAL)
    return value
