"""One thread per browser, with real socket pairs."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.hub.authorization import allow_all
from dash_pipe.protocol import Close
from dash_pipe.transports import thread_hub as hub_module
from dash_pipe.transports import thread_socket
from dash_pipe.transports.thread_hub import ThreadHub, thread_hub
from dash_pipe.transports.thread_socket import ThreadSocket
from harness.wait import TIMEOUT
from unit.line import Line
from unit.processes import check_child_drops_browsers, forks, kill


class Page(Line):
    """A browser, and the thread that serves it."""

    def __init__(
        self, rejection: tuple[Close, str] | None = None, open_request: Any = None, **line: Any
    ) -> None:
        super().__init__(**line)
        browser = ThreadSocket(
            thread_hub(runtime.current()), self.theirs, self.handshake, rejection, open_request
        )
        self.thread = threading.Thread(target=browser.serve, daemon=True)
        self.thread.start()
        self.next()

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()
        self.thread.join(TIMEOUT)
        assert not self.thread.is_alive()
        self.theirs.close()


@pytest.fixture
def shared() -> ThreadHub:
    return thread_hub(runtime.current())


@pytest.fixture
def page() -> Iterator[Page]:
    with Page() as page:
        yield page


def test_thread_hub_is_shared(shared: ThreadHub) -> None:
    assert thread_hub(runtime.current()) is shared


def test_publish_after_subscribe_delivers_message(page: Page) -> None:
    assert page.subscribe("jobs")["type"] == "subscribed"
    dash_pipe.send_to_pipe_channel("jobs", "a", "hello")
    assert page.frame()["messages"][0][:3] == [1, "a", "hello"]


def test_two_browsers_receive_the_same_messages_in_order(page: Page) -> None:
    with Page() as other:
        for each in (page, other):
            each.subscribe("jobs")
        for number in range(100):
            dash_pipe.send_to_pipe_channel("jobs", "a", number)
        for each in (page, other):
            heard: list[int] = []
            while len(heard) < 100:
                heard += [row[2] for row in each.frame()["messages"]]
            assert heard == list(range(100))


def test_disconnected_browser_is_removed(shared: ThreadHub, page: Page) -> None:
    with Page() as other:
        other.subscribe("jobs")
        assert len(shared.hub) == 2
    assert len(shared.hub) == len(shared._open) == 1


def test_rejection_closes_with_its_code(shared: ThreadHub) -> None:
    with Page(rejection=(Close.ORIGIN, "no")) as page:
        assert page.close_code() == 4403
        page.flush()
        page.thread.join(TIMEOUT)
        assert not page.thread.is_alive()
        assert len(shared.hub) == 0


def test_unsupported_version_closes_with_4406() -> None:
    with Page(subprotocol="dash-pipe.v9") as page:
        assert page.close_code() == 4406


def test_binary_frame_closes_with_1003(page: Page) -> None:
    page.ws.send_binary(b"x")
    page.flush()
    assert page.close_code() == 1003


def test_missing_pong_closes_with_4408_and_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    dash_pipe.configure(heartbeat_interval=0.05)
    monkeypatch.setattr(thread_socket, "CLOSE_TIMEOUT", 0.05)
    with Page() as page:
        assert page.close_code() == 4408
        page.thread.join(TIMEOUT)  # although the close is not answered either
        assert not page.thread.is_alive()


def test_browser_that_reads_no_answers_is_not_read(page: Page) -> None:
    page.subscribe("jobs")
    page.ws.send_text(b'{"type":"replay","id":1,"channel":"jobs","labels":null,"last":1}')
    asking = b"".join(page.ws.data_to_send()) * 1000
    page.sock.settimeout(0.5)

    def ask_on() -> None:
        for _ in range(1000):
            page.sock.sendall(asking)

    with pytest.raises(TimeoutError):  # it waits for the answers to be read
        ask_on()


def test_goodbye_closes_with_1001(shared: ThreadHub, page: Page) -> None:
    page.subscribe("jobs")
    shared.goodbye()
    assert page.close_code() == 1001


def test_hub_that_has_ended_accepts_no_browser(shared: ThreadHub, page: Page) -> None:
    page.subscribe("jobs")
    shared.end()
    assert page.close_code() == 1001
    shared._thread.join(TIMEOUT)
    assert not shared._thread.is_alive()
    browser = ThreadSocket(shared, page.theirs, page.handshake, None, None)
    assert shared.connect(browser, allow_all, None) is None
    assert not browser._framing.open


def test_goodbye_with_a_blocked_writer_times_out(
    shared: ThreadHub, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "GOODBYE_TIMEOUT", 0.05)
    page.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    page.subscribe("jobs")
    dash_pipe.send_to_pipe_channel("jobs", "a", "x" * 60_000)
    page.sock.recv(1)  # the writer writes, and will hang: there is no room for the rest
    shared.goodbye()
    (transport,) = shared._open
    assert not transport.written.is_set()  # it has not waited for that


def test_slow_authorize_does_not_block_other_browsers() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def authorize(request: object, channel: str, labels: object) -> bool:
        assert request == "the request"
        asked.set()
        return go_on.wait(TIMEOUT) and channel == "jobs"

    dash_pipe.configure(authorize=authorize)
    request = contextlib.nullcontext("the request")
    with Page() as page, Page(open_request=lambda: request) as other:
        page.subscribe("jobs")
        other.send(b'{"type":"subscribe","channel":"jobs","labels":null}')
        assert asked.wait(TIMEOUT)
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)
        assert page.frame()["messages"][0][2] == 1
        go_on.set()
        assert other.frame()["type"] == "subscribed"
        assert other.subscribe("secret")["code"] == "denied"


def test_request_that_cannot_be_opened_denies_its_channel_only() -> None:
    asked = []

    def open_request() -> Any:
        asked.append("once")
        if len(asked) == 1:
            raise ZeroDivisionError
        return contextlib.nullcontext()

    dash_pipe.configure(authorize=lambda *_: True)
    with Page(open_request=open_request) as page:
        assert page.subscribe("jobs")["code"] == "denied"
        assert page.subscribe("news")["type"] == "subscribed"


def test_authorize_timeout_closes_with_1013() -> None:
    go_on = threading.Event()
    dash_pipe.configure(authorize=lambda *_: go_on.wait(TIMEOUT), authorize_timeout=0.05)
    with Page(open_request=contextlib.nullcontext) as page:
        page.send(b'{"type":"subscribe","channel":"jobs","labels":null}')
        assert page.close_code() == 1013
        page.flush()
    go_on.set()


def test_killed_hub_thread_is_replaced(shared: ThreadHub, page: Page) -> None:
    page.subscribe("jobs")
    kill(shared._thread)
    for number in range(2):
        dash_pipe.send_to_pipe_channel("jobs", "a", number)
        assert page.frame()["messages"][0][2] == number


def test_failing_flush_is_logged_and_delivery_continues(
    shared: ThreadHub, page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    page.subscribe("jobs")
    flush, failed = shared.hub.flush, threading.Event()

    def fails_once() -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("can't start new thread")
        flush()

    monkeypatch.setattr(shared.hub, "flush", fails_once)
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    assert failed.wait(TIMEOUT)
    dash_pipe.send_to_pipe_channel("jobs", "a", 2)
    assert page.frame()["messages"][0][2] == 1
    assert "can't start new thread" in caplog.text


class TestAfterFork:
    pytestmark = forks

    def test_child_drops_the_parents_browsers(self, shared: ThreadHub, page: Page) -> None:
        assert thread_hub(runtime.current()) is shared
        check_child_drops_browsers(ThreadHub, page)
