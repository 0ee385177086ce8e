"""Gevent, where it has made greenlets of threads. Nothing here imports it unless it is at work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import copy_context
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

NATIVE_THREADS = 16


def are_threads() -> bool:
    """Whether ``threading``'s threads are greenlets."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def natively(call: Callable[[], T]) -> T:
    """Make a call in a thread that may have a loop of its own, and wait for it.

    Greenlets share a thread, which can run one loop at a time: the loop of one would be in the way
    of every other, also of the app's own. So they hand it to a thread that is one.
    """
    if not are_threads():
        return call()
    made: T = _native_threads().apply(copy_context().run, (call,))
    return made


@cache
def _native_threads() -> Any:
    from gevent.threadpool import ThreadPool

    return ThreadPool(NATIVE_THREADS)
