"""Write the numbers of a process where prometheus-client sums up those of several processes.

In its multiprocess mode the process that is scraped reads the files of all, and calls no collector
of another. So each process writes its numbers into a file of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from prometheus_client.values import ValueClass

from .families import BUCKETS, FAMILIES, PREFIX, Family, buckets

Numbers = Mapping[str, float]


def are_shared() -> bool:
    """Return whether prometheus-client is in its multiprocess mode."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


class SharedValues:
    """The values of this process in the directory of the multiprocess mode.

    A file may be that of an ended process with the same number, which is continued.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], ValueClass] = {}
        self._before: dict[tuple[str, str], float] = {}
        for family in FAMILIES:
            for part in _parts(family):
                value = self._values[family.name, part] = _value(family, part)
                before = 0.0 if family.kind == "gauge" else value.get()
                self._before[family.name, part] = before

    def write(self, numbers: Numbers) -> None:
        """Write the numbers, by the names of ``stats``."""
        for family in FAMILIES:
            for label, stat in family.samples.items():
                if family.kind == "histogram":
                    self._write_histogram(family, stat, numbers)
                else:
                    self._set(family, label, numbers[stat])

    def _write_histogram(self, family: Family, stat: str, numbers: Numbers) -> None:
        self._set(family, "sum", numbers[f"{stat}_seconds"])
        below = 0.0
        for bound, count in buckets(stat, numbers):
            self._set(family, bound, count - below)
            below = count

    def _set(self, family: Family, part: str, number: float) -> None:
        key = (family.name, part)
        self._values[key].set(self._before[key] + number)


def _parts(family: Family) -> tuple[str, ...]:
    """Return what has a value: each label, or each part of a histogram."""
    return ("sum", *BUCKETS) if family.kind == "histogram" else tuple(family.samples)


def _value(family: Family, part: str) -> ValueClass:
    name = PREFIX + family.name
    labels, values = ([family.label], [part]) if family.label else ([], [])
    if family.kind == "gauge":
        mode = "livemax" if family.worst else "livesum"
        return ValueClass(
            "gauge", name, name, labels, values, family.meaning, multiprocess_mode=mode
        )
    if family.kind == "counter":
        return ValueClass("counter", name, f"{name}_total", labels, values, family.meaning)
    if part == "sum":
        return ValueClass("histogram", name, f"{name}_sum", labels, values, family.meaning)
    return ValueClass(
        "histogram", name, f"{name}_bucket", [*labels, "le"], [*values, part], family.meaning
    )
