"""Guard an endpoint: by origins, and by the hooks that Dash calls before it opens a websocket.

``origin`` has the rules; this calls the app.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..protocol import Close, Rejection
from ..runtime import Runtime
from ..settings import Settings
from ..telemetry.events import log_event
from .call_app import AppCall, AppCaller, AppCalls, OpenRequest
from .origin import RequestHead, rejection
from .rates import Rates
from .time_limit import CallRaised, CallTimedOut

logger = logging.getLogger("dash_pipe")


@dataclass(frozen=True)
class Guard:
    """Decide who may use the endpoint of one app.

    Attributes:
        origins: the origins that the app allows, in addition to the setting ``allowed_origins``,
            as ``parse_origin`` returns them.
        hosts: returns the names of this server, if the setting ``allowed_hosts`` has none.
        connect_hooks: returns the functions that Dash calls before it opens its own websocket
            (``dash.hooks.websocket_connect``). They are called for ours, too.
    """

    origins: Sequence[str] = ()
    hosts: Callable[[], Sequence[str]] = tuple
    connect_hooks: Callable[[], Sequence[Callable[[Any], Any]]] = tuple

    async def rejection(
        self, runtime: Runtime, head: RequestHead, open_request: OpenRequest
    ) -> Rejection | None:
        """Return why a browser may not use the endpoint; None if it may.

        Args:
            runtime: has the settings, and calls the hooks.
            head: the request.
            open_request: opens the request, as the hooks expect it, for each of them.
        """
        if found := self._early_rejection(runtime, head):
            return found
        return await runtime.part(AppCaller).run(self._hooks_rejection(runtime), open_request)

    def rejection_sync(
        self, runtime: Runtime, head: RequestHead, open_request: OpenRequest
    ) -> Rejection | None:
        """Do the same in a thread that may wait."""
        if found := self._early_rejection(runtime, head):
            return found
        return runtime.part(AppCaller).run_sync(self._hooks_rejection(runtime), open_request)

    def _early_rejection(self, runtime: Runtime, head: RequestHead) -> Rejection | None:
        """Return why it is rejected before code of the app is called."""
        if found := runtime.part(Rates).rejection(head):
            return found
        settings = runtime.settings
        origins = (*settings.allowed_origins, *self.origins)
        return rejection(head, origins, settings.allowed_hosts or self.hosts())

    def _hooks_rejection(self, runtime: Runtime) -> AppCalls[Rejection | None]:
        """Call the hooks. As in Dash, a hook rejects with ``False`` or ``(code, reason)``."""
        log = runtime.diagnostics.limited_log
        for hook in self.connect_hooks():
            answer = yield AppCall(hook, hook)
            if isinstance(answer, CallTimedOut):
                log.warning(
                    f"dash-pipe: a websocket_connect hook {answer.why}; the page will retry",
                    extra=log_event("hook_timed_out", reason=answer.why),
                )
                return (
                    Close.TRY_LATER,
                    "a websocket_connect hook timed out; the page will retry",
                )
            if isinstance(answer, CallRaised):
                log.raised(
                    "dash-pipe: a websocket_connect hook raised %s; access denied",
                    answer.error,
                    extra=log_event("hook_raised"),
                )
            if answer is False or isinstance(answer, CallRaised):
                return Close.UNAUTHORIZED, "a websocket_connect hook of this app denied access"
            if isinstance(answer, tuple):
                reason = str(answer[-1])
                return (
                    Close.UNAUTHORIZED,
                    f"a websocket_connect hook of this app denied access: {reason}",
                )
        return None


class HttpOnlyWarning:
    """Warn once when an app guards its pages, but nothing guards its websocket.

    Args:
        guard: the guard of the app.
        http_guards: returns the names of guards for HTTP alone. Called late, as an app may add one
            at any time.
        backend: the name of the backend in the log.
    """

    def __init__(self, guard: Guard, http_guards: Callable[[], list[str]], backend: str) -> None:
        self._guard = guard
        self._http_guards = http_guards
        self._backend = backend
        self._checked = False

    def check(self, settings: Settings) -> None:
        """Check, at the first call only."""
        if self._checked:
            return
        self._checked = True
        names = self._http_guards()
        if names and settings.authorize is None and not self._guard.connect_hooks():
            logger.warning(
                "dash-pipe: %s on %s guards HTTP requests but does not run for websockets, so "
                "everybody who reaches this server can listen on every channel. Restrict it with "
                "dash_pipe.configure(authorize=...) or dash.hooks.websocket_connect, or allow "
                "everybody with authorize=lambda *_: True.",
                ", ".join(names),
                self._backend,
                extra=log_event("websockets_unguarded"),
            )
