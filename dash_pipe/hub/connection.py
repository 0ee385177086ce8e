"""Connect a websocket to a hub. Its handshake decides which frames it speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .authorization import Authorize
from .dpd_frames import DpdTransport
from .hub import Hub
from .session import Session, Transport


@dataclass(frozen=True, slots=True)
class Connection:
    """A websocket that a hub has taken in.

    Attributes:
        receive: takes a frame from the browser.
    """

    session: Session
    receive: Callable[[str], None]


def connect(
    hub: Hub, transport: Transport, authorize: Authorize, subprotocol: str | None
) -> Connection | None:
    """Bring a browser to a hub; ``None`` when it was closed for lack of room.

    A page of django-plotly-dash offers no subprotocol. So may a client of version 1: a websocket
    without one is listened to for both, and every other for version 1 alone.

    Args:
        hub: the hub; called in its own thread.
        transport: carries frames to the browser.
        authorize: see ``Hub.connect``.
        subprotocol: the one that was agreed on in the handshake.
    """
    if subprotocol is None:
        return _connect_dpd(hub, transport, authorize)
    session = hub.connect(transport, authorize)
    return None if session is None else Connection(session, partial(hub.receive, session))


def _connect_dpd(hub: Hub, transport: Transport, authorize: Authorize) -> Connection | None:
    def answer(frame: str) -> None:
        if session is not None:
            hub.receive_soon(session, frame)

    def receive(text: str) -> None:
        if session is not None:
            for frame in page.frames(text):
                hub.receive(session, frame)

    page = DpdTransport(transport, answer, hub.clock)
    session = hub.connect(page, authorize)
    return None if session is None else Connection(session, receive)
