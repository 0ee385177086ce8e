"""dash_pipe.testing, for the tests of apps."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress

import pytest

from dash_pipe import runtime, send_to_pipe_channel
from dash_pipe.concurrency import greenlets
from dash_pipe.protocol import Close
from dash_pipe.testing import PipeMessages, own_messages
from dash_pipe.transports import takeover
from dash_pipe.transports.asgi import AsgiEndpoint
from dash_pipe.transports.wsgi import serve_websocket
from harness.environment import environment
from harness.wait import TIMEOUT
from unit.asgi_server import Server
from unit.line import Line


@pytest.fixture
def messages() -> Iterator[PipeMessages]:
    with own_messages() as messages:
        yield messages


def send(channel: str = "jobs", label: str = "done", value: object = 1) -> None:
    send_to_pipe_channel(channel_name=channel, label=label, value=value)


def test_messages_returns_values_as_a_browser_gets_them(messages: PipeMessages) -> None:
    send(value={"n": (1, 2)})
    send("other", "late", "x")
    assert messages() == [{"n": [1, 2]}, "x"]
    assert messages("other") == messages(label="late") == messages("other", "late") == ["x"]
    assert messages("jobs", "late") == []
    first, second = messages.sent
    assert (first.channel_name, first.label, first.position.offset) == ("jobs", "done", 1)
    assert second.position.epoch != first.position.epoch


def test_message_sent_twice_with_the_same_id_is_recorded_once(messages: PipeMessages) -> None:
    for _ in range(2):
        send_to_pipe_channel("jobs", "done", 1, message_id="a")
    assert messages() == [1]


def test_wait_for_message_returns_matching_messages_in_turn(messages: PipeMessages) -> None:
    send(value=1)
    send("other", value=2)
    later = threading.Thread(target=send, kwargs={"value": 3})
    assert messages.wait_for_message("jobs").value == 1
    later.start()
    assert messages.wait_for_message("jobs", "done").value == 3
    assert messages.wait_for_message().value == 2
    later.join()
    with pytest.raises(
        AssertionError, match=r"timed out after 0 s: .*channel_name='jobs'.*; sent: .*other"
    ):
        messages.wait_for_message("jobs", timeout=0)


def test_wait_for_listener_returns_at_the_expected_count(messages: PipeMessages) -> None:
    broker = runtime.current().broker
    later = threading.Thread(target=broker.open, args=("jobs",))
    with pytest.raises(AssertionError, match="expected 1 listening on 'jobs'"):
        messages.wait_for_listener("jobs", timeout=0)
    later.start()
    messages.wait_for_listener("jobs")
    later.join()
    with pytest.raises(AssertionError, match=r"listening: \{'jobs': 1\}"):
        messages.wait_for_listener("jobs", count=2, timeout=0)
    broker.close("jobs")
    with pytest.raises(AssertionError, match=r"listening: \{'jobs': 0\}"):
        messages.wait_for_listener("jobs", timeout=0)


def test_own_messages_restores_the_earlier_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    # The name of no server: it must not be used while inside.
    monkeypatch.setenv("DASH_PIPE_BROKER", "redis://nowhere.invalid")
    before = runtime.current()
    with own_messages() as first:
        send(value=1)
    with own_messages() as second:
        assert second() == []
    assert first() == [1]
    assert runtime.current() is before


def test_import_of_the_package_does_not_import_pytest() -> None:
    check = "import sys, dash_pipe; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], env=environment()).returncode == 0


def test_asgi_page_of_an_earlier_test_is_closed_and_gets_no_message() -> None:
    endpoint = AsgiEndpoint()  # made when the app is imported, before any test

    async def main() -> None:
        async with AsyncExitStack() as browsers, Server(endpoint) as left_open:
            await left_open.next()
            await left_open.subscribe()
            with own_messages() as messages:
                assert (await left_open.next())["code"] == Close.GOING_AWAY  # to come back here
                async with Server(endpoint) as page:
                    await page.next()
                    await page.subscribe()
                    messages.wait_for_listener("jobs", timeout=0)
                    send(value="hello")
                    assert (await page.frame())["messages"][0][2] == "hello"
                    with own_messages() as inner:
                        assert (await page.next())["code"] == Close.GOING_AWAY
                        assert inner() == []
                stays = await browsers.enter_async_context(Server(endpoint))
                await stays.next()
                await stays.subscribe()
            assert (await stays.next())["code"] == Close.GOING_AWAY
            async with Server(endpoint) as page:
                await page.next()
                assert (await page.subscribe())["offset"] == 0

    asyncio.run(main())


@contextmanager
def wsgi_page() -> Iterator[Line]:
    """Connect a browser through a WSGI server."""
    page = Line("dash-pipe.v1")
    environ = {
        "REQUEST_METHOD": "GET",
        "HTTP_SEC_WEBSOCKET_KEY": page.ws.key,
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_PROTOCOL": "dash-pipe.v1",
        "werkzeug.socket": page.theirs,
        "wsgi.multithread": True,
    }
    serving = threading.Thread(
        target=lambda: serve_websocket(runtime.current(), environ), daemon=True
    )
    serving.start()
    assert page.next().status_code == 101
    yield page
    page.sock.close()
    serving.join(TIMEOUT)
    page.theirs.close()


def answer_close(page: Line) -> int | None:
    """Wait for the server's close, answer it like a browser, and return its code."""
    code = page.close_code()
    with suppress(BrokenPipeError):  # the server may have hung up
        page.flush()
    return code


@pytest.mark.parametrize("host", ["loop thread", "greenlets", "no descriptors"])
def test_wsgi_page_of_an_earlier_test_is_closed_and_gets_no_message(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host == "greenlets":
        monkeypatch.setattr(greenlets, "are_threads", lambda: True)
    if host == "no descriptors":
        monkeypatch.setattr(takeover, "is_descriptor", lambda _: False)
    with ThreadPoolExecutor() as browsers:
        with wsgi_page() as left_open:
            left_open.subscribe("jobs")
            closed = browsers.submit(answer_close, left_open)
            with own_messages() as messages:
                assert closed.result(TIMEOUT) == Close.GOING_AWAY  # to come back here
                with wsgi_page() as page:
                    page.subscribe("jobs")
                    messages.wait_for_listener("jobs", timeout=0)
                    send(value="hello")
                    assert page.frame()["messages"][0][2] == "hello"
                    closed = browsers.submit(answer_close, page)
                    with own_messages() as inner:
                        assert closed.result(TIMEOUT) == Close.GOING_AWAY
                        assert inner() == []
        with wsgi_page() as page:
            assert page.subscribe("jobs")["offset"] == 0
