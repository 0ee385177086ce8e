"""Call the setting ``authorize``: the app decides who may listen on a channel."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import TimeoutError as FutureTimeoutError

from ..hub.authorization import AuthorizationTimeout, Outcome, Permission
from ..protocol import Subscribe
from ..runtime import Runtime
from .allowance import Allowance
from .call_app import AppCaller, OpenRequest
from .pace import Pace
from .subscribe_outcome import subscribe_outcome


async def authorize_subscribe(
    runtime: Runtime,
    open_request: OpenRequest,
    subscribe: Subscribe,
    allowance: Allowance | Pace | None = None,
) -> Outcome:
    """Return what a subscribe is permitted, without blocking the loop.

    The token of a protected channel and the app have to agree, see ``subscribe_outcome``.
    ``authorize`` denies by False. It also denies if it raises, or returns neither a bool nor what
    ``allow`` returns; that is logged.

    Args:
        runtime: has the setting, and calls it.
        open_request: opens the request of the browser.
        subscribe: the frame of the browser.
        allowance: bounds the calls for a poll, or counts those for a websocket.

    Raises:
        ProtocolError: the allowance is used up.
    """
    outcome, deadline = subscribe_outcome(runtime, subscribe, allowance), _deadline(allowance)
    return await runtime.part(AppCaller).run(outcome, open_request, deadline)


def authorize_subscribe_sync(
    runtime: Runtime,
    open_request: OpenRequest,
    subscribe: Subscribe,
    allowance: Allowance | Pace | None = None,
) -> Outcome:
    """Do the same in a thread that may wait."""
    outcome, deadline = subscribe_outcome(runtime, subscribe, allowance), _deadline(allowance)
    return runtime.part(AppCaller).run_sync(outcome, open_request, deadline)


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
    if not runtime.settings.restricts_listening:
        return Permission()
    future = asyncio.run_coroutine_threadsafe(
        authorize_subscribe(runtime, open_request, subscribe, allowance), loop
    )
    try:
        return future.result(max(0.0, allowance.deadline() - time.monotonic()) + 1)
    except FutureTimeoutError:  # Python 3.10 has its own class for futures
        future.cancel()
        return AuthorizationTimeout()


def _deadline(allowance: Allowance | Pace | None) -> float | None:
    return None if allowance is None else allowance.deadline()
