"""What guards an endpoint: origins, and the hooks that Dash asks before it opens a websocket.

What is decided where: ``access`` knows the rules, this asks the app.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import runtime
from ..protocol import Close
from .call_app import AppCall, AppCalls, CallRaised, CallTimedOut, run_calls, run_calls_sync
from .origin import Rejection, rejection

logger = logging.getLogger("dash_pipe")


@dataclass(frozen=True)
class Guard:
    """Who may use the endpoint of one app.

    Attributes:
        origins: what the app allows beside the setting ``allowed_origins``.
        connect_hooks: gives the functions that Dash asks before it opens a websocket of its own
            (``dash.hooks.websocket_connect``); they are asked for ours too.
    """

    origins: Sequence[str] = ()
    connect_hooks: Callable[[], Sequence[Callable[[Any], Any]]] = tuple

    async def rejection(self, headers: Mapping[str, str], request: Any) -> Rejection | None:
        """Why a browser may not use the endpoint at all; ``None`` when it may.

        Args:
            headers: of its request, by lower-case name.
            request: the same as the hooks are given it.
        """
        found = self._origin_rejection(headers)
        return found or await run_calls(self._hooks_rejection(), partial(nullcontext, request))

    def rejection_now(self, headers: Mapping[str, str], request: Any) -> Rejection | None:
        """Say the same in a thread that may wait."""
        found = self._origin_rejection(headers)
        return found or run_calls_sync(self._hooks_rejection(), partial(nullcontext, request))

    @property
    def authorizes(self) -> bool:
        """Whether the app wants to be asked who may listen where."""
        return runtime.current().settings.authorize is not None

    @property
    def asks_on_the_loop(self) -> bool:
        """Whether the app answers in a coroutine, which belongs to the server's loop."""
        return inspect.iscoroutinefunction(runtime.current().settings.authorize)

    def _origin_rejection(self, headers: Mapping[str, str]) -> Rejection | None:
        return rejection(headers, (*runtime.current().settings.allowed_origins, *self.origins))

    def _hooks_rejection(self) -> AppCalls[Rejection | None]:
        """What the hooks say; as Dash wants it, ``False`` and ``(code, reason)`` refuse."""
        for hook in self.connect_hooks():
            answer = yield AppCall(hook, hook)
            if isinstance(answer, CallTimedOut):
                logger.warning(
                    "dash-pipe: a websocket_connect hook %s; the page is to come back later",
                    answer.why,
                )
                return (
                    Close.TRY_LATER,
                    "a websocket_connect hook of this app did not answer in time",
                )
            if isinstance(answer, CallRaised):
                logger.error(
                    "dash-pipe: a websocket_connect hook failed, and so refuses",
                    exc_info=answer.error,
                )
            if answer is False or isinstance(answer, CallRaised):
                return Close.UNAUTHORIZED, "a websocket_connect hook of this app refused"
            if isinstance(answer, tuple):
                reason = str(answer[-1])
                return Close.UNAUTHORIZED, f"a websocket_connect hook of this app refused: {reason}"
        return None
