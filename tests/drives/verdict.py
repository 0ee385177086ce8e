"""The sums of a drive."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SHOWN = 2  # cases of a kind in a second


@dataclass
class Verdict:
    """The sums of a drive, of messages; the lists hold a line for each case.

    `doubts` is the number of times that a listener was told that nobody knows, and `late` that of
    losses that were told after the period in which they were.
    """

    deliveries: int = 0
    told: int = 0
    unknown: int = 0
    doubts: int = 0
    late: int = 0
    physics: int = 0
    silent: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Return whether the promise was kept."""
        return not (self.silent or self.doubled or self.false)

    def cases(self) -> list[str]:
        """Return the number of cases of each listener, and of each second the first lines."""
        lines = [
            f"{word}: {line}"
            for word in ("silent", "doubled", "false")
            for line in getattr(self, word)
        ]
        seconds: Counter[tuple[str, str]] = Counter()
        found = []
        for line in lines:
            word, time = line.split()[:2]
            second = (word, time.partition(".")[0])
            seconds[second] += 1
            if seconds[second] <= SHOWN:
                found.append(line)
        listeners = Counter(line.split(": ")[1].partition(" ")[2] for line in lines)
        sums = [f"{name}: {count} cases" for name, count in listeners.items()]
        return [*sums, *sorted(found, key=lambda line: line.split()[1])]
