"""Fakes for a clock, a browser, its socket and a broker."""

import json
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.hub.authorization import Outcome, Pending, Permission
from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from dash_pipe.hub.session import Session
from dash_pipe.log import Batch, Limits, Log, Message, Past, Position, Snapshot
from dash_pipe.protocol import SUBPROTOCOL, Denied, Subscribe
from dash_pipe.testing.brokers import browser


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Browser(browser.Browser):
    """One connection to a hub; the test decides what it may listen to."""

    def __init__(self, hub: Hub, subprotocol: str | None = SUBPROTOCOL) -> None:
        self.verdict: Denied | Outcome | Pending = frozenset()
        self.asked: list[tuple[str, Any]] = []
        super().__init__(hub, subprotocol)

    @property
    def close_code(self) -> int | None:
        return self.transport.closed[0] if self.transport.closed else None

    def _authorize(self, _session: Session, subscribe: Subscribe) -> Outcome | Pending:
        self.asked.append((subscribe.channel, subscribe.labels))
        verdict = self.verdict
        return Permission(verdict) if isinstance(verdict, frozenset) else verdict


def denied_of(outcome: Outcome) -> Denied:
    """Return the denied labels of an outcome that is no timeout."""
    assert isinstance(outcome, Permission)
    return outcome.denied


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

    def load(self, channel: str, epoch: str, *labels: str, first: int = 1, past: Past = ()) -> None:
        """Load a mirror with one message per label; each value is its offset."""
        rows = [f'[{n},"{label}",{n},1000.000]' for n, label in enumerate(labels, first)]
        window = [Message.of(row) for row in rows]
        end = first + len(rows) - 1
        self.logs[channel].load(Snapshot(epoch, end, window, [], {}, 0, past))
        self.logs[channel].refreshed = self._asked[channel]
        self._grown(channel)


class MirrorRoom:
    """A hub whose broker has mirrors, which the test loads."""

    def __init__(self, clock: Clock) -> None:
        self.broker = MirrorBroker(clock)
        self.hub = Hub(self.broker, Policy(), lambda: None, clock, None, clock)

    def browser(self) -> Browser:
        return Browser(self.hub)

    def load(self, epoch: str, *labels: str, first: int = 1, past: Past = ()) -> None:
        self.broker.load("jobs", epoch, *labels, first=first, past=past)
        self.hub.flush()


def since(epoch: str, offset: int) -> dict[str, Any]:
    return {"epoch": epoch, "offset": offset}


class Room:
    """A hub with a memory broker; the test moves their clock."""

    def __init__(self, limits: Limits | None = None, policy: Policy | None = None) -> None:
        self.clock = Clock()
        self.wakes = 0
        self.broker = MemoryBroker(limits or Limits(), 100, self.clock)
        self.hub = Hub(self.broker, policy or Policy(), self._wake, self.clock, None, self.clock)

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


Transport = browser.Transport
rows, values, kinds = browser.rows, browser.values, browser.kinds


# Windows' sockets are no file descriptors, so a server's socket can't be taken over there.
needs_descriptors = pytest.mark.skipif(
    sys.platform == "win32", reason="no socket is a descriptor here"
)


def are_closed(sockets: Iterable[socket.socket]) -> bool:
    return all(sock.fileno() < 0 for sock in sockets)


def is_last_descriptor(server: socket.socket, browser: socket.socket) -> bool:
    """Close the server's end; tell whether the browser sees its end, so no duplicate is left."""
    server.close()
    return browser.recv(1) == b""


EVERYTHING = 2**30


def log_of(clock: Clock, history: str = "", /, **limits: float) -> Log:
    """Return a log with a message for each letter."""
    log = Log("epoch", Limits(**limits), clock)  # type: ignore[arg-type]
    for label in history:
        log.append(label, "0")
    return log


def offsets(batch: Batch) -> list[int]:
    return [json.loads(row)[0] for row in batch.rows]


def read(log: Log, after: int = 0, labels: str | None = None) -> list[int]:
    return offsets(log.read(after, None if labels is None else frozenset(labels), EVERYTHING))
