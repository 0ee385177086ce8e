"""The outcomes of ``authorize`` for a subscribe: a permission, a timeout, or pending. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import ProtocolError
from ..protocol import Denied, Subscribe


@dataclass(frozen=True)
class Permission:
    """The answer of the app to a subscribe.

    Attributes:
        denied: the labels that it denies, none if all are granted.
        until: when the permission for the others ends, in seconds since the epoch; None if it has
            no end.
        raised: whether labels are denied because ``authorize`` raised an exception.
        refresh: the seconds until the page should get a fresh token; None if it can't.
        user: the name of the user; None if the app has not told it.
    """

    denied: Denied = frozenset()
    until: float | None = None
    raised: bool = False
    refresh: float | None = None
    user: str | None = None


@dataclass(frozen=True)
class AuthorizationTimeout:
    """No answer came in time. Nothing is granted; the browser will retry."""


@dataclass(frozen=True)
class Pending:
    """The outcome follows. Until then the transport reads nothing more from the browser.

    Frames that were read already wait in the session.
    """


Outcome = Permission | AuthorizationTimeout


def allow_all(_session: object, _subscribe: Subscribe) -> Permission:
    """Grant everything; see ``Session.authorize``."""
    return Permission()


def granted(subscribe: Subscribe, denied: Denied) -> Subscribe:
    """Return a subscribe without the labels that are denied.

    Raises:
        ProtocolError: no label is left. An existing subscription stays as it was.
    """
    if not denied:
        return subscribe
    labels = None if subscribe.labels is None else subscribe.labels - denied
    if not labels:
        reason = (
            "this app does not let you listen there: by its setting `authorize`, or because the "
            "channel is protected and the Pipe's `token` is not valid (the log of the server says "
            "why); the Pipe tries again when it changes"
        )
        raise ProtocolError("denied", reason, subscribe.channel)
    return replace(subscribe, labels=labels, denied=denied)
