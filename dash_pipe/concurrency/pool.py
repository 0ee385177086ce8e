"""Run calls that may wait in a bounded number of threads, which never keep a process alive."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from .per_process import Part

IDLE = 5.0  # seconds that a thread waits for the next call

T = TypeVar("T")


class PoolFullError(Exception):
    """No thread became free in time, or none could be started. The call is dropped."""


class CallTimeoutError(Exception):
    """A call did not return in time. It keeps its thread until it returns."""


Timeout = float | Callable[[], float] | None


class Job(Generic[T]):
    """A call that waits in a pool or runs in one of its threads.

    Attributes:
        begun: is done when a thread has taken the call.
        ended: has what the call returned or raised.
    """

    def __init__(self, pool: Pool, call: Callable[[], T]) -> None:
        self.begun: Future[None] = Future()
        self.ended: Future[T] = Future()
        self._pool = pool
        self._call = call
        self._context = copy_context()

    def result(self, queue_timeout: float, timeout: Timeout = None) -> T:
        """Wait for the call in a thread that may wait; return its result.

        Args:
            queue_timeout: seconds to wait for a free thread.
            timeout: seconds that the call may take from then on, or a function that returns
                them then; ``None`` if the call itself has a time limit.

        Raises:
            PoolFullError: no thread became free.
            CallTimeoutError: the call did not return.
        """
        first: Future[Any] = self.ended if timeout is None else self.begun
        if not wait_for([first], queue_timeout).done and self._pool.withdraw(self):
            raise PoolFullError
        if not wait_for([self.ended], _seconds(timeout)).done:
            raise CallTimeoutError
        return self.ended.result()

    async def outcome(self, queue_timeout: float, timeout: Timeout = None) -> T:
        """Do the same as ``result`` without blocking the event loop."""
        first: Future[Any] = self.ended if timeout is None else self.begun
        try:
            if not await _is_done(first, queue_timeout) and self._pool.withdraw(self):
                raise PoolFullError
            if not await _is_done(self.ended, _seconds(timeout)):
                raise CallTimeoutError
        finally:
            self._pool.withdraw(self)  # if the caller was cancelled
        return self.ended.result()

    def run(self) -> None:
        """Make the call, in the context of its caller."""
        self.begun.set_result(None)
        try:
            self.ended.set_result(self._context.run(self._call))
        except BaseException as error:
            if not isinstance(error, Exception) or isinstance(error, StopIteration):
                # These would end the loop or coroutine that waits, and not reach the caller.
                wrapper = RuntimeError(f"a call in a thread raised {error!r}")
                wrapper.__cause__ = error
                self.ended.set_exception(wrapper)
            else:
                self.ended.set_exception(error)


def _seconds(timeout: Timeout) -> float | None:
    return timeout() if callable(timeout) else timeout


async def _is_done(future: Future[Any], timeout: float | None) -> bool:
    """Wait for a future of another thread; return whether it is done. Never cancel it."""
    if future.done():
        return True
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def wake(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nothing waits on it any more
            loop.call_soon_threadsafe(woken.set_result, None)

    future.add_done_callback(wake)
    await asyncio.wait([woken], timeout=timeout)
    return future.done()


class Pool(Part):
    """Daemon threads, started when there are calls and ended after ``IDLE`` seconds without one.

    The executor of a loop would be shared with the app, whose own calls may fill it. And the
    interpreter waits at its end for the threads of every executor of ``concurrent.futures``: for
    ever, when a call hangs.

    Args:
        name: name of the threads.
        size: maximum number of threads.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._waiting: OrderedDict[Job[Any], None] = OrderedDict()
        self._threads = 0
        self._idle = 0
        self._has_ended = False

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a thread."""
        return len(self._waiting)

    def submit(self, call: Callable[[], T]) -> Job[T]:
        """Queue a call. Calls begin in their order, each as soon as a thread is free.

        Raises:
            PoolFullError: there is no thread, and none can be started.
        """
        job = Job(self, call)
        with self._lock:
            self._waiting[job] = None
            more = len(self._waiting) > self._idle and self._threads < self._size
            self._threads += more
            self._ready.notify()
        if more and not self._start() and self.withdraw(job):
            raise PoolFullError
        return job

    def withdraw(self, job: Job[Any]) -> bool:
        """Take back a call that has not begun. Return False if it has."""
        with self._lock:
            return self._waiting.pop(job, self) is None

    def end(self) -> None:
        """End each thread as soon as no call waits."""
        with self._lock:
            self._has_ended = True
            self._ready.notify_all()

    def _start(self) -> bool:
        """Start a thread that is counted already. Return False if that fails and there is none.

        Without the lock: the start of a greenlet lets others run, which may want it. And where
        gevent made greenlets of threads after this was imported, the lock holds up all of them.
        """
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._threads -= 1
                return self._threads > 0
        return True

    def _work(self) -> None:
        job: Job[Any] | None = None
        try:
            while (job := self._next()) is not None:
                job.run()
                job = None  # do not keep its objects alive while this thread is idle
        except SystemExit:
            # dash.testing ends an app by raising it in every thread that began with the app.
            with self._lock:
                if job is not None and not job.begun.done():
                    self._waiting[job] = None
                    self._waiting.move_to_end(job, last=False)
                more = bool(self._waiting)
                self._threads -= not more
            if more:
                self._start()

    def _next(self) -> Job[Any] | None:
        """Return the next call; ``None`` if none came for ``IDLE`` seconds."""
        with self._lock:
            self._idle += 1
            try:
                self._ready.wait_for(lambda: self._waiting or self._has_ended, IDLE)
            finally:
                self._idle -= 1
            if self._waiting:
                return self._waiting.popitem(last=False)[0]
            self._threads -= 1
            return None
