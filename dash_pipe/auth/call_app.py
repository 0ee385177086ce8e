"""Asking the app: a function of its own, sync or async, from a loop or from a thread.

Every question has an end: it waits for a thread, if it needs one, and then for its answer. What to
ask, and what comes of the answers, is an ``AppCalls``'s to say; it knows no loops and no threads.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from .. import runtime
from ..concurrency.greenlets import natively
from ..concurrency.pool import CallTimeoutError, Pool, PoolFullError

T = TypeVar("T")

THREADS = 16  # in which a process asks; as many as a pool of database connections has, mostly
QUEUE_TIMEOUT = 20.0  # seconds that a question waits for one of them

OpenRequest = Callable[[], AbstractContextManager[Any]]
"""Brings the request back that is asked about: a context in which the app finds it"""


@dataclass(frozen=True)
class AppCall:
    """A function of the app, and what makes of it and the request a call.

    One that is ``async`` is called on a loop; what another returns may be awaitable all the same.
    """

    function: Callable[..., Any]
    call: Callable[[Any], Any]

    @property
    def is_async(self) -> bool:
        """Whether it belongs on a loop."""
        return inspect.iscoroutinefunction(self.function)


@dataclass(frozen=True)
class CallTimedOut:
    """In place of an answer: there was none in time."""

    why: str


@dataclass(frozen=True)
class CallRaised:
    """In place of an answer: what the app raised."""

    error: Exception


AppCalls = Generator[AppCall, object, T]
"""A generator that yields calls and is sent their results, ``CallRaised`` or ``CallTimedOut``."""


async def run_calls(interview: AppCalls[T], open_request: OpenRequest) -> T:
    """Ask from a loop, which is not held up."""
    answer: object = None
    try:
        while True:
            answer = await _ask(interview.send(answer), open_request)
    except StopIteration as end:
        return cast(T, end.value)


def run_calls_sync(interview: AppCalls[T], open_request: OpenRequest) -> T:
    """Do the same from a thread that may wait."""
    answer: object = None
    try:
        while True:
            answer = _ask_now(interview.send(answer), open_request)
    except StopIteration as end:
        return cast(T, end.value)


async def _ask(question: AppCall, open_request: OpenRequest) -> object:
    timeout = runtime.current().settings.authorize_timeout
    try:
        if question.is_async:
            return await _in_time(_answered(question, open_request), timeout)
        job = _threads.submit(partial(_called, question, open_request))
        answer = await job.outcome(QUEUE_TIMEOUT, timeout)
        if inspect.isawaitable(answer):
            return await _in_time(_awaited(answer, open_request), timeout)
        return answer
    except Exception as error:
        return _instead(error, timeout)


def _ask_now(question: AppCall, open_request: OpenRequest) -> object:
    timeout = runtime.current().settings.authorize_timeout
    try:
        job = _threads.submit(partial(_finished, question, open_request, timeout))
        return job.result(QUEUE_TIMEOUT, timeout)
    except Exception as error:
        return _instead(error, timeout)


def _instead(error: Exception, timeout: float) -> CallRaised | CallTimedOut:
    """What stands for an answer that did not come."""
    if isinstance(error, CallTimeoutError):
        return CallTimedOut(f"did not answer within {timeout:g} s (authorize_timeout)")
    if isinstance(error, PoolFullError):
        return CallTimedOut(
            f"was not called: none of the {THREADS} threads was free within {QUEUE_TIMEOUT:g} s; "
            "earlier calls are slow or hang"
        )
    return CallRaised(error)


def _called(question: AppCall, open_request: OpenRequest) -> Any:
    with open_request() as request:
        return question.call(request)


async def _awaited(answer: Awaitable[Any], open_request: OpenRequest) -> Any:
    with open_request():
        return await answer


async def _answered(question: AppCall, open_request: OpenRequest) -> Any:
    with open_request() as request:
        return await question.call(request)


def _finished(question: AppCall, open_request: OpenRequest, timeout: float) -> Any:
    """The answer, also that of a coroutine, which gets a loop of its own."""
    with open_request() as request:
        answer = question.call(request)
        if not inspect.isawaitable(answer):
            return answer
        return natively(lambda: asyncio.run(_in_time(answer, timeout)))


async def _in_time(answer: Awaitable[T], timeout: float) -> T:
    """What is awaited; one that does not even end when it is cancelled is left alone.

    Raises:
        CallTimeoutError: it did not come in time.
    """
    task = asyncio.ensure_future(answer)
    try:
        await asyncio.wait([task], timeout=timeout)
        if not task.done():
            raise CallTimeoutError
        if task.cancelled():  # not by us; who asks would end with it
            raise RuntimeError("it was cancelled")
        return task.result()
    finally:
        task.cancel()


_threads = Pool("dash-pipe-asking", THREADS)
