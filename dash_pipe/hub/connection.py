"""Connect a websocket to a hub. Its handshake decides which frames it may speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .dpd_frames import DpdTransport, DpdValues
from .hub import Hub
from .session import Authorize, Renew, Session, Transport


@dataclass(frozen=True, slots=True)
class Connection:
    """A websocket's session, and the function that takes its frames.

    Attributes:
        receive: takes a frame from the browser.
    """

    session: Session
    receive: Callable[[str], None]


def connect(
    hub: Hub,
    transport: Transport,
    authorize: Authorize,
    subprotocol: str | None,
    renew: Renew | None = None,
) -> Connection | None:
    """Open a session for a websocket; see ``Hub.connect``.

    A page of django-plotly-dash offers no subprotocol, and a client of version 1 need not. So a
    websocket without one may speak both, where the policy says so; every other speaks version 1
    alone.

    Args:
        hub: opens the session.
        transport: carries frames to the browser.
        authorize: see ``Hub.connect``.
        subprotocol: the one that was agreed on in the handshake.
        renew: see ``Hub.connect``.
    """
    if subprotocol is None and hub.dpd_values is not None:
        return _connect_dpd(hub, transport, authorize, hub.dpd_values, renew)
    session = hub.connect(transport, authorize, renew)
    return None if session is None else Connection(session, partial(hub.receive, session))


def _connect_dpd(
    hub: Hub,
    transport: Transport,
    authorize: Authorize,
    values: DpdValues,
    renew: Renew | None,
) -> Connection | None:
    def answer(frame: str) -> None:
        if session is not None:
            hub.receive_soon(session, frame)

    def receive(text: str) -> None:
        if session is not None and hub.admits(session, text):
            for frame in page.frames(text):
                hub.handle(session, frame)
            session.alive_until = page.alive_until

    page = DpdTransport(transport, answer, hub.clock, values)
    session = hub.connect(page, authorize, renew)
    return None if session is None else Connection(session, receive)
