"""The messages that a Pipe must receive, computed from the sent messages and its subscriptions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dash_pipe.log import NOWHERE, Past, Position, translate

LABELS = "abc"


class Sent(NamedTuple):
    """A message: its number among all, and its position in its channel."""

    number: int
    channel: str
    label: str
    epoch: str
    offset: int


class Gap(NamedTuple):
    """A loss that a Pipe counted: after `first` up to `last` in the log named `epoch`.

    If the log was replaced by `present`, everything after `first` is lost, and all logs between the
    two, but for what `present` continues. `epoch` is None if the page did not name it.
    """

    epoch: str | None
    first: int
    last: int | None
    present: str
    past: Past = ()

    def covers(self, sent: Sent) -> bool:
        if self.last is not None:
            return self._is_present(sent) and self.first < sent.offset <= self.last
        is_after = sent.epoch != self.epoch or sent.offset > self.first
        return is_after and not self._is_present(sent)

    def _is_present(self, sent: Sent) -> bool:
        """Return whether a message is, or was, in the log named `present`."""
        position = Position(sent.epoch, sent.offset)
        return sent.epoch == self.present or translate(self.past, position)[0] == sent.offset


@dataclass
class Listening:
    """The time of a Pipe with one label. A change of the label, or its return, begins another.

    Numbers are those of messages: messages sent after `asked` are new to the Pipe. Messages sent
    after `sure` must reach it, since it had the status open.
    """

    label: str
    asked: int
    sure: float = float("inf")
    taken: list[Sent] = field(default_factory=list)


class Pipe:
    """A Pipe on the page, and the messages that it received."""

    def __init__(self, channel: str, labels: str | None, replay: int, now: int) -> None:
        self.channel = channel
        self.replay = replay
        self.mounted = True
        self.labels: dict[str, int] = {}  # all that it ever listened to, and since which message
        self.taken: set[int] = set()
        self.gaps: list[Gap] = []
        self.doubt = 0  # earlier messages may be lost: a gap was counted, but not described
        self.position = NOWHERE  # when it was last read
        self.listening: dict[str, Listening] = {}
        self.wanted = labels
        self._newest = 0
        self._label_of: dict[int, str] = {}  # of the messages that it received
        self._relabelled = False
        self._repeats: dict[str, int] = {}  # how many messages of a label may be replayed again
        self._listen(labels, now)

    def relabel(self, labels: str | None, now: int) -> None:
        self._relabelled = True
        self.wanted = labels
        self._listen(labels, now)

    def comes_back(self, replay: int) -> None:
        """Mount it again, after its subscription was removed: it continues, after a replay."""
        self.mounted = True
        self.replay += replay
        self._repeats = dict.fromkeys(LABELS, replay)

    def _listen(self, labels: str | None, now: int) -> None:
        names = LABELS if labels is None else labels
        # The past of a label that returns is replayed again.
        returns = {name for name in names if name not in self.listening} if self.replay else set()
        self.taken -= {number for number, label in self._label_of.items() if label in returns}
        self.labels = {**dict.fromkeys(names, now), **self.labels}
        self.listening = {
            label: self.listening.get(label) or Listening(label, now) for label in names
        }

    def says_open(self, now: int) -> None:
        for each in self.listening.values():
            each.sure = min(each.sure, now)

    def takes(self, messages: Iterable[Sent]) -> None:
        """Take an update: in order, no message twice, none without a subscription.

        Only the past of a label that was added later may be out of order.
        """
        newest: dict[str, int] = {}  # by label, in this update
        for sent in messages:
            assert sent.channel == self.channel
            assert sent.number > newest.get(sent.label, 0), f"{sent} is late"
            newest[sent.label] = sent.number
            if self._is_repeated(sent):
                continue
            assert sent.number not in self.taken, f"{sent} came twice"
            assert sent.label in self.listening, f"{sent} has a label that was not asked for"
            label = self.listening[sent.label]
            assert not label.taken or sent.number > label.taken[-1].number, f"{sent} is late"
            if sent.number > label.asked and not (self.replay and self._relabelled):
                assert sent.number > self._newest, f"{sent} is late"
                self._newest = sent.number
            self.taken.add(sent.number)
            self._label_of[sent.number] = sent.label
            label.taken.append(sent)

    def _is_repeated(self, sent: Sent) -> bool:
        """The replay of a Pipe that came back may hold what it was given before, and older ones."""
        taken = self.listening[sent.label].taken if sent.label in self.listening else []
        if not self._repeats.get(sent.label) or not taken or sent.number > taken[-1].number:
            return False
        self._repeats[sent.label] -= 1
        return True

    def told(self, number: int, last: Gap | None, now: int) -> None:
        """Take the number of gaps, of which only the last is described."""
        if last is None:
            return
        self.gaps.append(last)
        if number > 1:
            self.doubt = now

    def missing(self, everything: Iterable[Sent], *, to_the_end: bool) -> Iterator[Sent]:
        """Return the messages that it neither received nor counted as lost.

        None may be missing between two received messages of a label; with `to_the_end`, none of
        those sent while it was open.
        """
        channel = [sent for sent in everything if sent.channel == self.channel]
        for each in self.listening.values():
            taken = {sent.number for sent in each.taken}
            first, last = min(taken, default=float("inf")), max(taken, default=0)
            for sent in channel:
                if sent.label != each.label or sent.number in taken:
                    continue
                inside = first < sent.number < last
                due = inside or (to_the_end and sent.number > min(each.sure, first))
                if due and sent.number > self.doubt and not self.is_told(sent):
                    yield sent

    def is_told(self, sent: Sent) -> bool:
        """Return whether a message that it did not receive was counted as lost."""
        return any(gap.covers(sent) for gap in self.gaps)

    def excess(self) -> Iterator[Sent]:
        """Return the past messages that it received beyond its replay."""
        for each in self.listening.values():
            # Since its first time: it may return to a label that the server never dropped.
            past = [sent for sent in each.taken if sent.number <= self.labels[each.label]]
            yield from past[: max(0, len(past) - self.replay)]
