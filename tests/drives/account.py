"""Let all be well, and account for everything that was sent to the listeners."""

from __future__ import annotations

import contextlib
import time

from dash_pipe.client import Client, Subscription, WebSocketConnection
from dash_pipe.errors import EndpointUnavailableError
from drives.crowd import LABELS, Crowd
from drives.faults import Faults
from drives.follower import Follower
from drives.knowledge import Knowledge
from drives.sender import Senders
from drives.served import Served
from drives.verdict import Verdict
from harness.wait import wait_for

SETTLE = 75.0  # seconds until everything must have come; a dead link takes 30 to be noticed


class Account:
    """The sums of a drive: `verdict`."""

    def __init__(self, served: Served, senders: Senders, crowd: Crowd, faults: Faults) -> None:
        self.verdict = Verdict()
        self._served = served
        self._senders = senders
        self._crowd = crowd
        self._faults = faults
        self._knowledge = Knowledge()

    def settle(self) -> None:
        """End the faults; wait until the listeners that are here have everything; judge them.

        Nothing else is sent meanwhile: it might push out of the window what is waited for.
        """
        self._faults.heal()
        self._served.wait()
        here = self._crowd.here()
        # A channel without listeners is left alone, so that its mirrors are released.
        looked = {follower.record.channel for follower in here}
        for channel in sorted(looked):
            for pid in self._served.pids():
                self._look(channel, pid)
        with self._senders.lock:
            marks = {channel: self._mark(channel) for channel in self._crowd.channels()}
            upto = len(self._senders.history.sent)
            self._faults.note("settle", f"the last is {upto}, {len(here)} listeners")
            with contextlib.suppress(AssertionError):  # the oracle calls what has not come silent
                wait_for(lambda: all(has_come(each, marks) for each in here), "all", SETTLE)
            away = [each.record.name for each in here if not has_come(each, marks)]
            self._faults.note("settle", f"has not come: {', '.join(away) or 'nothing'}")
            self._judge([each for each in here if each.is_here], upto, looked)

    def _mark(self, channel: str) -> int:
        """Send to each label of a channel until it works; return the first number."""
        first = wait_for(lambda: self._senders.mark(channel), "the last messages", SETTLE)
        assert first is not None
        return first

    def _look(self, channel: str, pid: int) -> None:
        """Let a process look at a channel again, so that it tells what it knows."""
        end = time.monotonic() + SETTLE
        while pid in self._served.pids():
            try:
                self._subscribe(channel, pid, end)
                break
            except (EndpointUnavailableError, TimeoutError):
                if time.monotonic() > end:
                    raise

    def _subscribe(self, channel: str, pid: int, end: float) -> None:
        client = Client(Subscription(channel))
        with contextlib.ExitStack() as stack:
            with self._served.only(pid) as url:
                connection = stack.enter_context(WebSocketConnection(f"{url}/_pipe/"))
            for frame in client.opened(time.monotonic()):
                connection.send(frame)
            while not client.accepted:
                text = connection.receive(max(0.0, end - time.monotonic()))
                for frame in client.received(text, time.monotonic()).frames:
                    connection.send(frame)

    def _judge(self, here: list[Follower], upto: int, looked: set[str]) -> None:
        history, now = self._senders.history, time.monotonic()
        records = [follower.record for follower in self._crowd.followers]
        events = [(record.channel, event) for record in records for event in list(record.events)]
        self._knowledge.learn(history, events, self._served.pids(), looked)
        for follower in here:
            follower.record.judge(history, upto, now, self._knowledge, self.verdict)


def has_come(follower: Follower, marks: dict[str, int]) -> bool:
    """Return whether a listener has the last message of each of its labels, or has left."""
    record = follower.record
    last = {
        marks[record.channel] + number
        for number, label in enumerate(LABELS)
        if record.labels is None or label in record.labels
    }
    return last <= follower.delivered or not follower.is_here
