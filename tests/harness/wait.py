"""Wait for events in the browser or the server, with a bound."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT = 30.0  # for what takes a moment, on a machine that is busy with much else
INTERVAL = 0.05

# Every wait calls each of these at every turn. It raises if waiting is useless: a process that
# a test has started has ended (harness/child.py).
checks: dict[object, Callable[[], None]] = {}


def wait_for(predicate: Callable[[], T], what: str, timeout: float = TIMEOUT) -> T:
    """Poll until the answer is true, and return it; fail with `what` on a timeout."""
    return _ask(predicate, bool, what, timeout)


def wait_for_value(
    ask: Callable[[], object], value: object, what: str, timeout: float = TIMEOUT
) -> None:
    """Poll until the answer is `value`; fail with `what` on a timeout."""
    _ask(ask, lambda answer: answer == value, f"{what} {value!r}", timeout)


def check() -> None:
    """Fail if a process has ended that should run; for other kinds of waits."""
    for one in list(checks.values()):
        one()


def _ask(ask: Callable[[], T], good: Callable[[T], bool], what: str, timeout: float) -> T:
    deadline = time.monotonic() + timeout
    while not good(answer := ask()):
        check()
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}; the last answer: {answer!r}")
        time.sleep(INTERVAL)
    return answer
