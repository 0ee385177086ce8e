"""The outcomes of ``authorize`` for a subscribe: denied labels, a timeout, or pending. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import ProtocolError
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
            "this app does not let you listen there; its setting `authorize` decides, and is "
            "called again when the Pipe changes"
        )
        raise ProtocolError("denied", reason, subscribe.channel)
    return replace(subscribe, labels=labels, denied=denied)
