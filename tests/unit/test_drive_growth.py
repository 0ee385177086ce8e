"""The judge of the soak: whether processes grow."""

import pytest

from drives.growth import DESCRIPTORS, LOOKS, RESIDENT_KIB, THREADS, Growth
from harness.process import Figures

LISTENERS = 30


def cases(*looks: Figures) -> list[str]:
    growth = Growth(LISTENERS)
    for figures in looks:
        growth.look(7, figures)
    return list(growth.cases())


def test_process_that_stays_as_it_is_has_no_case() -> None:
    assert cases(*[Figures(5, 40, 90_000)] * LOOKS) == []


@pytest.mark.parametrize(
    ("last", "word"),
    [
        (Figures(5 + THREADS + 1, 40, 90_000), "threads"),
        (Figures(5, 40 + DESCRIPTORS + LISTENERS + 1, 90_000), "descriptors"),
        (Figures(5, 40, 90_000 + RESIDENT_KIB + 1), "KiB"),
    ],
)
def test_process_that_grows_has_a_case(last: Figures, word: str) -> None:
    (case,) = cases(*[Figures(5, 40, 90_000)] * LOOKS, last)
    assert word in case


def test_process_that_was_killed_soon_is_not_judged() -> None:
    assert cases(Figures(5, 40, 90_000), Figures(99, 999, 990_000)) == []
