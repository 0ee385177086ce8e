"""Drive a deployment: faults at random, then quiet, until all that was sent is accounted for."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

from typing_extensions import Self

from dash_pipe.log import Limits
from drives.account import Account
from drives.crowd import LABELS, WEIGHTS, Crowd
from drives.faults import Faults
from drives.history import History
from drives.link import Link
from drives.sender import Senders
from drives.served import Served
from drives.stored import Stored
from drives.verdict import Verdict

WINDOW = 100  # messages
PERIOD = 40.0  # seconds of faults until all is accounted for


class Drive:
    """One drive; a context manager, running while inside."""

    def __init__(self, deployment: str, directory: Path, seed: int) -> None:
        self._name = f"{deployment}, seed {seed}"
        self._deployment = deployment
        self._directory = directory
        self._seed = seed
        self._started = time.monotonic()
        self._history = History()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            redis = stack.enter_context(Stored(self._directory))
            names = ("link of servers", "link of senders")
            links = [Link(redis.server.port, self._choices(name)) for name in names]
            of_servers, of_senders = (stack.enter_context(link) for link in links)
            self._served = stack.enter_context(self._serving(of_servers))
            self._senders = self._sending(of_senders)
            stack.callback(self._senders.end)
            self._crowd = Crowd(self._served, self._choices("crowd"))
            stack.callback(self._crowd.end)
            self._faults = Faults(
                redis,
                (of_servers, of_senders),
                self._served,
                self._senders,
                self._crowd,
                self._choices("faults"),
            )
            self._account = Account(self._served, self._senders, self._crowd, self._faults)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def verdict(self) -> Verdict:
        """Return the sums."""
        return self._account.verdict

    @property
    def log(self) -> list[str]:
        """Return the lines about all faults."""
        return self._faults.log

    def run(self, seconds: float) -> None:
        """Drive for some seconds, and longer until all is accounted for."""
        self._crowd.come()
        self._senders.start()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._faults.period(min(PERIOD, left))
            self._account.settle()
            self._crowd.renew()
        for follower in self._crowd.followers:
            follower.back()
        self._account.settle()

    def _serving(self, link: Link) -> Served:
        settings = {
            "DASH_PIPE_BROKER": f"redis://127.0.0.1:{link.port}/0",
            "DASH_PIPE_WINDOW_MESSAGES": str(WINDOW),
            "DASH_PIPE_HEARTBEAT_INTERVAL": "5",
        }
        return Served(self._deployment, self._directory, settings, self._choices("served"))

    def _sending(self, link: Link) -> Senders:
        return Senders(
            f"redis://127.0.0.1:{link.port}/0",
            Limits(messages=WINDOW),
            LABELS,
            WEIGHTS,
            self._history,
            self._choices("senders"),
        )

    def _choices(self, name: str) -> random.Random:
        """Return random numbers of its own for a part: others run in other threads."""
        return random.Random(f"{self._seed} {name}")

    def report(self) -> list[str]:
        """Return the result as lines of text."""
        verdict, counts = self.verdict, self._faults.counts
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()) if count)
        took = time.monotonic() - self._started
        return [
            f"drive of {self._name}: {took:.0f} s, {len(self._crowd.followers)} listeners at once",
            f"{counts.total()} faults: {faults}",
            f"messages: {len(self._history.sent)}, of which {self._senders.failed} not confirmed",
            f"deliveries: {verdict.deliveries}, lost and told: {verdict.told}, "
            f"unknown: {verdict.unknown} ({verdict.doubts} times told), "
            f"physics: {verdict.physics}, told later: {verdict.late}",
            f"silent: {len(verdict.silent)}, doubled: {len(verdict.doubled)}, "
            f"false: {len(verdict.false)}, tracebacks: {len(self._served.tracebacks())}",
        ]
