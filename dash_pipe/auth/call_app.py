"""Call functions of the app, sync or async, from a loop or from a thread, with a time limit.

An ``AppCalls`` says what to call and what follows from the results; it knows no loops and no
threads. A call waits for a thread, if it needs one, and then for its result; both have a bound.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from ..concurrency.greenlets import NativeThreads
from ..concurrency.per_process import Part
from ..concurrency.pool import CallTimeoutError, Pool, PoolFullError
from ..runtime import Runtime

T = TypeVar("T")

THREADS = 16  # for calls; as many as a pool of database connections has, mostly
QUEUE_TIMEOUT = 20.0  # seconds that a call waits for one of them

OpenRequest = Callable[[], AbstractContextManager[Any]]
"""Open the context in which the app finds the request that the call is about."""


@dataclass(frozen=True)
class AppCall:
    """A function of the app, and how to call it.

    A coroutine function is called on a loop. Other functions may return an awaitable, too.

    Attributes:
        call: calls the function for a request.
    """

    function: Callable[..., Any]
    call: Callable[[Any], Any]

    @property
    def is_async(self) -> bool:
        """Return whether the function is called on a loop."""
        return inspect.iscoroutinefunction(self.function)


@dataclass(frozen=True)
class CallTimedOut:
    """In place of a result: there was none in time."""

    why: str


@dataclass(frozen=True)
class CallRaised:
    """In place of a result: the app raised an exception."""

    error: Exception


AppCalls = Generator[AppCall, object, T]
"""A generator that yields calls and is sent their results, ``CallRaised`` or ``CallTimedOut``."""


class AppCaller(Part):
    """Call functions of the app, each with a time limit; a part of the runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._threads = Pool("dash-pipe-asking", THREADS)
        self._native = NativeThreads()

    def end(self) -> None:
        """See ``Part``."""
        self._threads.end()

    async def run(self, calls: AppCalls[T], open_request: OpenRequest) -> T:
        """Make calls from a loop, which goes on meanwhile; return what the generator returns."""
        result: object = None
        try:
            while True:
                result = await self._call(calls.send(result), open_request)
        except StopIteration as end:
            return cast(T, end.value)

    def run_sync(self, calls: AppCalls[T], open_request: OpenRequest) -> T:
        """Make calls from a thread that may wait; return what the generator returns."""
        result: object = None
        try:
            while True:
                result = self._call_sync(calls.send(result), open_request)
        except StopIteration as end:
            return cast(T, end.value)

    async def _call(self, call: AppCall, open_request: OpenRequest) -> object:
        timeout = self._runtime.settings.authorize_timeout
        try:
            if call.is_async:
                return await _in_time(_answered(call, open_request), timeout)
            job = self._threads.submit(partial(_called, call, open_request))
            answer = await job.outcome(QUEUE_TIMEOUT, timeout)
            if inspect.isawaitable(answer):
                return await _in_time(_awaited(answer, open_request), timeout)
            return answer
        except Exception as error:
            return _instead(error, timeout)

    def _call_sync(self, call: AppCall, open_request: OpenRequest) -> object:
        timeout = self._runtime.settings.authorize_timeout
        try:
            job = self._threads.submit(partial(self._finished, call, open_request, timeout))
            return job.result(QUEUE_TIMEOUT, timeout)
        except Exception as error:
            return _instead(error, timeout)

    def _finished(self, call: AppCall, open_request: OpenRequest, timeout: float) -> Any:
        """Return the answer, also that of a coroutine, which gets a loop of its own."""
        with open_request() as request:
            answer = call.call(request)
            if not inspect.isawaitable(answer):
                return answer
            return self._native.call(lambda: asyncio.run(_in_time(answer, timeout)))


def _instead(error: Exception, timeout: float) -> CallRaised | CallTimedOut:
    """Return what stands for a result that did not come."""
    if isinstance(error, CallTimeoutError):
        return CallTimedOut(f"did not answer within {timeout:g} s (authorize_timeout)")
    if isinstance(error, PoolFullError):
        return CallTimedOut(
            f"was not called: none of the {THREADS} threads was free within {QUEUE_TIMEOUT:g} s; "
            "earlier calls are slow or hang"
        )
    return CallRaised(error)


def _called(call: AppCall, open_request: OpenRequest) -> Any:
    with open_request() as request:
        return call.call(request)


async def _awaited(answer: Awaitable[Any], open_request: OpenRequest) -> Any:
    with open_request():
        return await answer


async def _answered(call: AppCall, open_request: OpenRequest) -> Any:
    with open_request() as request:
        return await call.call(request)


async def _in_time(answer: Awaitable[T], timeout: float) -> T:
    """Await with a timeout. A task that ignores cancellation is abandoned.

    Raises:
        CallTimeoutError: the result did not come in time.
    """
    task = asyncio.ensure_future(answer)
    try:
        await asyncio.wait([task], timeout=timeout)
        if not task.done():
            raise CallTimeoutError
        if task.cancelled():  # not by us; the caller would end with it
            raise RuntimeError("it was cancelled")
        return task.result()
    finally:
        task.cancel()
