"""The record of what the sources of tests/apps/sources.py yield, compared with what is heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class LedgerRun:
    """A run of a source.

    Attributes:
        pid: of its process.
        numbers: how many it has yielded: 0, 1, 2, ...
        times: when it has yielded each, by the monotonic clock.
        has_ended: its ``finally`` has run.
    """

    pid: int
    times: list[float] = field(default_factory=list)
    has_ended: bool = False

    @property
    def numbers(self) -> int:
        """Return how many numbers it has yielded."""
        return len(self.times)


class Ledger:
    """The file of an app."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def runs(self, channel: str) -> dict[str, LedgerRun]:
        """Return the runs of a channel's source, by their ids, in the order of their beginnings."""
        found: dict[str, LedgerRun] = {}
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        for at, pid, run, of, what in map(str.split, lines):
            if of != channel:
                continue
            if what == "begin":
                found[run] = LedgerRun(int(pid))
            elif what == "end":
                found[run].has_ended = True
            else:
                assert int(what) == found[run].numbers, "a run counts its own numbers"
                found[run].times.append(float(at))
        return found

    def newest(self, channel: str) -> tuple[str, LedgerRun]:
        """Return the newest run of a channel's source, and its id."""
        return list(self.runs(channel).items())[-1]


def heard(values: Sequence[tuple[str, int]]) -> dict[str, list[int]]:
    """Return the numbers that a listener has heard of each run, in the order of their arrival."""
    found: dict[str, list[int]] = {}
    for run, number in values:
        found.setdefault(run, []).append(number)
    return found


def check_numbers(
    values: Sequence[tuple[str, int]],
    runs: Mapping[str, LedgerRun],
    unsent: int,
    is_late: bool = False,
) -> None:
    """Check that what was heard is one run after the other, and that nothing is twice or missing.

    Args:
        values: what a listener has heard.
        runs: the runs, whose numbers were all heard but for the last one's.
        unsent: how many numbers of a run that was ended by a fault may be missing, at its end.
        is_late: the listener came in the middle of the first run.
    """
    numbers = heard(values)
    assert list(numbers) == list(runs), "a run begins when the one before has ended"
    assert [run for run, number in values] == [run for run in numbers for _ in numbers[run]]
    for number, (run, found) in enumerate(numbers.items()):
        begin = found[0] if is_late and not number else 0
        assert found == list(range(begin, begin + len(found))), f"run {run}"
    for run in list(runs)[:-1]:
        missing = runs[run].numbers - 1 - numbers[run][-1]
        assert 0 <= missing <= unsent, f"run {run} has yielded {missing} numbers that nobody heard"
