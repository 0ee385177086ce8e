"""Decide what a subscribe is permitted: by its token, and by the app."""

from __future__ import annotations

from dataclasses import replace

from ..hub.authorization import AuthorizationTimeout, Outcome
from ..permission import earliest
from ..protocol import Denied, Subscribe
from ..runtime import Runtime
from .allowance import Allowance
from .call_app import AppCalls
from .pace import Pace
from .subscribe_calls import SubscribeCalls
from .token_check import TokenCheck


def subscribe_outcome(
    runtime: Runtime, subscribe: Subscribe, allowance: Allowance | Pace | None
) -> AppCalls[Outcome]:
    """Yield the calls of ``authorize`` for a subscribe; return the outcome.

    Its token and ``authorize`` have to agree. The app is not called for what the token does not
    allow, and the permission ends with the first of the two.

    Args:
        runtime: has the settings.
        subscribe: the frame of the browser.
        allowance: see ``SubscribeCalls``.
    """
    by_token = TokenCheck(runtime).permission(subscribe)
    left = _without(subscribe, by_token.denied)
    if left is None:
        return by_token
    calls = SubscribeCalls(left, allowance, runtime.diagnostics.limited_log)
    outcome = yield from calls.outcome(runtime.settings.authorize)
    if isinstance(outcome, AuthorizationTimeout):
        return outcome
    denied, until = outcome.denied | by_token.denied, earliest(outcome.until, by_token.until)
    return replace(outcome, denied=denied, until=until, refresh=by_token.refresh)


def _without(subscribe: Subscribe, denied: Denied) -> Subscribe | None:
    """Return a subscribe without labels that are denied; None if no label is left."""
    if not denied:
        return subscribe
    labels = (subscribe.labels or frozenset()) - denied
    hint = subscribe.hint and None not in denied
    return replace(subscribe, labels=labels, hint=hint) if labels else None
