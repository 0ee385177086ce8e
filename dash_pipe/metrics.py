"""Show the numbers of this process."""

from __future__ import annotations

from .runtime import current
from .telemetry.statistics import stats_of


def stats() -> dict[str, float]:
    """Return the numbers of this process; docs/operations.md has their meanings.

    Some are of this moment, such as ``connections``; the others count from the start of the
    process. It never waits.
    """
    return stats_of(current())
