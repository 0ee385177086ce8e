"""Decide whether a session may listen: the callable of each connection, and its outcomes.

It returns the outcome, or ``Pending`` if ``Hub.resolve_authorization`` gets it later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..protocol import Denied, Subscribe
from .session import Session


@dataclass(frozen=True)
class AuthorizationTimeout:
    """No answer came in time. Nothing is granted; the browser will retry."""


@dataclass(frozen=True)
class Pending:
    """The outcome follows. Until then the transport reads nothing more from the browser.

    Frames that were read already wait in the session.
    """


Outcome = Denied | AuthorizationTimeout
"""The denied labels of a subscribe, none if all are granted; or a timeout."""

Authorize = Callable[[Session, Subscribe], Outcome | Pending]
"""Authorize a subscribe. A ``ProtocolError`` that it raises is sent to the browser."""


def allow_all(_session: Session, _subscribe: Subscribe) -> Denied:
    """Grant everything; an ``Authorize``."""
    return frozenset()
