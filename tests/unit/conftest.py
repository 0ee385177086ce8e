import socket
import threading
from collections.abc import Iterator

import pytest

from harness.wait import TIMEOUT
from unit.fakes import Clock, MirrorRoom, Room


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def mirrored(clock: Clock) -> MirrorRoom:
    return MirrorRoom(clock)


@pytest.fixture
def database() -> Iterator[None]:
    """Open the database of the tests' Django project (harness/project.py)."""
    from django.db import connection

    connection.ensure_connection()
    yield
    connection.close()


@pytest.fixture(params=["tcp", "pair"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return the browser's end of a connection, and the server's."""
    if request.param == "pair":
        browser, server = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            browser = socket.create_connection(listener.getsockname(), timeout=TIMEOUT)
            server, _ = listener.accept()
    browser.settimeout(TIMEOUT)
    with browser, server:
        yield browser, server


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The ends of the socket pairs that the test's thread makes from now on."""
    made: list[socket.socket] = []
    make, thread = socket.socketpair, threading.get_ident()

    def socketpair() -> tuple[socket.socket, socket.socket]:
        ends = make()
        if threading.get_ident() == thread:
            made.extend(ends)
        return ends

    monkeypatch.setattr(socket, "socketpair", socketpair)
    return made
