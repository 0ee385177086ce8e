"""Waiting for what happens elsewhere: in the browser, in the server."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT = 15.0
INTERVAL = 0.05


def wait_for(predicate: Callable[[], T], what: str, timeout: float = TIMEOUT) -> T:
    """Ask until the answer is true, and return it; fail with `what` when it never is."""
    return _ask(predicate, bool, what, timeout)


def wait_for_value(
    ask: Callable[[], object], value: object, what: str, timeout: float = TIMEOUT
) -> None:
    """Ask until the answer is `value`; fail with `what` when it never is."""
    _ask(ask, lambda answer: answer == value, f"{what} {value!r}", timeout)


def _ask(ask: Callable[[], T], good: Callable[[T], bool], what: str, timeout: float) -> T:
    deadline = time.monotonic() + timeout
    while not good(answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}; the last answer: {answer!r}")
        time.sleep(INTERVAL)
    return answer
