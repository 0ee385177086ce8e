"""Call functions of the app, sync or async, from a loop or from a thread, with a time limit.

An ``AppCalls`` says what to call and what follows from the results; it knows no loops and no
threads. A call waits for a thread, if it needs one, and then for its result; both have a bound.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
)
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from ..concurrency.greenlets import NativeThreads
from ..concurrency.per_process import Part
from ..concurrency.pool import CallTimeoutError, Pool
from ..runtime import Runtime
from .counted_call import CountedCall
from .time_limit import THREADS, TimeLimit

T = TypeVar("T")

RequestContext = AbstractContextManager[Any] | AbstractAsyncContextManager[Any]
"""The context in which the app finds a request."""

OpenRequest = Callable[[], RequestContext]
"""Open the context in which the app finds the request that the call is about; one for each call.

It is opened where the function runs: with ``async with`` on a loop, if it can, and with ``with`` in
a thread. One that knows ``async with`` alone is opened on the loop around the thread.
"""


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


AppCalls = Generator[AppCall, object, T]
"""A generator that yields calls and is sent their results, ``CallRaised`` or ``CallTimedOut``."""


class AppCaller(Part):
    """Call functions of the app, each with a time limit; a part of the runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._threads = Pool("dash-pipe-app", THREADS)
        self._native = NativeThreads()

    def numbers(self) -> Mapping[str, float]:
        """See ``Part``."""
        return {"app_calls_waiting": self._threads.waiting}

    def end(self) -> None:
        """See ``Part``."""
        self._threads.end()

    async def run(
        self, calls: AppCalls[T], open_request: OpenRequest, deadline: float | None = None
    ) -> T:
        """Make the calls without blocking the loop. Return what the generator returns.

        Args:
            calls: yields the calls.
            open_request: opens the request for each of them.
            deadline: the monotonic time when the last of them has ended, if they have a limit
                together.
        """
        result: object = None
        try:
            while True:
                call = calls.send(result)
                with CountedCall(self._runtime.counters) as counted:
                    result = counted.result = await self._call(call, open_request, deadline)
        except StopIteration as end:
            return cast(T, end.value)

    def run_sync(
        self, calls: AppCalls[T], open_request: OpenRequest, deadline: float | None = None
    ) -> T:
        """Do the same in a thread that may wait."""
        result: object = None
        try:
            while True:
                call = calls.send(result)
                with CountedCall(self._runtime.counters) as counted:
                    result = counted.result = self._call_sync(call, open_request, deadline)
        except StopIteration as end:
            return cast(T, end.value)

    async def _call(
        self, call: AppCall, open_request: OpenRequest, deadline: float | None
    ) -> object:
        limit = self._limit(deadline)
        if limit.has_passed:
            return limit.failure(CallTimeoutError())
        try:
            if call.is_async:
                return await _with_timeout(_await_function(call, open_request), limit.of_call())
            answer = await self._call_in_thread(call, open_request, limit)
            if inspect.isawaitable(answer):
                return await _with_timeout(_await_result(answer, open_request), limit.of_call())
            return answer
        except Exception as error:
            return limit.failure(error)

    async def _call_in_thread(
        self, call: AppCall, open_request: OpenRequest, limit: TimeLimit
    ) -> object:
        context = open_request()
        if isinstance(context, AbstractContextManager):
            job = self._threads.submit(partial(_call_function, call, context))
            return await job.outcome(limit.of_queue(), limit.of_call)
        async with context as request:
            job = self._threads.submit(partial(call.call, request))
            return await job.outcome(limit.of_queue(), limit.of_call)

    def _call_sync(
        self, call: AppCall, open_request: OpenRequest, deadline: float | None
    ) -> object:
        limit = self._limit(deadline)
        if limit.has_passed:
            return limit.failure(CallTimeoutError())
        try:
            job = self._threads.submit(partial(self._call_to_end, call, open_request, limit))
            return job.result(limit.of_queue(), limit.of_call)
        except Exception as error:
            return limit.failure(error)

    def _limit(self, deadline: float | None) -> TimeLimit:
        return TimeLimit(self._runtime.settings.authorize_timeout, deadline)

    def _call_to_end(self, call: AppCall, open_request: OpenRequest, limit: TimeLimit) -> Any:
        """Return the result. A coroutine runs on a loop of its own."""
        context = open_request()
        assert isinstance(context, AbstractContextManager), "no loop is needed to open it"
        with context as request:
            answer = call.call(request)
            if not inspect.isawaitable(answer):
                return answer
            return self._native.call(lambda: asyncio.run(_with_timeout(answer, limit.of_call())))


def _call_function(call: AppCall, context: AbstractContextManager[Any]) -> Any:
    with context as request:
        return call.call(request)


@asynccontextmanager
async def _opened(open_request: OpenRequest) -> AsyncIterator[Any]:
    """Open a request on the loop."""
    context = open_request()
    if isinstance(context, AbstractAsyncContextManager):
        async with context as request:
            yield request
    else:
        with context as request:
            yield request


async def _await_result(answer: Awaitable[Any], open_request: OpenRequest) -> Any:
    async with _opened(open_request):
        return await answer


async def _await_function(call: AppCall, open_request: OpenRequest) -> Any:
    async with _opened(open_request) as request:
        return await call.call(request)


async def _with_timeout(answer: Awaitable[T], timeout: float) -> T:
    """Await with a timeout. A task that ignores cancellation is abandoned.

    Raises:
        CallTimeoutError: the result did not come in time.
    """
    task = asyncio.ensure_future(answer)
    try:
        await asyncio.wait([task], timeout=timeout)
        if not task.done():
            raise CallTimeoutError
        if task.cancelled():  # by the app; the caller must not be cancelled with it
            raise RuntimeError("it was cancelled")
        return task.result()
    finally:
        task.cancel()
