"""A page with one Pipe, on a hub of this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from dash_pipe.client import Client, Subscription
from dash_pipe.testing.brokers import HubRunner
from dash_pipe.testing.brokers.browser import Browser, Frames

Told = tuple[int, str | None]
"""The number of counted gaps, and the cause of the last gap, counted or not."""

NOTHING: Told = (0, None)
GAP: Told = (1, "epoch")
UNKNOWN: Told = (0, "unknown")


class Page:
    """Connect and disconnect when the test says so; keep everything that came.

    Attributes:
        values: the values of all rows, in the order in which they came.
        recovered: the server's answer to each connect.
        process: the server process to which it is connected.
    """

    def __init__(
        self, labels: Sequence[str] | None = None, *, channel: str = "jobs", replay: int = 0
    ) -> None:
        self.values: list[Any] = []
        self.recovered: list[bool | None] = []
        self.process: HubRunner | None = None
        self._subscription = Subscription(channel, labels, replay=replay)
        self._client = Client(self._subscription)

    @property
    def told(self) -> Told:
        """Return what the page was told about losses so far."""
        gap = self._subscription.last_gap
        return self._subscription.n_gaps, None if gap is None else gap.cause

    def connect(self, process: HubRunner) -> None:
        """Connect to a server process, as after the end of a connection; wait for its answer."""
        self.process, self._browser = process, process.browser()
        answers = len(self.recovered)
        for text in self._client.opened(0.0):
            _connection(self._browser).receive(text)
        self.wait_until(lambda: len(self.recovered) > answers)

    def disconnect(self) -> None:
        """End the connection."""
        self._browser.disconnect()
        self.process = None

    def wait_until(self, enough: Callable[[], object]) -> None:
        """Take frames until it is true; fail if that takes long."""
        assert self.process is not None, "it is not connected"
        taken = 0

        def look(frames: Frames) -> object:
            nonlocal taken
            for frame in frames[taken:]:
                self._take(frame)
            taken = len(frames)
            return enough()

        try:
            self.process.frames(self._browser, [], look)
        except AssertionError as error:
            state = f"values {self.values}, told {self.told}, recovered {self.recovered}"
            raise AssertionError(f"{state}: {error}") from None

    def wait_for(self, value: object) -> None:
        """Wait until a value is the newest."""
        self.wait_until(lambda: self.values[-1:] == [value])

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "subscribed":
            self.recovered.append(frame["recovered"])
        update = self._client.received(json.dumps(frame), 0.0)
        assert update.notes == []
        self.values += [row[2] for row in update.rows]


def _connection(browser: Browser) -> Any:
    assert browser.connection is not None
    return browser.connection
