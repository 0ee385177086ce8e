"""Await something, and measure for how long its steps block the loop."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Timed(Generic[T]):
    """An awaitable that reports each of its steps.

    Args:
        awaitable: what is awaited.
        note: called with the seconds of each step, in which the loop did nothing else.
    """

    def __init__(self, awaitable: Awaitable[T], note: Callable[[float], None]) -> None:
        self._awaitable = awaitable
        self._note = note

    def __await__(self) -> Generator[Any, Any, T]:
        """Await it, step by step."""
        steps: Any = self._awaitable.__await__()
        step: Callable[[Any], Any] = lambda _: next(steps)  # noqa: E731 - `send` is optional
        value: Any = None
        while True:
            begun_at = time.monotonic()
            try:
                waited = step(value)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self._note(time.monotonic() - begun_at)
            try:
                value, step = (yield waited), lambda _: next(steps)
            except BaseException as error:
                value, step = error, steps.throw
