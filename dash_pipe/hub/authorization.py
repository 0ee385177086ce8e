"""The outcomes of ``authorize`` for a subscribe: denied labels, a timeout, or pending. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import Denied, Subscribe


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


def allow_all(_session: object, _subscribe: Subscribe) -> Denied:
    """Grant everything; see ``Session.authorize``."""
    return frozenset()
