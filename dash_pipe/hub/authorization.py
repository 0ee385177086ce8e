"""Ask whether a session may listen: the callable that each connection brings, and its outcomes.

It answers at once, or says that the outcome follows: ``Hub.resolve_authorization`` takes it then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..protocol import Denied, Subscribe
from .session import Session


@dataclass(frozen=True)
class AuthorizationTimeout:
    """No answer came in time. Nothing is granted, and the browser may come back and ask again."""


@dataclass(frozen=True)
class Pending:
    """The outcome follows. Until then the host takes nothing more from the browser.

    What it had taken already waits in the session.
    """


Outcome = Denied | AuthorizationTimeout
"""The labels of a subscribe that are denied, none of them if it is granted; or no answer."""

Authorize = Callable[[Session, Subscribe], Outcome | Pending]
"""Says what of a subscribe is denied; a ``ProtocolError`` that it raises is sent to the browser."""


def allow_all(_session: Session, _subscribe: Subscribe) -> Denied:
    """Let everybody listen everywhere; an ``Authorize``."""
    return frozenset()
