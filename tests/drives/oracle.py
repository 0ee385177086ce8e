"""Judge what a listener was given and told, by what was sent and lost. Pure.

A message that was confirmed after the listener had subscribed must be delivered once, in order, or
be covered by a counted gap. What the design allows besides is counted apart: `unknown`, and
`physics`, a rollback of which nobody that lives can know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from drives.history import History, Sent
from drives.knowledge import Event, Knowledge
from drives.trial import Trial
from drives.verdict import Verdict

STALE = 60.0  # seconds that a process may be behind Redis when a listener comes to it


@dataclass
class Listener:
    """The side of one listener: what it wants, and what it was given."""

    name: str
    channel: str
    labels: frozenset[str] | None
    events: list[Event] = field(default_factory=list)
    opened: float | None = None  # when it was first subscribed: later messages are due
    delivered: set[int] = field(default_factory=set)
    _judged: int = 0  # the number up to which it was judged
    _since: float = 0.0  # and when
    _excused: int = 0  # losses that it was not told of, but may be told of later
    _untold: int = 0  # losses of the last period that had no gap of their own
    _newest: int = 0

    def wants(self, sent: Sent) -> bool:
        """Return whether the listener listens to the label of a message."""
        return sent.channel == self.channel and (self.labels is None or sent.label in self.labels)

    def judge(
        self, history: History, upto: int, now: float, knowledge: Knowledge, verdict: Verdict
    ) -> None:
        """Judge its events since the last time, when it has everything up to a number."""
        events = list(self.events)
        del self.events[: len(events)]  # its thread may have added to the end
        if self.opened is None:
            return
        if not self._since:
            self._since = self.opened - STALE
        self._take(events, history.sent, verdict)
        losses = [
            loss
            for loss in history.losses
            if loss.channel == self.channel and loss.began > self._since
        ]
        messages = history.of(self.channel)
        missing = self._missing(messages, upto)
        trial = Trial(self.name, self.wants, events, losses, missing, messages)
        self._excused += trial.sentence(knowledge, verdict)
        self._excused, self._untold = trial.doubt_gaps(self._excused, self._untold, verdict)
        self._judged, self._since = upto, now

    def _take(self, events: Sequence[Event], sent: Sequence[Sent], verdict: Verdict) -> None:
        for event in events:
            for number in event.rows:
                verdict.deliveries += 1
                each = sent[number - 1]
                if number in self.delivered:
                    verdict.doubled.append(f"{event.time:.3f} {self.name}: {number} came twice")
                elif not self.wants(each):
                    verdict.doubled.append(f"{event.time:.3f} {self.name}: {number} not wanted")
                elif each.position is not None and number < self._newest:
                    verdict.doubled.append(
                        f"{event.time:.3f} {self.name}: {number} came after {self._newest}"
                    )
                self.delivered.add(number)
                if each.position is not None:
                    self._newest = max(self._newest, number)

    def _missing(self, messages: Iterable[Sent], upto: int) -> list[Sent]:
        assert self.opened is not None
        return [
            sent
            for sent in messages
            if self._judged < sent.number <= upto
            and sent.position is not None
            and sent.began > self.opened
            and self.wants(sent)
            and sent.number not in self.delivered
        ]
