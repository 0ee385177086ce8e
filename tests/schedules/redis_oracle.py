"""The messages of a Redis that loses data that a Pipe must receive, or be told of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from dash_pipe.log import NOWHERE, Position
from schedules.oracle import Pipe, Sent
from schedules.truth import Event, Truth


class Told(NamedTuple):
    """A gap that a Pipe was told, counted or unknown."""

    moment: int
    cause: str
    first: int
    last: int | None
    before: Position | None  # where it was until then
    epoch: str  # where it is since
    newest: int  # the number of the newest message that was sent


class RedisPipe(Pipe):
    """A Pipe whose log is in Redis."""

    def __init__(
        self, channel: str, labels: str | None, replay: int, now: int, truth: Truth
    ) -> None:
        super().__init__(channel, labels, replay, now)
        self.truth = truth
        self.heard: list[Told] = []
        self.reached: dict[str, int] = {}  # the highest offset by epoch
        self.left: dict[str, int] = {}  # by epoch, when it went on in another
        self.pending: tuple[int, Any] = (0, None)  # what its next update tells

    def moves(self, position: Position) -> None:
        """Take its present position."""
        epoch, offset = position
        if self.position.epoch != epoch:
            self.left[self.position.epoch] = self.truth.moment
            self.left.pop(epoch, None)
        self.position = position
        self.reached[epoch] = max(offset, self.reached.get(epoch, 0))

    def comes_back(self, replay: int) -> None:
        super().comes_back(replay)
        # It returns to where everything was delivered, which may be less.
        self.reached, self.position = {}, NOWHERE

    def check_window(self, told: Told, everything: Iterable[Sent]) -> None:
        """Assert that a message is lost for it that was not told before."""
        if self.channel in self.truth.injured:
            return
        assert any(
            sent.channel == self.channel
            and sent.label in self.labels
            and sent.number not in self.taken
            and self._covers(told, sent, [])
            and not any(self._covers(before, sent, []) for before in self.heard)
            for sent in everything
        ), f"{told}, and nothing is lost since {self.heard}"

    def check_epochs(self) -> None:
        """Assert that it counted no more losses of the end of the log than there were."""
        told = [told for told in self.heard if told.cause == "epoch"]
        events = [event for event in self.truth.events if event.channel == self.channel]
        assert len(told) <= len(events), f"{self.heard}, but it was {events}"

    def is_told(self, sent: Sent) -> bool:
        lost_in = [event for event in self.truth.events if sent.number in event.lost]
        if any(self._covers(told, sent, lost_in) for told in self.heard):
            return True
        if lost_in and sent.number <= self.listening[sent.label].sure:
            return True  # it was sent before, and could only have been replayed
        return any(self._cannot_know(event) for event in lost_in)

    def _covers(self, told: Told, sent: Sent, lost_in: list[Event]) -> bool:
        lineage = self.truth.lineage_of
        if sent.number > told.newest:
            return False
        lost_in = [event for event in lost_in if event.moment <= told.moment]
        if lost_in and (told.before is None or told.before.offset == 0):
            return True  # it may be unknown, which a gap that is counted hides
        if told.cause != "window":  # a gap that is counted hides an unknown one
            injured = self.truth.injured.get(self.channel, told.moment + 1) <= told.moment
            if injured or told.cause == "unknown":
                return injured
        before, present = lineage.get(told.before and told.before.epoch), lineage.get(told.epoch)
        if told.last is not None:
            return present == lineage[sent.epoch] and told.first < sent.offset <= told.last
        if not lost_in:
            return False
        if any(event.heard is not None and event.heard <= told.moment for event in lost_in):
            return True  # reported late, from where the Pipe is by now
        return before != present or sent.offset > told.first

    def _cannot_know(self, event: Event) -> bool:
        """Return whether nothing is left that knew of a loss."""
        if not self.mounted:
            return True
        was_ahead = any(
            self.reached.get(epoch, 0) > event.fork
            and self.left.get(epoch, event.moment + 1) > event.moment
            for epoch in event.epochs
        )
        return event.heard is None and not event.gone and not was_ahead
