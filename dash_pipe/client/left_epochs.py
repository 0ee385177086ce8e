"""Remember the epochs that a subscription left without a known loss. Pure."""

from __future__ import annotations

from ..log import Loss, Past, Position


class LeftEpochs:
    """The epochs that a subscription left, and what it had lost of each as far as it knows.

    It remembers those that the past of the log still names.
    """

    def __init__(self) -> None:
        self._losses: dict[str, Loss] = {}

    def cross(self, past: Past, position: Position) -> Loss:
        """Leave the epochs of the past from that of ``position`` on.

        Return what was lost of them, or turns out now to be lost of those that were left before. A
        loss is returned once.
        """
        found, offset, is_left = Loss.NONE, position.offset, False
        losses: dict[str, Loss] = {}
        for ended in past:
            is_left = is_left or ended.epoch == position.epoch
            known = Loss.NONE if is_left else self._losses.get(ended.epoch, Loss.LOST)
            if known is Loss.LOST:
                continue  # it was counted, or was before this subscription
            loss = losses[ended.epoch] = ended.loss(offset if is_left else 0)
            if loss > known:
                found = max(found, loss)
            if is_left:
                offset = min(offset, ended.offset)
        self._losses = losses
        return found
