"""Fakes for a clock, a browser, its socket and a broker."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.hub.authorization import Outcome, Pending
from dash_pipe.hub.connection import connect
from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from dash_pipe.hub.session import Session
from dash_pipe.log import Batch, Limits, Log, Message, Position, Snapshot
from dash_pipe.protocol import SUBPROTOCOL, Close, Frame, Subscribe


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Transport:
    """Collect the frames for a browser, until the close."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.closed: tuple[Close, str] | None = None

    def send(self, frame: Frame) -> None:
        if self.closed is None:
            self.frames.append(frame)

    def close(self, code: Close, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def take(self) -> list[dict[str, Any]]:
        """Return the decoded frames since the last call."""
        frames, self.frames = self.frames, []
        return [json.loads(frame.text) for frame in frames]


class Browser:
    """One connection to a hub, with a method for each frame."""

    def __init__(self, hub: Hub, subprotocol: str | None = SUBPROTOCOL) -> None:
        self.hub = hub
        self.transport = Transport()
        self.verdict: Outcome | Pending = frozenset()
        self.asked: list[tuple[str, Any]] = []
        self.connection = connect(hub, self.transport, self._authorize, subprotocol)
        self.session = self.connection and self.connection.session

    @property
    def close_code(self) -> int | None:
        return self.transport.closed[0] if self.transport.closed else None

    def _authorize(self, _session: Session, subscribe: Subscribe) -> Outcome | Pending:
        self.asked.append((subscribe.channel, subscribe.labels))
        return self.verdict

    def says(self, **frame: Any) -> list[dict[str, Any]]:
        """Send a frame; return the immediate answers."""
        assert self.connection is not None
        self.connection.receive(json.dumps(frame))
        return self.transport.take()

    def subscribe(self, channel: str, labels: Any = None, **more: Any) -> list[dict[str, Any]]:
        return self.says(type="subscribe", channel=channel, labels=labels, **more)

    def replay(self, channel: str, last: int = 1, labels: Any = None) -> list[dict[str, Any]]:
        return self.says(type="replay", id=1, channel=channel, labels=labels, last=last)

    def pong(self, n: int) -> list[dict[str, Any]]:
        return self.says(type="pong", n=n)

    def drain(self, come: Iterable[dict[str, Any]] = ()) -> Iterator[dict[str, Any]]:
        """Yield all frames, answering each ping, until none is left."""
        frames = [*come, *self.transport.take()]
        while frames:
            yield from frames
            pings = [frame["n"] for frame in frames if frame["type"] == "ping"]
            frames = self.pong(pings[-1]) if pings else []


class MirrorBroker:
    """A broker with mirrors, which the test loads."""

    may_wait = True

    def __init__(self, clock: Clock) -> None:
        self.logs: dict[str, Log] = {}
        self.opened: Counter[str] = Counter()
        self._clock = clock
        self._asked: Counter[str] = Counter()
        self._grown: Callable[[str], None] = lambda channel: None

    def open(self, channel: str) -> Log:
        self.opened[channel] += 1
        return self.logs.setdefault(channel, Log("", Limits(), self._clock))

    def close(self, channel: str) -> None:
        self.opened[channel] -= 1

    def refresh(self, channel: str) -> int:
        self._asked[channel] += 1
        return self._asked[channel]

    def watch(self, grown: Callable[[str], None]) -> Callable[[], None]:
        self._grown = grown
        return lambda: None

    def publish(self, *_: Any) -> Position:
        raise NotImplementedError

    def load(self, channel: str, epoch: str, *labels: str, first: int = 1) -> None:
        """Load a mirror with one message per label; each value is its offset."""
        rows = [f'[{n},"{label}",{n},1000.000]' for n, label in enumerate(labels, first)]
        window = [Message.of(row) for row in rows]
        end = first + len(rows) - 1
        self.logs[channel].load(Snapshot(epoch, end, window, [], {}, 0))
        self.logs[channel].refreshed = self._asked[channel]
        self._grown(channel)


class Room:
    """A hub with a memory broker; the test moves their clock."""

    def __init__(self, limits: Limits | None = None, policy: Policy | None = None) -> None:
        self.clock = Clock()
        self.wakes = 0
        self.broker = MemoryBroker(limits or Limits(), 100, self.clock)
        self.hub = Hub(self.broker, policy or Policy(), self._wake, self.clock)

    def _wake(self) -> None:
        self.wakes += 1

    def browser(self, subprotocol: str | None = SUBPROTOCOL) -> Browser:
        return Browser(self.hub, subprotocol)

    def publish(self, channel: str, *values: Any, label: str = "a") -> None:
        for value in values:
            self.broker.publish(channel, label, json.dumps(value))

    def send(self, channel: str, *values: Any, label: str = "a") -> None:
        """Publish, then flush the hub."""
        self.publish(channel, *values, label=label)
        self.hub.flush()


def rows(frames: list[dict[str, Any]]) -> list[list[Any]]:
    """``[offset, label, value]`` of every row in frames of messages."""
    return [row[:3] for frame in frames for row in frame.get("messages", [])]


def values(frames: list[dict[str, Any]]) -> list[Any]:
    return [row[2] for row in rows(frames)]


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


# Windows' sockets are no file descriptors, so a server's socket can't be taken over there.
needs_descriptors = pytest.mark.skipif(
    sys.platform == "win32", reason="no socket is a descriptor here"
)


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
