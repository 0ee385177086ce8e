"""Show the numbers of this process."""

from __future__ import annotations

from .runtime import current
from .telemetry.statistics import stats_of


def stats() -> dict[str, int]:
    """Return the numbers of this process; docs/operations.md has their meanings.

    ``connections`` is the number of browsers that are connected now; the others count from the
    start of the process.
    """
    return stats_of(current())
