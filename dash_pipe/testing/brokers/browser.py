"""A hub on a broker, and browsers that are connected to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...brokers import Broker
from ...hub.authorization import Outcome, Pending, Permission
from ...hub.connection import connect
from ...hub.hub import Hub
from ...hub.policy import Policy
from ...hub.session import Session
from ...protocol import SUBPROTOCOL, Close, Frame, Subscribe
from .reader import TIMEOUT

Frames = list[dict[str, Any]]


class Transport:
    """Collect the frames for a browser, until the close."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed: tuple[Close, str] | None = None

    def send(self, frame: Frame) -> None:
        """Keep a frame."""
        if self.closed is None:
            self.frames.append(frame)

    def close(self, code: Close, reason: str) -> None:
        """Keep the first close."""
        self.closed = self.closed or (code, reason)

    def take(self) -> Frames:
        """Return the decoded frames since the last call."""
        frames, self.frames = self.frames, []
        return [json.loads(frame.text) for frame in frames]


class Browser:
    """One connection to a hub, with a method for each frame. A subclass may authorize."""

    def __init__(self, hub: Hub, subprotocol: str | None = SUBPROTOCOL) -> None:
        self.hub = hub
        self.transport = Transport()
        self.connection = connect(hub, self.transport, self._authorize, subprotocol)
        self.session = self.connection and self.connection.session

    def _authorize(self, _session: Session, _subscribe: Subscribe) -> Outcome | Pending:
        return Permission()

    def says(self, **frame: Any) -> Frames:
        """Send a frame; return the immediate answers."""
        assert self.connection is not None
        self.connection.receive(json.dumps(frame))
        return self.transport.take()

    def subscribe(self, channel: str, labels: Any = None, **more: Any) -> Frames:
        """Send a subscribe; return the immediate answers."""
        return self.says(type="subscribe", channel=channel, labels=labels, **more)

    def replay(self, channel: str, last: int = 1, labels: Any = None) -> Frames:
        """Send a replay; return the immediate answers."""
        return self.says(type="replay", id=1, channel=channel, labels=labels, last=last)

    def pong(self, n: int) -> Frames:
        """Send a pong; return the immediate answers."""
        return self.says(type="pong", n=n)

    def disconnect(self) -> None:
        """End the connection."""
        assert self.connection is not None
        self.hub.disconnect(self.connection.session)

    def drain(self, come: Iterable[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
        """Yield all frames, answering each ping, until none is left."""
        frames = [*come, *self.transport.take()]
        while frames:
            yield from frames
            pings = [frame["n"] for frame in frames if frame["type"] == "ping"]
            frames = self.pong(pings[-1]) if pings else []


class HubRunner:
    """A hub on a broker. It runs while frames are awaited."""

    def __init__(self, broker: Broker) -> None:
        self._wake = threading.Event()
        self.hub = Hub(broker, Policy(), self._wake.set, time.monotonic)

    def browser(self) -> Browser:
        """Connect a browser."""
        return Browser(self.hub)

    def frames(self, browser: Browser, come: Frames, enough: Callable[[Frames], Any]) -> Frames:
        """Return the frames of a browser, ``come`` first, as soon as ``enough`` is true of them."""
        deadline = time.monotonic() + TIMEOUT
        frames = list(browser.drain(come))
        while not enough(frames):
            assert self._wake.wait(deadline - time.monotonic()), f"not enough: {frames}"
            self._wake.clear()
            self.hub.flush()
            frames += browser.drain()
        return frames


def rows(frames: Frames) -> list[list[Any]]:
    """Return ``[offset, label, value]`` of every row in frames of messages."""
    return [row[:3] for frame in frames for row in frame.get("messages", [])]


def values(frames: Frames) -> list[Any]:
    """Return the values of every row in frames of messages."""
    return [row[2] for row in rows(frames)]


def kinds(frames: Frames) -> list[str]:
    """Return the type of each frame."""
    return [frame["type"] for frame in frames]
