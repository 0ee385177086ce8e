"""Send messages to random channels, from a sender that stays and from new ones."""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Iterator, Mapping

from dash_pipe.brokers import Broker, connect
from dash_pipe.errors import BrokerUnavailableError
from dash_pipe.log import Limits
from drives.history import LIVING, History

TIMEOUT = 3.0  # seconds that a message is retried
PAUSE = 0.12  # seconds between two messages, at most
LONGEST = 12  # messages of one sender after the other
CHATTY = 4  # how often the first label is chosen besides
LIVES = 0.1  # the part of them that the sender sends that stays


class Senders:
    """Send one message at a time, so that their numbers are their order.

    `channels` are the names with their weights; it may be replaced at any time. Hold `lock` to
    keep it from sending.
    """

    def __init__(
        self,
        url: str,
        limits: Limits,
        labels: tuple[str, ...],
        channels: Mapping[str, int],
        history: History,
        choice: random.Random,
    ) -> None:
        self.channels = channels
        self.labels = labels
        self.history = history
        self.lock = threading.RLock()
        self.failed = 0
        self._url = url
        self._limits = limits
        self._choice = choice
        self._living = self._new()
        self._names = (f"sender {number}" for number in itertools.count(1))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Send to `channels` until `end`, in a thread."""
        self._thread.start()

    def end(self) -> None:
        """Stop for ever."""
        self._ended.set()
        self._thread.join(2 * TIMEOUT)
        self._living.stop()  # type: ignore[attr-defined]

    def burst(self, channel: str, count: int) -> None:
        """Send many messages to a channel; give up at the first that fails."""
        with self.lock, self._fresh() as (name, broker):
            for _ in range(count):
                if not self._send(broker, name, channel, self._choice.choice(self.labels)):
                    return

    def mark(self, channel: str) -> int | None:
        """Send to each label of a channel; return the first number, None if one failed.

        The first message is from the sender that stays: it tells what it knows.
        """
        with self.lock, self._fresh() as (name, broker):
            good = self._send(self._living, LIVING, channel, self.labels[0])
            first = len(self.history.sent) + 1
            good = good and all(self._send(broker, name, channel, each) for each in self.labels)
            return first if good else None

    def _run(self) -> None:
        while not self._ended.is_set():
            living = self._choice.random() < LIVES
            with contextlib.ExitStack() as stack:
                name, broker = (
                    (LIVING, self._living) if living else stack.enter_context(self._fresh())
                )
                for _ in range(self._choice.randint(1, LONGEST)):
                    with self.lock:
                        self._send(broker, name, *self._random())
                    if self._ended.wait(self._choice.uniform(0, PAUSE)):
                        return

    def _random(self) -> tuple[str, str]:
        channels, weights = zip(*self.channels.items(), strict=True)
        (channel,) = self._choice.choices(channels, weights)
        return channel, self._choice.choice((*self.labels, *[self.labels[0]] * CHATTY))

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[tuple[str, Broker]]:
        broker = self._new()
        try:
            yield next(self._names), broker
        finally:
            broker.stop()  # type: ignore[attr-defined]

    def _new(self) -> Broker:
        return connect(self._url, self._limits, 10, TIMEOUT)

    def _send(self, broker: Broker, name: str, channel: str, label: str) -> bool:
        sent = self.history.begin(channel, label, name, time.monotonic())
        try:
            sent.position = broker.publish(channel, label, str(sent.number))
        except BrokerUnavailableError as error:
            self.failed += 1
            if not error.may_have_been_sent:
                self.history.fail(sent)
            return False
        return True
