"""The loop thread with a real socket pair: start, end, fork."""

import os
import socket
import threading
from collections.abc import Iterator

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.transports import loop_hub
from dash_pipe.transports import loop_thread as loop_thread_module
from dash_pipe.transports.framing import websocket
from dash_pipe.transports.loop_thread import LoopThread, loop_thread
from harness.wait import TIMEOUT
from unit.fakes import needs_descriptors
from unit.line import Line
from unit.processes import check_child_drops_browsers, forks, kill

pytestmark = needs_descriptors  # this thread serves only sockets that were taken over


@pytest.fixture
def thread() -> LoopThread:
    return loop_thread(runtime.current())


class Page(Line):
    """A browser that the loop thread serves."""

    def __init__(self, thread: LoopThread) -> None:
        super().__init__()
        self.theirs.setblocking(False)
        thread.adopt(self.theirs, *self.handshake, None, None)
        self.next()


@pytest.fixture
def page(thread: LoopThread) -> Iterator[Page]:
    page = Page(thread)
    yield page
    page.sock.close()


def test_loop_thread_is_shared_and_a_daemon(thread: LoopThread) -> None:
    assert loop_thread(runtime.current()) is thread
    assert thread._thread.daemon


def test_publish_after_subscribe_delivers_message(page: Page) -> None:
    assert page.subscribe("jobs")["type"] == "subscribed"
    dash_pipe.send_to_pipe_channel("jobs", "a", "hello")
    assert page.frame()["messages"][0][:3] == [1, "a", "hello"]


def test_disconnected_browser_is_removed(thread: LoopThread, page: Page) -> None:
    other = Page(thread)
    other.subscribe("jobs")
    page.subscribe("jobs")
    page.sock.close()
    for number in range(1000):
        dash_pipe.send_to_pipe_channel("jobs", "a", number)
        other.frame()
        if len(thread._sockets) == 1:
            break
    assert len(thread._sockets) == thread._hub.connections == 1
    other.sock.close()


def test_goodbye_closes_with_1001(thread: LoopThread, page: Page) -> None:
    page.subscribe("jobs")
    thread.goodbye()
    assert page.close_code() == 1001


def test_end_aborts_a_browser_that_does_not_answer(
    thread: LoopThread, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_thread_module, "GOODBYE_TIMEOUT", 0)
    page.subscribe("jobs")
    runtime.current().end()
    assert page.close_code() == 1001
    assert page.sock.recv(100) == b""
    thread._thread.join(TIMEOUT)  # `end` does not wait as long
    assert thread._loop.is_closed()


def test_loop_that_ends_after_the_timeout_is_closed(
    thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def keep_busy() -> None:
        thread._loop.call_soon_threadsafe(go_on.wait, TIMEOUT)

    monkeypatch.setattr(loop_thread_module, "GOODBYE_TIMEOUT", 0)
    monkeypatch.setattr(thread, "goodbye", keep_busy)
    runtime.current().end()
    assert not thread._loop.is_closed()
    go_on.set()
    thread._thread.join(TIMEOUT)
    assert thread._loop.is_closed()


def test_goodbye_of_a_busy_loop_times_out_and_logs(
    thread: LoopThread,
    page: Page,  # so the loop runs
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(loop_hub, "GOODBYE_TIMEOUT", 0.01)
    ready, go_on = os.pipe()
    thread._loop.call_soon_threadsafe(os.read, ready, 1)  # keeps the loop busy
    thread.goodbye()
    os.write(go_on, b"!")
    assert "too busy to tell" in caplog.text
    os.close(go_on)
    thread._loop.call_soon_threadsafe(os.close, ready)


def test_adopt_of_a_closed_socket_logs_and_forgets_it(
    thread: LoopThread, caplog: pytest.LogCaptureFixture
) -> None:
    closed, other = socket.socketpair()
    closed.close()
    other.close()
    server = websocket()
    server.receive_data(b"GET / HTTP/1.1\r\n\r\n")
    thread.adopt(closed, server, server.reject(400, ""), None, None)
    Page(thread).sock.close()  # the loop has come past it then
    assert "could not be taken over" in caplog.text
    assert closed not in thread._sockets.values()


def test_killed_loop_thread_is_replaced(thread: LoopThread, page: Page) -> None:
    page.subscribe("jobs")
    kill(thread._thread)
    other = Page(thread)
    assert page.close_code() == 1001  # its app has ended
    assert other.subscribe("jobs")["type"] == "subscribed"
    dash_pipe.send_to_pipe_channel("jobs", "a", "hello")
    assert other.frame()["messages"][0][2] == "hello"
    other.sock.close()


class TestAfterFork:
    pytestmark = forks

    def test_child_drops_the_parents_browsers(self, thread: LoopThread, page: Page) -> None:
        assert loop_thread(runtime.current()) is thread
        check_child_drops_browsers(LoopThread, page)
