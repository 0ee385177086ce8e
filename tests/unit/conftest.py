import socket
from collections.abc import Iterator

import pytest

from unit.fakes import Clock, Room


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room() -> Room:
    return Room()


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
            browser = socket.create_connection(listener.getsockname(), timeout=5)
            server, _ = listener.accept()
    browser.settimeout(5)
    with browser, server:
        yield browser, server
