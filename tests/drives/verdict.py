"""The sums of a drive."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Verdict:
    """The sums of a drive; the lists hold a line for each case."""

    deliveries: int = 0
    told: int = 0
    unknown: int = 0
    physics: int = 0
    silent: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Return whether the promise was kept."""
        return not (self.silent or self.doubled or self.false)
