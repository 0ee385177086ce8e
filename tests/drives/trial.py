"""Judge the missing messages of a listener by the gaps that it was told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dash_pipe.client import Gap
from drives.history import ROLLBACK, Loss, Sent
from drives.knowledge import Event, Knowledge, knows
from drives.verdict import Verdict

JUST = 1.0  # seconds that a process may take to notice a loss
UNKNOWN = "unknown"


class Trial:
    """The missing messages of a listener, and the gaps that it was told, in one period."""

    def __init__(
        self,
        name: str,
        wants: Callable[[Sent], bool],
        events: Sequence[Event],
        losses: Sequence[Loss],
        missing: Sequence[Sent],
        messages: Sequence[Sent],
    ) -> None:
        self._name = name
        self._wants = wants
        self._events = events
        self._losses = losses
        self._missing = missing
        self._messages = messages
        self._n_excused = 0  # of the losses, those that nobody told
        self._told = [(event, gap) for event in events for gap in event.gaps]

    def sentence(self, knowledge: Knowledge, verdict: Verdict) -> int:
        """Count each missing message; return the number of losses that nobody told."""
        excused: set[int] = set()
        for sent in self._missing:
            losses = [loss for loss in self._losses if sent.number in loss.lost]
            if self._is_told(sent):
                verdict.told += 1
            elif self._is_unknown(sent):
                verdict.unknown += 1
                excused.update(map(id, losses))
            elif losses and self._is_physics(losses, knowledge):
                verdict.physics += 1
                excused.update(map(id, losses))
            else:
                why = ", ".join(f"{loss.kind} at {loss.began:.3f}" for loss in losses)
                verdict.silent.append(
                    f"{sent.began:.3f} {self._name}: {sent.number} ({sent.label}, "
                    f"{sent.position}, {sent.sender}); {why or 'not lost'}; told {self._shown()}"
                )
        self._n_excused = len(excused)
        return self._n_excused

    def doubt_gaps(self, excused: int, untold: int, verdict: Verdict) -> tuple[int, int]:
        """Find the counted gaps for which nothing was lost, or that were counted before.

        A loss may be told by a gap of its own although another gap has covered its messages: a
        sender or a process that knew of it comes back.

        Args:
            excused: the losses that nobody told, and that may be told at any time.
            untold: the losses of the period before that had no gap of their own.
            verdict: takes the result.

        Returns:
            Both numbers, for the next period.
        """
        left = list(self._missing)
        losses = sum(bool(loss.lost) for loss in self._losses)
        may_restart = excused + untold + losses
        for event, gap in self._told:
            if gap.cause == UNKNOWN:
                verdict.doubts += 1
                continue
            covered = [sent for sent in left if self._covers(event, gap, sent)]
            if gap.upto is None:
                touched = any(loss.lost and loss.began <= event.time for loss in self._losses)
                good = may_restart > 0 and (touched or excused + untold > 0)
                verdict.late += good and not touched
                good = good or any(sent in covered for sent in self._damaged(event.time))
                may_restart -= good
            else:
                left = [sent for sent in left if sent not in covered]
                good = bool(covered) or self._may_hide(gap)
            if not good:
                verdict.false.append(f"{event.time:.3f} {self._name}: {gap}; told {self._shown()}")
        excused = max(0, min(excused, may_restart))
        return excused, max(0, min(losses - self._n_excused, may_restart - excused))

    def _shown(self) -> str:
        told = [f"{event.time:.3f} {gap} in {event.epoch}" for event, gap in self._told]
        return ", ".join(told) or "nothing"

    def _is_told(self, sent: Sent) -> bool:
        return any(
            gap.cause != UNKNOWN and self._covers(event, gap, sent) for event, gap in self._told
        )

    def _covers(self, event: Event, gap: Gap, sent: Sent) -> bool:
        """Return whether a gap says that a message is lost."""
        assert sent.position is not None
        epoch, offset = sent.position
        if sent.began > event.time:
            return False
        if gap.upto is None:
            return sent in self._damaged(event.time) or self._is_lost(sent, event.time)
        if not gap.after < offset <= gap.upto:
            return False
        # A process may tell of the window of a log that Redis has just lost.
        return epoch == event.epoch or not self._is_lost(sent, event.time - JUST)

    def _is_lost(self, sent: Sent, time: float) -> bool:
        return any(sent.number in loss.lost and loss.began <= time for loss in self._losses)

    def _damaged(self, time: float) -> list[Sent]:
        """Return the missing messages that a removed part of the log may have held."""
        began = [loss.began for loss in self._losses if loss.damage and loss.began <= time]
        return [sent for sent in self._missing if began and sent.began < began[-1]]

    def _is_unknown(self, sent: Sent) -> bool:
        """Return whether it was told as unknown where it may be.

        A part of the log was removed, or the listener was where no message had ever been.
        """
        damaged = any(loss.damage for loss in self._losses)
        return any(
            gap.cause == UNKNOWN and sent.began <= event.time and (damaged or gap.after == 0)
            for event, gap in self._told
        )

    def _is_physics(self, losses: Sequence[Loss], knowledge: Knowledge) -> bool:
        """Return whether nobody that lives could know: neither the listener nor anybody else."""
        for loss in losses:
            itself = any(knows(event, loss) for event in self._events)
            if loss.kind != ROLLBACK or itself or knowledge.has(loss):
                return False
        return True

    def _may_hide(self, gap: Gap) -> bool:
        """Return whether a message that was never confirmed may be the one that is lost."""
        assert gap.upto is not None
        messages = self._messages
        taken = {sent.position.offset for sent in messages if sent.position is not None}
        holes = any(offset not in taken for offset in range(gap.after + 1, gap.upto + 1))
        return holes and any(sent.position is None and self._wants(sent) for sent in messages)
