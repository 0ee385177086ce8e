"""Render the numbers of a process for Prometheus, with prometheus-client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from .families import FAMILIES, PREFIX, Family, buckets

Numbers = Mapping[str, float]


class NumbersCollector:
    """A collector of prometheus-client for one process.

    Args:
        read: returns the numbers, by the names of ``stats``.
    """

    def __init__(self, read: Callable[[], Numbers]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without samples, so that no name is registered twice."""
        return [_metric(family) for family in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment."""
        numbers = self._read()
        for family in FAMILIES:
            metric = _metric(family)
            for value, stat in family.samples.items():
                labels = [value] if family.label else []
                if isinstance(metric, HistogramMetricFamily):
                    metric.add_metric(labels, buckets(stat, numbers), numbers[f"{stat}_seconds"])
                else:
                    metric.add_metric(labels, numbers[stat])
            yield metric


Valued = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


def _metric(family: Family) -> Valued:
    name, labels = PREFIX + family.name, [family.label] if family.label else []
    if family.kind == "histogram":
        return HistogramMetricFamily(name, family.meaning, labels=labels)
    if family.kind == "counter":
        return CounterMetricFamily(name, family.meaning, labels=labels)
    return GaugeMetricFamily(name, family.meaning, labels=labels)
