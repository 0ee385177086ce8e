"""Judge whether the processes of a drive grow: memory, threads, descriptors at quiet moments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from harness.process import Figures

LOOKS = 4  # of a process, before its growth says anything
THREADS = 2  # that may be more at the end of its life than after its first looks
DESCRIPTORS = 20  # likewise; the listeners move between the processes
RESIDENT_KIB = 16 * 1024


class Growth:
    """The figures of each process, from look to look."""

    def __init__(self, listeners: int) -> None:
        self._listeners = listeners
        self._looks: defaultdict[int, list[Figures]] = defaultdict(list)

    def look(self, pid: int, figures: Figures) -> None:
        """Take the figures of a process at a quiet moment."""
        self._looks[pid].append(figures)

    @property
    def judged(self) -> int:
        """The number of processes that lived long enough."""
        return sum(len(looks) >= LOOKS for looks in self._looks.values())

    def cases(self) -> Iterable[str]:
        """Yield a line for each process that has grown."""
        for pid, looks in self._looks.items():
            if len(looks) < LOOKS:
                continue
            first, last = looks[1], looks[-1]  # the first look is before all is in use
            grown = (
                ("threads", last.threads - first.threads, THREADS),
                ("descriptors", last.descriptors - first.descriptors, self._most_descriptors),
                ("KiB", last.resident_kib - first.resident_kib, RESIDENT_KIB),
            )
            for name, more, most in grown:
                if more > most:
                    yield f"process {pid}: {more} {name} more after {len(looks)} looks"

    @property
    def _most_descriptors(self) -> int:
        return DESCRIPTORS + self._listeners
