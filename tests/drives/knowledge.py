"""The knowledge of lost messages, of processes and senders that live. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dash_pipe.client import Gap
from drives.history import LIVING, History, Loss


@dataclass(frozen=True)
class Event:
    """An update of a listener: the numbers of its messages, and the gaps before them."""

    time: float
    rows: tuple[int, ...] = ()
    gaps: tuple[Gap, ...] = ()
    epoch: str = ""  # of the log, after the gaps
    process: int = 0  # the process that the connection leads to


class Knowledge:
    """The losses of which somebody told who lives.

    That is the living sender, or a process that had a listener past a lost message and has looked
    at the channel since, when all was well.
    """

    def __init__(self) -> None:
        self._told: list[Loss] = []
        self._untold: list[tuple[Loss, set[int]]] = []  # with the processes that know
        self._seen = 0

    def learn(
        self,
        history: History,
        events: Sequence[tuple[str, Event]],
        alive: Collection[int],
        looked: Collection[str],
    ) -> None:
        """Take the losses since the last time, with the events of all channels since then.

        All processes that are `alive` have looked at some channels.
        """
        for loss in history.losses[self._seen :]:
            mine = [event for channel, event in events if channel == loss.channel]
            knowers = {event.process for event in mine if knows(event, loss)}
            if any(history.sent[number - 1].sender == LIVING for number in loss.lost):
                self._told.append(loss)
            else:
                self._untold.append((loss, knowers))
        self._seen = len(history.losses)
        here = {0, *alive}  # 0: it is not known which process it was
        for loss, knowers in self._untold:
            if loss.channel in looked and knowers & here:
                self._told.append(loss)
        self._untold = [each for each in self._untold if not self.has(each[0])]

    def has(self, loss: Loss) -> bool:
        """Return whether somebody told of the loss."""
        return any(loss is each for each in self._told)


def knows(event: Event, loss: Loss) -> bool:
    """Return whether a listener was given one of the lost messages."""
    return not loss.lost.isdisjoint(event.rows)
