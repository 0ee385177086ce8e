"""Support gevent where it has replaced threads by greenlets. It is imported only there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")

NATIVE_THREADS = 16  # maximum number, each with its own event loop


def are_threads() -> bool:
    """Return whether ``threading``'s threads are greenlets."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


class NativeThreads:
    """Call functions in threads that may run an event loop, also where threads are greenlets.

    Greenlets share a thread, which can run one loop at a time: the loop of one would block those
    of all others, and the app's own. So a greenlet passes the call to a native thread.
    """

    def __init__(self) -> None:
        self._threads: Any = None

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in a thread that may run a loop, and wait for it."""
        if not are_threads():
            return function()
        if self._threads is None:
            from gevent.threadpool import ThreadPool

            self._threads = ThreadPool(NATIVE_THREADS)
        result: T = self._threads.apply(copy_context().run, (function,))
        return result
