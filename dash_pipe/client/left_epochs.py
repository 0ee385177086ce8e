"""Remember the epochs that a subscription left without a known loss. Pure."""

from __future__ import annotations

from ..log import MAX_PAST, Loss, Past, Position


class LeftEpochs:
    """The epochs that a subscription left, and what it had lost of each as far as it knows.

    It remembers the newest ``MAX_PAST``, also those that Redis has forgotten: a process or a sender
    may name them again.
    """

    def __init__(self) -> None:
        self._losses: dict[str, Loss] = {}

    def cross(self, past: Past, position: Position) -> Loss:
        """Leave the epochs of the past from that of ``position`` on.

        Return what was lost of them, or turns out now to be lost of those that were left before;
        also of one that is named only now, and is younger than the oldest that was left. A loss is
        returned once.
        """
        found, offset, is_left = Loss.NONE, position.offset, False
        oldest = min([position.epoch, *self._losses])
        for ended in past:
            is_left = is_left or ended.epoch == position.epoch
            if not is_left and ended.epoch < oldest:
                continue  # it was before this subscription
            known = self._losses.pop(ended.epoch, Loss.NONE)
            loss = max(known, ended.loss(offset if is_left else 0))
            if loss > known:
                found = max(found, loss)
            self._losses[ended.epoch] = loss
            if is_left:
                offset = min(offset, ended.offset)
        for epoch in list(self._losses)[:-MAX_PAST]:
            del self._losses[epoch]
        return found
