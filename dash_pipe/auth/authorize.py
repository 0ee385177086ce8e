"""Call the setting ``authorize``: the app decides who may listen on a channel."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Generator
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import lru_cache

from ..hub.authorization import AuthorizationTimeout, Outcome
from ..log import Labels
from ..protocol import Denied, Subscribe
from ..runtime import Runtime
from ..settings import Authorize, FunctionPath
from .allowance import Allowance
from .call_app import AppCall, AppCaller, AppCalls, OpenRequest
from .time_limit import CallRaised, CallTimedOut

logger = logging.getLogger("dash_pipe")


async def authorize_subscribe(
    runtime: Runtime,
    open_request: OpenRequest,
    subscribe: Subscribe,
    allowance: Allowance | None = None,
) -> Outcome:
    """Return the labels of a subscribe that the app denies, without blocking the loop.

    ``authorize`` denies by False. It also denies if it raises or returns no bool; that is logged.

    Args:
        runtime: has the setting, and calls it.
        open_request: opens the request of the browser.
        subscribe: the frame of the browser.
        allowance: bounds the calls for a poll.

    Raises:
        ProtocolError: the allowance is used up.
    """
    calls = _outcome(runtime.settings.authorize, subscribe, allowance)
    return await runtime.part(AppCaller).run(calls, open_request, _deadline(allowance))


def authorize_subscribe_sync(
    runtime: Runtime,
    open_request: OpenRequest,
    subscribe: Subscribe,
    allowance: Allowance | None = None,
) -> Outcome:
    """Do the same in a thread that may wait."""
    calls = _outcome(runtime.settings.authorize, subscribe, allowance)
    return runtime.part(AppCaller).run_sync(calls, open_request, _deadline(allowance))


def authorize_subscribe_beside_loop(
    loop: asyncio.AbstractEventLoop,
    runtime: Runtime,
    open_request: OpenRequest,
    subscribe: Subscribe,
    allowance: Allowance,
) -> Outcome:
    """Do the same in a thread of a server with a loop, where contexts and coroutines are at home.

    Return a timeout if the loop has ended. Without ``authorize`` it may be called on the loop.
    """
    if runtime.settings.authorize is None:
        return frozenset()
    future = asyncio.run_coroutine_threadsafe(
        authorize_subscribe(runtime, open_request, subscribe, allowance), loop
    )
    try:
        return future.result(max(0.0, allowance.deadline() - time.monotonic()) + 1)
    except FutureTimeoutError:  # Python 3.10 has its own class for futures
        future.cancel()
        return AuthorizationTimeout()


def _deadline(allowance: Allowance | None) -> float | None:
    return None if allowance is None else allowance.deadline()


def _outcome(
    authorize: Authorize | None, subscribe: Subscribe, allowance: Allowance | None
) -> AppCalls[Outcome]:
    if authorize is None:
        return frozenset()
    if isinstance(authorize, FunctionPath):
        result = yield from _load(authorize)
        if isinstance(result, CallTimedOut):
            return _timeout(result, subscribe.channel)
        if not _is_allowed(result, subscribe.channel):
            return frozenset(subscribe.labels or {None})
        authorize = authorize.load()
    denied = yield from _denied(authorize, subscribe, allowance)
    if isinstance(denied, AuthorizationTimeout) or not _needs_every_label(subscribe, denied):
        return denied
    answer = yield from _answer(authorize, subscribe, None, allowance)
    return denied if answer is True else denied | {None}


def _needs_every_label(subscribe: Subscribe, denied: Denied) -> bool:
    """Return whether a hint is requested, which names every label, beside granted labels."""
    return subscribe.hint and bool((subscribe.labels or frozenset()) - denied)


def _denied(
    authorize: Authorize, subscribe: Subscribe, allowance: Allowance | None
) -> AppCalls[Outcome]:
    sets = label_sets(subscribe.labels)
    labels = next(sets)
    while True:
        answer = yield from _answer(authorize, subscribe, labels, allowance)
        if isinstance(answer, CallTimedOut):
            return _timeout(answer, subscribe.channel)
        try:
            labels = sets.send(_is_allowed(answer, subscribe.channel))
        except StopIteration as end:
            denied: Denied = end.value
            return denied


def _answer(
    authorize: Authorize, subscribe: Subscribe, labels: Labels, allowance: Allowance | None
) -> AppCalls[object]:
    """Call ``authorize``, unless the allowance has its answer."""
    if allowance is not None and allowance.has(subscribe, labels):
        return allowance.answer(subscribe, labels)
    answer = yield _app_call(authorize, subscribe, labels)
    if allowance is not None:
        allowance.put(subscribe, labels, answer)
    return answer


def _load(path: FunctionPath) -> AppCalls[object]:
    """Import the function in a thread, with a time limit. Return whether it was imported."""
    if path.function is not None:
        return True
    result = yield AppCall(path.load, lambda _: path.load() is not None)
    return result


def _timeout(call: CallTimedOut, channel: str) -> AuthorizationTimeout:
    logger.warning(
        "dash-pipe: authorize() for channel %r %s; the page will retry",
        channel,
        call.why,
    )
    return AuthorizationTimeout()


def label_sets(labels: Labels) -> Generator[Labels, bool, Denied]:
    """Yield sets of labels to authorize; receive for each whether the app allows it.

    If the app denies all labels together, each is authorized alone, so that one denied label does
    not block another on the same channel. If it then allows each of them, all are denied, as the
    app has denied them together.

    Returns:
        The denied labels. None in it stands for a subscription to every label.
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
    nobody: Denied = frozenset({None})  # a subscription to no label is denied, too
    return frozenset(denied) or labels or nobody


def _app_call(authorize: Authorize, subscribe: Subscribe, labels: Labels) -> AppCall:
    """Return the call; it passes the Pipe's token if ``authorize`` has such a parameter."""
    listed = None if labels is None else sorted(labels)
    wanted = {"token": subscribe.token} if _wants_token(authorize) else {}
    return AppCall(
        authorize, lambda request: authorize(request, subscribe.channel, listed, **wanted)
    )


@lru_cache(maxsize=4)  # one function; tests have others
def _wants_token(authorize: Authorize) -> bool:
    try:
        return "token" in inspect.signature(authorize).parameters
    except (TypeError, ValueError):  # a function in C may have no signature
        return False


def _is_allowed(answer: object, channel: str) -> bool:
    """Return whether ``authorize`` returned True. A truthy object may be a response that denies."""
    if isinstance(answer, CallRaised):
        logger.error(
            "dash-pipe: authorize() raised an exception for channel %r; access denied",
            channel,
            exc_info=answer.error,
        )
    elif answer is not None and not isinstance(answer, bool):
        logger.warning(
            "dash-pipe: authorize() must return True or False, but returned %r; access denied",
            answer,
        )
    return answer is True
