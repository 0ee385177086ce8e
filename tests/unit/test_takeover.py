"""Taking over the socket of a server."""

import errno
import os
import socket
from typing import Any

import pytest

from dash_pipe.transports.takeover import take_over
from harness.wait import TIMEOUT
from unit.fakes import are_closed, is_last_descriptor, needs_descriptors

pytestmark = needs_descriptors


def test_taken_over_socket_reaches_the_browser_and_the_servers_does_not(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    browser, server = ends
    ours = take_over(server)
    with ours:
        assert not ours.getblocking()
        assert not os.get_inheritable(server.fileno())
        assert not os.get_inheritable(ours.fileno())
        server.shutdown(socket.SHUT_RDWR)  # as gunicorn does
        server.close()
        ours.sendall(b"ours")
        assert browser.recv(100) == b"ours"
        browser.sendall(b"hello")
        ours.settimeout(TIMEOUT)
        assert ours.recv(100) == b"hello"
    assert browser.recv(100) == b""  # it was the last descriptor


def test_answer_of_the_server_after_takeover_fails_so_it_ends_the_connection(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours = take_over(ends[1])
    ends[1].settimeout(TIMEOUT)
    with ours, pytest.raises(BrokenPipeError):
        ends[1].sendall(b"HTTP/1.1 101 the server's")
    assert ends[1].recv(1) == b""


def test_takeover_leaks_no_descriptor(
    ends: tuple[socket.socket, socket.socket], pairs: list[socket.socket]
) -> None:
    ours = take_over(ends[1])
    ours.close()
    assert ends[0].recv(1) == b""
    assert len(pairs) == 2
    assert are_closed(pairs)


@pytest.mark.parametrize("name", ["dup", "dup2"])
def test_takeover_with_failing_dup_leaks_no_descriptor(
    name: str,
    ends: tuple[socket.socket, socket.socket],
    pairs: list[socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fails)
        with pytest.raises(OSError, match="too many"):
            take_over(ends[1])
    assert are_closed(pairs)
    ends[1].sendall(b"still the server's")
    assert ends[0].recv(100) == b"still the server's"
    assert is_last_descriptor(ends[1], ends[0])


def test_takeover_with_failing_socketpair_leaks_no_descriptor(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", fails)
        with pytest.raises(OSError, match="too many"):
            take_over(ends[1])
    assert is_last_descriptor(ends[1], ends[0])
