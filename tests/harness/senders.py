"""Processes that send messages through a broker; each is a broker of this process."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from typing_extensions import Self

from dash_pipe.brokers import Broker, connect
from dash_pipe.log import Limits

SEND_TIMEOUT = 10.0
MAX_IDLE = 100


class Senders:
    """Send on the channel `jobs` from new or living processes; a context manager.

    Attributes:
        url: the URL of the broker.
        sent: the label and the value of each message so far.
    """

    def __init__(self, url: str, limits: Limits | None = None) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.url = url
        self._limits = limits or Limits()
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def start(self) -> Broker:
        """Start a process that lives on, and knows the last message that it has sent."""
        broker = connect(self.url, self._limits, MAX_IDLE, SEND_TIMEOUT)
        self._ends.callback(end, broker)
        return broker

    def send(self, *values: Any, label: str = "a", sender: Broker | None = None) -> None:
        """Send messages, by default from a process that starts, and ends then."""
        broker = sender or self.start()
        for value in values:
            broker.publish("jobs", label, json.dumps(value))
            self.sent.append((label, value))
        if sender is None:
            end(broker)


def end(broker: Broker) -> None:
    """End a process: close the connections of its broker, if it has any."""
    getattr(broker, "stop", lambda: None)()
