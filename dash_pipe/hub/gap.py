"""Name the cause of a gap that a browser is told of. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..log import Loss, Lost


def gap_cause(loss: Loss, lost: Sequence[Lost]) -> str:
    """Return the cause as the browser names it; empty if there is no gap.

    Args:
        loss: what a change of the epoch has lost.
        lost: what has left the window.
    """
    if loss is Loss.LOST:
        return "epoch"
    if any(label is not None for label, _ in lost):
        return "window"
    return "unknown" if loss is Loss.UNKNOWN or lost else ""
