"""Compare what a process knows of a log with its end in Redis."""

import pytest

from dash_pipe.brokers.redis.known import NOTHING, Head, Known
from dash_pipe.log import Ended, Past

PAST = (Ended("e1", 2, 4), Ended("e2", 6, 6))
KNOWN = Known("e3", 8, "m8", "1008.000", PAST)


@pytest.mark.parametrize(
    ("past", "missing"),
    [
        ((*PAST, Ended("e3", 8, 8)), False),
        ((*PAST, Ended("e3", 7, 8)), False),  # it is lost, and the log knows
        ((*PAST, Ended("e3", 7, 7)), True),
        (PAST, True),  # the log has forgotten e3
        ((Ended("e1", 2, 3), Ended("e2", 6, 6), Ended("e3", 8, 8)), True),  # how far e1 went
        ((Ended("e1", 2, None), Ended("e2", 6, 6), Ended("e3", 8, 8)), True),
        ((Ended("e1", 2, 4), Ended("e3", 8, 8)), True),  # e2
        ((Ended("e2", 6, 6), Ended("e3", 8, 8)), False),  # e1 is older than the past reaches
        ((), False),  # another log
    ],
)
def test_log_that_knows_less_misses_what_the_process_knows(past: Past, missing: bool) -> None:
    assert KNOWN.is_missing(Head("e4", 9, "m9", "run", past)) is missing


def test_log_that_is_back_in_an_epoch_from_before_misses_it() -> None:
    assert KNOWN.is_missing(Head("e2", 6, "m6", "run", PAST[:1]))


@pytest.mark.parametrize(
    ("offset", "head_mark", "mark", "missing"),
    [
        (8, "m8", None, False),
        (8, "other", None, True),
        (9, "m9", None, False),  # the message is not at the end: its mark is not known
        (9, "m9", "m8", False),
        (9, "m9", "other", True),
        (7, "m7", None, True),
    ],
)
def test_log_in_the_same_epoch_misses_a_message_with_another_mark_or_above_its_end(
    offset: int, head_mark: str, mark: str | None, missing: bool
) -> None:
    assert KNOWN.is_missing(Head("e3", offset, head_mark, "run", PAST), mark) is missing


def test_process_that_knows_nothing_misses_nothing() -> None:
    assert not NOTHING.is_missing(Head("e1", 2, "m2", "run", PAST))
