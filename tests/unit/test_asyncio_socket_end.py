"""The end of an asyncio socket: by the browser, by the hub, by a lost connection."""

import asyncio

import pytest

from dash_pipe.protocol import Close
from dash_pipe.transports import asyncio_socket
from unit.fakes import Room
from unit.page import Page, with_page


@with_page
def test_browser_close_is_answered_and_ends_the_session(room: Room, page: Page) -> None:
    page.subscribe()
    page.sends(page.ws.send_close, 1000)
    assert page.close_code == 1000
    assert page.transport.closed
    room.send("jobs", 1)  # nothing is written; otherwise the transport complains
    page.connection.connection_lost(None)
    assert page.gone == [page.connection]
    assert len(room.hub) == 0
    room.send("jobs", 1)
    page.connection.pause_writing()
    page.connection.close(Close.GOING_AWAY, "bye")


@with_page
def test_lost_connection_ends_the_session(room: Room, page: Page) -> None:
    page.subscribe()
    page.connection.eof_received()
    page.connection.connection_lost(ConnectionResetError())
    assert page.gone == [page.connection]
    assert room.broker._open == {}
    room.send("jobs", 1)


@with_page
def test_close_by_the_hub_waits_for_the_browsers_close_frame(room: Room, page: Page) -> None:
    page.subscribe()
    for _ in range(16):
        page.sends(page.ws.send_text, b"?")
    assert page.close_code == 4400
    assert not page.transport.closed  # the browser answers first
    page.deliver(b"".join(page.ws.data_to_send()))
    assert page.transport.closed


def test_unanswered_close_aborts_the_transport(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio_socket, "CLOSE_TIMEOUT", 0)

    async def main() -> tuple[bool, bool]:
        cut, lost = Page(room), Page(room)
        cut.connection.close(Close.GOING_AWAY, "bye")
        lost.connection.close(Close.GOING_AWAY, "bye")
        lost.connection.connection_lost(None)
        due = asyncio.Event()
        asyncio.get_running_loop().call_later(asyncio_socket.CLOSE_TIMEOUT, due.set)
        await due.wait()  # as are the timers set before
        return cut.transport.aborted, lost.transport.aborted

    assert asyncio.run(main()) == (True, False)


@with_page
def test_session_over_max_sessions_closes_with_1013(room: Room, page: Page) -> None:
    room.hub._policy = type(room.hub._policy)(max_sessions=1)
    late = Page(room)
    assert late.close_code == 1013
    late.connection.connection_lost(None)
    assert len(room.hub) == 1
