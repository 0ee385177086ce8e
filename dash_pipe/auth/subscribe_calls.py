"""Decide which calls of ``authorize`` a subscribe needs, and what follows from their answers."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Generator
from functools import lru_cache

from ..hub.authorization import AuthorizationTimeout, Outcome, Permission
from ..log import Labels
from ..permission import Allowed, earliest
from ..protocol import Denied, Subscribe
from ..settings import Authorize, FunctionPath
from ..telemetry.events import log_event
from ..telemetry.limited_log import LimitedLog
from .allowance import Allowance
from .call_app import AppCall, AppCalls
from .pace import Pace
from .time_limit import CallRaised, CallTimedOut


class SubscribeCalls:
    """The calls of ``authorize`` for one subscribe.

    Args:
        subscribe: the frame of the browser.
        allowance: has answers already, and bounds the calls; or counts them, for websockets.
        log: for what goes wrong.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        subscribe: Subscribe,
        allowance: Allowance | Pace | None,
        log: LimitedLog,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._subscribe = subscribe
        self._allowance = allowance
        self._log = log
        self._wall_clock = wall_clock
        self._until: float | None = None
        self._raised = False
        self._user: str | None = None

    def outcome(self, authorize: Authorize | None) -> AppCalls[Outcome]:
        """Yield the calls; return the permission, or a timeout."""
        if authorize is None:
            return Permission()
        if isinstance(authorize, FunctionPath):
            result = yield from _load(authorize)
            if isinstance(result, CallTimedOut):
                return self._timeout(result)
            if not self._is_allowed(result):
                return self._permission(frozenset(self._subscribe.labels or {None}))
            authorize = authorize.load()
        denied = yield from self._denied(authorize)
        if isinstance(denied, AuthorizationTimeout):
            return denied
        if self._needs_every_label(denied):
            answer = yield from self._answer(authorize, None)
            denied = denied if self._allows(answer) else denied | {None}
        return self._permission(denied)

    def _permission(self, denied: Denied) -> Permission:
        return Permission(denied, self._until, self._raised, user=self._user)

    def _needs_every_label(self, denied: Denied) -> bool:
        """Return whether a hint is requested, which names every label, beside granted labels."""
        subscribe = self._subscribe
        return subscribe.hint and bool((subscribe.labels or frozenset()) - denied)

    def _denied(self, authorize: Authorize) -> AppCalls[Denied | AuthorizationTimeout]:
        sets = label_sets(self._subscribe.labels)
        labels = next(sets)
        while True:
            answer = yield from self._answer(authorize, labels)
            if isinstance(answer, CallTimedOut):
                return self._timeout(answer)
            try:
                labels = sets.send(self._is_allowed(answer))
            except StopIteration as end:
                denied: Denied = end.value
                return denied

    def _answer(self, authorize: Authorize, labels: Labels) -> AppCalls[object]:
        """Call ``authorize``, unless the allowance has its answer."""
        subscribe, allowance = self._subscribe, self._allowance
        if allowance is not None and allowance.has(subscribe, labels):
            return allowance.answer(subscribe, labels)
        answer = yield _app_call(authorize, subscribe, labels)
        if allowance is not None:
            allowance.put(subscribe, labels, answer)
        return answer

    def _timeout(self, call: CallTimedOut) -> AuthorizationTimeout:
        self._log.warning(  # each reason is a kind of its own
            f"dash-pipe: authorize() for channel %r {call.why}; the page will retry",
            self._subscribe.channel,
            extra=log_event(
                "authorize_timed_out", channel=self._subscribe.channel, reason=call.why
            ),
        )
        return AuthorizationTimeout()

    def _is_allowed(self, answer: object) -> bool:
        """Return whether an answer allows; note until when, and log what is wrong with it."""
        if isinstance(answer, Allowed):
            if self._allows(answer):
                self._until = earliest(self._until, answer.until)
                self._user = answer.user or self._user
        elif isinstance(answer, CallRaised):
            self._raised = True
            self._log.raised(
                "dash-pipe: authorize() raised %s for channel %r; access denied",
                answer.error,
                self._subscribe.channel,
                extra=log_event("authorize_raised", channel=self._subscribe.channel),
            )
        elif answer is not None and not isinstance(answer, bool):
            self._log.warning(
                "dash-pipe: authorize() must return True, False or dash_pipe.allow(until=...), but "
                "returned %.300r; access denied",
                answer,
                extra=log_event("authorize_returned_no_bool", channel=self._subscribe.channel),
            )
        return self._allows(answer)

    def _allows(self, answer: object) -> bool:
        """Return whether an answer allows. A truthy object may be a response that denies."""
        if isinstance(answer, Allowed):
            return answer.until is None or answer.until > self._wall_clock()
        return answer is True


def _load(path: FunctionPath) -> AppCalls[object]:
    """Import the function in a thread, with a time limit. Return whether it was imported."""
    if path.function is not None:
        return True
    result = yield AppCall(path.load, lambda _: path.load() is not None)
    return result


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
