"""The setting ``authorize``: the app says who may listen where."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Generator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import nullcontext
from functools import lru_cache

from ..hub.authorization import AuthorizationTimeout, Outcome
from ..log import Labels
from ..protocol import Denied, Subscribe
from ..runtime import Runtime
from ..settings import Authorize, FunctionPath
from .call_app import AppCall, AppCaller, AppCalls, CallRaised, CallTimedOut, OpenRequest

logger = logging.getLogger("dash_pipe")


async def authorize_subscribe(
    runtime: Runtime, open_request: OpenRequest, subscribe: Subscribe
) -> Outcome:
    """Ask the app which labels of a subscribe it denies, from a loop that must not be held up.

    An answer that fails, or that is no bool, denies, and the log says so.
    """
    calls = _outcome(runtime.settings.authorize, subscribe)
    return await runtime.part(AppCaller).run(calls, open_request)


def authorize_subscribe_sync(
    runtime: Runtime, open_request: OpenRequest, subscribe: Subscribe
) -> Outcome:
    """Ask the app the same from a thread that may wait."""
    calls = _outcome(runtime.settings.authorize, subscribe)
    return runtime.part(AppCaller).run_sync(calls, open_request)


def authorize_subscribe_beside(
    loop: asyncio.AbstractEventLoop,
    runtime: Runtime,
    open_request: OpenRequest,
    subscribe: Subscribe,
) -> Outcome:
    """Ask the app the same from a thread of a server with a loop, where its coroutines belong.

    It is a timeout, too, when the loop has ended.
    """
    authorize: object = runtime.settings.authorize
    if isinstance(authorize, FunctionPath):
        runtime.part(AppCaller).run_sync(_load(authorize), nullcontext)
        authorize = authorize.function
    if not inspect.iscoroutinefunction(authorize):
        return authorize_subscribe_sync(runtime, open_request, subscribe)
    asking = asyncio.run_coroutine_threadsafe(
        authorize_subscribe(runtime, open_request, subscribe), loop
    )
    most = 1 + len(subscribe.labels or ())  # label_sets
    try:
        return asking.result(most * runtime.settings.authorize_timeout + 1)
    except FutureTimeoutError:  # Python 3.10 has one of its own for futures
        asking.cancel()
        return AuthorizationTimeout()


def _outcome(authorize: Authorize | None, subscribe: Subscribe) -> AppCalls[Outcome]:
    if authorize is None:
        return frozenset()
    if isinstance(authorize, FunctionPath):
        result = yield from _load(authorize)
        if isinstance(result, CallTimedOut):
            return _timeout(result, subscribe.channel)
        if not _is_yes(result, subscribe.channel):
            return frozenset(subscribe.labels or {None})
        authorize = authorize.load()
    asking = label_sets(subscribe.labels)
    labels = next(asking)
    while True:
        answer = yield _app_call(authorize, subscribe, labels)
        if isinstance(answer, CallTimedOut):
            return _timeout(answer, subscribe.channel)
        try:
            labels = asking.send(_is_yes(answer, subscribe.channel))
        except StopIteration as end:
            denied: Denied = end.value
            return denied


def _load(path: FunctionPath) -> AppCalls[object]:
    """Import the function as it is called: in a thread, with a time limit. Return whether it is."""
    if path.function is not None:
        return True
    result = yield AppCall(path.load, lambda _: path.load() is not None)
    return result


def _timeout(call: CallTimedOut, channel: str) -> AuthorizationTimeout:
    logger.warning(
        "dash-pipe: authorize %s, for channel %r; the page is to come back later",
        call.why,
        channel,
    )
    return AuthorizationTimeout()


def label_sets(labels: Labels) -> Generator[Labels, bool, Denied]:
    """What to ask an app about a subscription: yields labels, is sent whether they are permitted.

    Labels that are refused together are asked for one by one, so that a Pipe whose label is
    refused does not shut out another one on the same channel. An app that permits each but not
    all of them together is taken at its word: all are refused.

    Returns:
        What is refused; ``None`` in it stands for a subscription to every label.
    """
    if (yield labels):
        return frozenset()
    if labels is None:
        return frozenset({None})
    denied = set()
    if len(labels) > 1:
        for label in sorted(labels):
            if not (yield frozenset({label})):
                denied.add(label)
    nobody: Denied = frozenset({None})  # who asks for no label learns nothing either
    return frozenset(denied) or labels or nobody


def _app_call(authorize: Authorize, subscribe: Subscribe, labels: Labels) -> AppCall:
    """With the Pipe's token, if the app wants it."""
    listed = None if labels is None else sorted(labels)
    wanted = {"token": subscribe.token} if _wants_token(authorize) else {}
    return AppCall(
        authorize, lambda request: authorize(request, subscribe.channel, listed, **wanted)
    )


@lru_cache(maxsize=4)  # there is one; a test may bring others
def _wants_token(authorize: Authorize) -> bool:
    try:
        return "token" in inspect.signature(authorize).parameters
    except (TypeError, ValueError):  # of what is not written in Python nothing is known
        return False


def _is_yes(answer: object, channel: str) -> bool:
    """Only ``True`` permits: what else is true to Python may be a response that refuses."""
    if isinstance(answer, CallRaised):
        logger.error(
            "dash-pipe: authorize failed for channel %r, and so refuses",
            channel,
            exc_info=answer.error,
        )
    elif answer is not None and not isinstance(answer, bool):
        logger.warning(
            "dash-pipe: authorize is to return True or False, returned %r, and so refuses", answer
        )
    return answer is True
