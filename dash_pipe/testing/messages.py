"""The messages and the listeners of a test of an app."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from .. import runtime
from ..brokers.memory import MemoryBroker
from ..log import Limits, Log, Position

TIMEOUT = 10.0  # seconds


class SentMessage(NamedTuple):
    """A message that was sent. ``value`` is decoded from JSON, as a browser gets it."""

    channel_name: str
    label: str
    value: Any
    position: Position


class PipeMessages:
    """The messages and the listeners of a test. Any thread may use it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._sent: list[SentMessage] = []
        self._waited_for: set[Position] = set()
        self._listeners: dict[str, int] = {}

    def __call__(self, channel_name: str | None = None, label: str | None = None) -> list[Any]:
        """Return the values sent so far, in order: of a channel, of a label, or all."""
        return [message.value for message in self.sent if _fits(message, channel_name, label)]

    @property
    def sent(self) -> list[SentMessage]:
        """All messages sent so far, in order."""
        with self._changed:
            return list(self._sent)

    def wait_for_message(
        self, channel_name: str | None = None, label: str | None = None, timeout: float = TIMEOUT
    ) -> SentMessage:
        """Return the next message that fits; wait for it ``timeout`` seconds at most.

        Each message is returned once: another wait returns the one after it.

        Raises:
            AssertionError: no message came; it lists those that were sent.
        """
        found: list[SentMessage] = []

        def arrived() -> bool:
            found[:] = [
                message
                for message in self._sent
                if message.position not in self._waited_for and _fits(message, channel_name, label)
            ]
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(arrived, timeout):
                wanted = f"channel_name={channel_name!r}, label={label!r}"
                raise AssertionError(
                    f"timed out after {timeout:g} s: no message with {wanted}; sent: {self._sent}"
                )
            self._waited_for.add(found[0].position)
            return found[0]

    def wait_for_listener(
        self, channel_name: str, count: int = 1, timeout: float = TIMEOUT
    ) -> None:
        """Wait until ``count`` pages listen on a channel: a message sent then reaches them.

        Raises:
            AssertionError: they don't within ``timeout`` seconds; it lists the listeners.
        """

        def enough() -> bool:
            return self._listeners.get(channel_name, 0) >= count

        with self._changed:
            if not self._changed.wait_for(enough, timeout):
                raise AssertionError(
                    f"timed out after {timeout:g} s: expected {count} listening on "
                    f"{channel_name!r}; listening: {self._listeners}"
                )

    def _broker(self, limits: Limits, max_idle_channels: int) -> MemoryBroker:
        return _Observed(limits, max_idle_channels, self._note, self._count)

    def _note(self, publish: Callable[[], SentMessage]) -> Position:
        """Publish and keep a message, in the order of its channel; keep a repeated one once."""
        with self._changed:
            message = publish()
            if message.position not in {sent.position for sent in self._sent}:
                self._sent.append(message)
            self._changed.notify_all()
            return message.position

    def _count(self, channel: str, change: int) -> None:
        with self._changed:
            self._listeners[channel] = self._listeners.get(channel, 0) + change
            self._changed.notify_all()


class _Observed(MemoryBroker):
    """A memory broker that reports its messages and listeners."""

    def __init__(
        self,
        limits: Limits,
        max_idle_channels: int,
        note: Callable[[Callable[[], SentMessage]], Position],
        count: Callable[[str, int], None],
    ) -> None:
        super().__init__(limits, max_idle_channels)
        self._note = note
        self._count = count

    def publish(
        self, channel: str, label: str, value: str, message_id: str | None = None
    ) -> Position:
        """Append a message; see ``Broker``."""
        append = super().publish

        def publish() -> SentMessage:
            position = append(channel, label, value, message_id)
            return SentMessage(channel, label, json.loads(value), position)

        return self._note(publish)

    def open(self, channel: str) -> Log:
        """Return the log of a channel; see ``Broker``."""
        log = super().open(channel)
        self._count(channel, 1)
        return log

    def close(self, channel: str) -> None:
        """Release a log; see ``Broker``."""
        super().close(channel)
        self._count(channel, -1)


@contextmanager
def own_messages() -> Iterator[PipeMessages]:
    """Give this process another runtime while inside, with the same settings and its own memory.

    The setting ``broker`` does not count. At the beginning and at the end the pages that are open
    are told that the server is going away; those that come back find the runtime of then.
    """
    messages = PipeMessages()
    with runtime.swapped(runtime.current().with_broker(messages._broker)):
        yield messages


@pytest.fixture
def pipe_messages() -> Iterator[PipeMessages]:
    """The messages and listeners of the test's app. Every test begins with none."""
    with own_messages() as messages:
        yield messages


def _fits(message: SentMessage, channel_name: str | None, label: str | None) -> bool:
    return channel_name in {None, message.channel_name} and label in {None, message.label}
