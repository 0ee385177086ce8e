"""What the unit tests put in the place of a clock, a browser and its socket."""

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.hub import Hub, Policy
from dash_pipe.log import Batch, Limits, Log
from dash_pipe.protocol import Close, Denied, Frame, Subscribe


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Outlet:
    """Collects what a browser is sent; after a close it gets nothing more, as on a socket."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed: tuple[Close, str] | None = None
        self.verdict: Denied | None = frozenset()
        self.asked: list[tuple[str, Any]] = []

    def send(self, frame: Frame) -> None:
        if self.closed is None:
            self.frames.append(frame)

    def close(self, code: Close, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def permit(self, request: Subscribe) -> Denied | None:
        self.asked.append((request.channel, request.labels))
        return self.verdict

    def take(self) -> list[dict[str, Any]]:
        """What came since the last call, decoded."""
        frames, self.frames = self.frames, []
        return [json.loads(frame.text) for frame in frames]


class Browser:
    """One connection to a hub, and the words for talking to it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.outlet = Outlet()
        self.session = hub.connect(self.outlet)

    @property
    def close_code(self) -> int | None:
        return self.outlet.closed[0] if self.outlet.closed else None

    def says(self, **frame: Any) -> list[dict[str, Any]]:
        """Send a frame; return what comes back at once."""
        assert self.session is not None
        self.hub.receive(self.session, json.dumps(frame))
        return self.outlet.take()

    def subscribe(self, channel: str, labels: Any = None, **more: Any) -> list[dict[str, Any]]:
        return self.says(type="subscribe", channel=channel, labels=labels, **more)

    def replay(self, channel: str, last: int = 1, labels: Any = None) -> list[dict[str, Any]]:
        return self.says(type="replay", id=1, channel=channel, labels=labels, last=last)

    def pong(self, n: int) -> list[dict[str, Any]]:
        return self.says(type="pong", n=n)

    def drain(self, come: Iterable[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
        """Read what has come and all that follows, answering each ping."""
        frames = [*come, *self.outlet.take()]
        while frames:
            yield from frames
            pings = [frame["n"] for frame in frames if frame["type"] == "ping"]
            frames = self.pong(pings[-1]) if pings else []


class Room:
    """A hub with a memory broker behind it, both on one clock that only the test moves."""

    def __init__(self, limits: Limits | None = None, policy: Policy | None = None) -> None:
        self.clock = Clock()
        self.wakes = 0
        self.broker = MemoryBroker(limits or Limits(), 100, self.clock)
        self.hub = Hub(self.broker, policy or Policy(), self._wake, self.clock)

    def _wake(self) -> None:
        self.wakes += 1

    def browser(self) -> Browser:
        return Browser(self.hub)

    def publish(self, channel: str, *values: Any, label: str = "a") -> None:
        for value in values:
            self.broker.publish(channel, label, json.dumps(value))

    def send(self, channel: str, *values: Any, label: str = "a") -> None:
        """Publish, and let the hub bring it out."""
        self.publish(channel, *values, label=label)
        self.hub.flush()


def rows(frames: list[dict[str, Any]]) -> list[list[Any]]:
    """``[offset, label, value]`` of every row in frames of messages."""
    return [row[:3] for frame in frames for row in frame.get("messages", [])]


def values(frames: list[dict[str, Any]]) -> list[Any]:
    return [row[2] for row in rows(frames)]


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


EVERYTHING = 2**30


def log_of(clock: Clock, history: str = "", /, **limits: float) -> Log:
    """A log to which a message was published for each letter."""
    log = Log("epoch", Limits(**limits), clock)  # type: ignore[arg-type]
    for label in history:
        log.append(label, "0")
    return log


def offsets(batch: Batch) -> list[int]:
    return [json.loads(row)[0] for row in batch.rows]


def read(log: Log, after: int = 0, labels: str | None = None) -> list[int]:
    return offsets(log.read(after, None if labels is None else frozenset(labels), EVERYTHING))
