"""Permissions that end, on each transport: asked for again, ended at once, in the right context."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.hub import renewals
from dash_pipe.permission import allow
from dash_pipe.transports.asgi import AsgiEndpoint
from dash_pipe.transports.loop_thread import loop_thread
from harness.wait import TIMEOUT
from unit.asgi_server import Server
from unit.fakes import needs_descriptors
from unit.line import Line
from unit.test_thread_socket import Page

SECONDS = 1.0  # in which a message has to arrive


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewals, "MIN_SECONDS", 0.01)


class Ending:
    """An `authorize` that allows `jobs` for a moment the first time, and `news` always."""

    def __init__(self, later: Any = False) -> None:
        self.later = later
        self.calls: list[float] = []

    def __call__(self, _request: Any, channel: str, _labels: Any) -> Any:
        if channel == "news":
            return True
        self.calls.append(time.time())
        return allow(until=time.time() + SECONDS) if len(self.calls) == 1 else self.later


class Async(Ending):
    """The same, as a coroutine function."""

    def __init__(self) -> None:
        super().__init__()
        call = super().__call__

        async def function(*arguments: Any) -> Any:
            return call(*arguments)

        self.function = function


def check(frame: Callable[[], dict[str, Any]], subscribe: Callable[[str], Any]) -> None:
    """Listen on two channels of which one ends; check that only the other is heard."""
    assert subscribe("news")["type"] == "subscribed"
    assert subscribe("jobs")["type"] == "subscribed"
    dash_pipe.send_to_pipe_channel("jobs", "a", "before")
    assert frame()["messages"][0][2] == "before"
    denied = frame()
    assert (denied["type"], denied["code"], denied["channel"]) == ("error", "denied", "jobs")
    dash_pipe.send_to_pipe_channel("jobs", "a", "after")
    dash_pipe.send_to_pipe_channel("news", "a", "others stay")
    told = frame()
    assert (told["channel"], told["messages"][0][2]) == ("news", "others stay")


def check_on_asgi() -> None:
    async def main() -> None:
        async with Server() as server:
            await server.next()
            loop = asyncio.get_running_loop()

            def frame() -> Any:
                return asyncio.run_coroutine_threadsafe(server.frame(), loop).result(TIMEOUT)

            def subscribe(channel: str) -> Any:
                asked = server.subscribe(channel)
                return asyncio.run_coroutine_threadsafe(asked, loop).result(TIMEOUT)

            await asyncio.to_thread(check, frame, subscribe)

    asyncio.run(main())


def check_on_a_thread() -> None:
    with Page(open_request=contextlib.nullcontext) as page:
        check(page.frame, page.subscribe)


@contextlib.contextmanager
def looped(line: Line) -> Iterator[Line]:
    """Give a browser to the loop thread."""
    line.theirs.setblocking(False)
    thread = loop_thread(runtime.current())
    thread.adopt(line.theirs, *line.handshake, None, contextlib.nullcontext)
    line.next()
    yield line
    line.sock.close()


def check_on_the_loop_thread() -> None:
    with looped(Line()) as page:
        check(page.frame, page.subscribe)


CHECKS = [check_on_asgi, check_on_a_thread]
CHECKS += [pytest.param(check_on_the_loop_thread, marks=needs_descriptors)]  # type: ignore[list-item]


@pytest.mark.parametrize("check_it", CHECKS)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_denial_at_the_end_ends_the_subscription_at_once_and_no_other(
    check_it: Callable[[], None], is_async: bool
) -> None:
    ending = Async() if is_async else Ending()
    dash_pipe.configure(authorize=ending.function if isinstance(ending, Async) else ending)
    check_it()
    first, second = ending.calls
    assert SECONDS <= second - first < SECONDS + TIMEOUT / 2


def test_permission_that_is_renewed_goes_on_without_a_frame() -> None:
    ending = Ending(later=True)
    dash_pipe.configure(authorize=ending)
    with Page(open_request=contextlib.nullcontext) as page:
        page.subscribe("jobs")
        deadline = time.monotonic() + TIMEOUT
        while len(ending.calls) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)
        assert page.frame()["messages"][0][2] == 1


def test_call_is_cancelled_when_the_page_has_gone() -> None:
    states: list[str] = []

    async def authorize(*_: Any) -> Any:
        states.append("called")
        if len(states) == 1:
            return allow(until=time.time() + SECONDS)
        try:
            await asyncio.Event().wait()
        finally:
            states.append("ended")

    dash_pipe.configure(authorize=authorize)

    async def main() -> None:
        async with Server() as server:
            await server.next()
            await server.subscribe()
            async with asyncio.timeout(TIMEOUT) if hasattr(asyncio, "timeout") else _forever():
                while states != ["called"] * 2:
                    await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        assert states == ["called", "called", "ended"]

    asyncio.run(main())


@contextlib.asynccontextmanager
async def _forever() -> Any:
    yield


whose: ContextVar[str] = ContextVar("whose")


def test_each_call_is_made_in_the_context_of_its_own_websocket() -> None:
    calls: dict[str, list[str]] = {}

    def authorize(request: Any, channel: str, _labels: Any) -> Any:
        calls.setdefault(channel, []).append(whose.get())
        return allow(until=time.time() + SECONDS) if len(calls[channel]) == 1 else False

    dash_pipe.configure(authorize=authorize)
    endpoint = AsgiEndpoint()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        whose.set(scope["whose"])
        await endpoint(scope, receive, send)

    async def main() -> None:
        async with Server(app, whose="ann") as ann, Server(app, whose="bob") as bob:
            for server, channel in ((ann, "to-ann"), (bob, "to-bob")):
                await server.next()
                await server.subscribe(channel)
            for server in (bob, ann):
                assert (await server.frame())["code"] == "denied"

    asyncio.run(main())
    assert calls == {"to-ann": ["ann", "ann"], "to-bob": ["bob", "bob"]}
