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
            result = self._context.run(self._call)
        except BaseException as error:
            self._fail(error)
        else:
            self.ended.set_result(result)

    def lose(self) -> None:
        """Tell the caller that the thread has ended, unless the call had."""
        if not self.ended.done():
            self._fail(SystemExit("its thread was ended"))

    def _fail(self, error: BaseException) -> None:
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


class _Worker:
    """A thread of a pool, and the call that it has taken."""

    job: Job[Any] | None = None


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
        # Sets, not numbers: a thread that is killed at any point can leave them once more.
        self._workers: set[_Worker] = set()
        self._idle: set[_Worker] = set()
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
            worker = self._missing_worker()
            self._ready.notify()
        if worker is not None and not self._start(worker) and self.withdraw(job):
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

    def _missing_worker(self) -> _Worker | None:
        """Count in another thread if one is needed, and return it. Called with the lock held."""
        if len(self._waiting) <= len(self._idle) or len(self._workers) >= self._size:
            return None
        worker = _Worker()
        self._workers.add(worker)
        return worker

    def _start(self, worker: _Worker) -> bool:
        """Start a thread that is counted already. Return False if that fails and there is none.

        Without the lock: the start of a greenlet lets others run, which may want it. And where
        gevent made greenlets of threads after this was imported, the lock holds up all of them.
        """
        try:
            threading.Thread(target=self._work, args=[worker], name=self._name, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._workers.discard(worker)
                return bool(self._workers)
        return True

    def _work(self, worker: _Worker) -> None:
        try:
            while (job := self._next(worker)) is not None:
                job.run()
                worker.job = job = None  # keep its objects alive no longer than the call
        except BaseException as error:
            self._replace(worker)
            # dash.testing ends an app by raising SystemExit in every thread that began with it.
            if not isinstance(error, SystemExit):
                raise

    def _replace(self, worker: _Worker) -> None:
        """Count out a thread that was killed, wherever it was. Start another for its call."""
        job = worker.job
        with self._lock:
            self._workers.discard(worker)
            self._idle.discard(worker)
            if job is not None and not job.begun.done():
                self._waiting[job] = None
                self._waiting.move_to_end(job, last=False)
            another = self._missing_worker()
        if job is not None and job.begun.done():
            job.lose()
        if another is not None:
            self._start(another)

    def _next(self, worker: _Worker) -> Job[Any] | None:
        """Return the next call; ``None`` if none came for ``IDLE`` seconds."""
        with self._lock:
            self._idle.add(worker)
            try:
                self._ready.wait_for(lambda: self._waiting or self._has_ended, IDLE)
            finally:
                self._idle.discard(worker)
            if self._waiting:
                worker.job = next(iter(self._waiting))
                del self._waiting[worker.job]
                return worker.job
            self._workers.discard(worker)
            return None
