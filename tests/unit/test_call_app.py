"""Slow or hanging functions of the app: the effect on pages and on the process."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import dash
import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.auth import time_limit
from dash_pipe.auth.authorize import authorize_subscribe, authorize_subscribe_sync
from dash_pipe.auth.guard import Guard
from dash_pipe.auth.origin import RequestHead
from dash_pipe.endpoint.http import HttpRequest
from dash_pipe.hub.authorization import Permission
from dash_pipe.protocol import Close, Subscribe
from dash_pipe.transports.asgi import AsgiEndpoint
from harness.environment import environment
from harness.wait import TIMEOUT
from unit.asgi_server import Server
from unit.processes import forked, forks

POLL = b'[{"type":"subscribe","channel":"jobs","labels":null}]'


class Hanging:
    """An `authorize` that answers at once for `quick`, and otherwise after `release` is set."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked = threading.Semaphore(0)

    def __call__(self, request: Any, channel: str, labels: Any) -> bool:
        self.asked.release()
        return channel == "quick" or self.release.wait(60)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    hanging = Hanging()
    dash_pipe.configure(authorize=hanging, authorize_timeout=0.2)
    yield hanging
    hanging.release.set()


def set_timeout(seconds: float) -> None:
    """Change `authorize_timeout` for the calls to come, even if the broker is in use."""
    current = runtime.current()
    current._settings = replace(current.settings, authorize_timeout=seconds)


def run_with_pages(
    test: Callable[[list[Server]], Any], count: int = time_limit.THREADS + 1
) -> None:
    """Run a test with a number of accepted pages."""

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(Server()) for _ in range(count)]
            for server in servers:
                assert (await server.next())["type"] == "websocket.accept"
            await test(servers)

    asyncio.run(main())


def test_queued_subscribe_is_authorized_when_a_thread_is_free(hanging: Hanging) -> None:
    async def test(servers: list[Server]) -> None:
        *first, last = servers
        for server in first:
            server.says(type="subscribe", channel="slow", labels=None)
        for _ in first:
            await asyncio.to_thread(hanging.asked.acquire)
        set_timeout(TIMEOUT)
        last.says(type="subscribe", channel="quick", labels=None)
        for server in first:  # longer than its own answer may take
            assert (await server.next())["code"] == Close.TRY_LATER
        assert last.sent.empty()
        hanging.release.set()
        assert (await last.frame())["type"] == "subscribed"

    run_with_pages(test)


def test_queue_timeout_closes_with_try_later_and_logs_the_reason(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(servers: list[Server]) -> None:
        *first, last = servers
        for server in first:
            server.says(type="subscribe", channel="slow", labels=None)
        for server in first:
            await server.next()
        monkeypatch.setattr(time_limit, "QUEUE_TIMEOUT", 0.05)
        last.says(type="subscribe", channel="quick", labels=None)
        assert (await last.next())["code"] == Close.TRY_LATER
        told = [each for each in caplog.messages if "was not called: none of the" in each]
        assert len(told) == 1
        assert "16 threads" in told[0]
        assert "'quick'" in told[0]

    run_with_pages(test)


def test_disconnect_while_queued_cancels_authorization(hanging: Hanging) -> None:
    def ask(channel: str) -> asyncio.Task[Any]:
        return asyncio.create_task(
            authorize_subscribe(runtime.current(), contextlib.nullcontext, Subscribe(channel, None))
        )

    async def main() -> None:
        set_timeout(TIMEOUT)
        first = [ask("slow") for _ in range(time_limit.THREADS)]
        for _ in first:
            await asyncio.to_thread(hanging.asked.acquire)
        gone, last = ask("slow"), ask("quick")
        await asyncio.sleep(0)  # until they wait
        gone.cancel()
        await asyncio.wait([gone])
        hanging.release.set()
        assert await last == Permission()
        assert hanging.asked.acquire(timeout=TIMEOUT)
        assert not hanging.asked.acquire(blocking=False)
        await asyncio.gather(*first)

    asyncio.run(main())


def test_thousand_pages_that_reconnect_at_once_are_all_authorized(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restart: one answer is quick, but all of them take longer than the timeout."""
    monkeypatch.setattr(time_limit, "QUEUE_TIMEOUT", 2 * TIMEOUT)
    dash_pipe.configure(
        authorize=lambda *_: not threading.Event().wait(0.04), authorize_timeout=2.0
    )

    async def test(servers: list[Server]) -> None:
        for server in servers:
            server.says(type="subscribe", channel="jobs", labels=None)
        for server in servers:
            assert (await server.frame())["type"] == "subscribed"

    run_with_pages(test, 1000)


def poll_asgi(body: bytes = POLL) -> tuple[int, Any]:
    answer = asyncio.run(
        AsgiEndpoint().answer(runtime.current(), HttpRequest("POST", "poll", {}, body), {})
    )
    return answer.status, json.loads(answer.body)


def poll_flask(body: bytes = POLL) -> tuple[int, Any]:
    app = dash.Dash("app")
    app.layout = []
    answer = app.server.test_client().post("/_pipe/poll", data=body)
    return answer.status_code, answer.json


@pytest.mark.parametrize("poll", [poll_asgi, poll_flask])
def test_poll_with_authorize_timeout_returns_503_try_later(
    hanging: Hanging, poll: Callable[[], tuple[int, Any]]
) -> None:
    status, told = poll()
    assert (status, told["code"]) == (503, Close.TRY_LATER)
    set_timeout(TIMEOUT)
    hanging.release.set()
    status, told = poll()
    assert (status, told[0]["type"]) == (200, "subscribed")


def subscribes(channels: int, labels: int) -> bytes:
    """Return the body of a poll that subscribes to labels of many channels."""
    named = [f"label {n}" for n in range(labels)]
    frames = [
        {"type": "subscribe", "channel": f"c{n}", "labels": named or None} for n in range(channels)
    ]
    return json.dumps(frames).encode()


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("poll", [poll_asgi, poll_flask])
def test_poll_calls_authorize_at_most_128_times_whatever_it_names(
    poll: Callable[[bytes], tuple[int, Any]], is_async: bool
) -> None:
    asked: list[str] = []

    def authorize(_request: Any, channel: str, labels: list[str]) -> bool:
        asked.append(channel)
        return labels == ["label 7"]

    async def authorize_later(*given: Any) -> bool:
        return authorize(*given)

    dash_pipe.configure(authorize=authorize_later if is_async else authorize)
    status, told = poll(subscribes(128, 32))
    assert len(asked) == 128
    assert (status, len(told)) == (200, 128)
    assert [frame["type"] for frame in told[:3]] == ["subscribed"] * 3
    assert {frame["code"] for frame in told[3:]} == {"too_many_channels"}
    assert "128 times" in told[-1]["reason"]


@pytest.mark.parametrize("poll", [poll_asgi, poll_flask])
def test_calls_of_authorize_for_a_poll_share_one_time_limit(
    poll: Callable[[bytes], tuple[int, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def authorize(_request: Any, channel: str, _labels: Any) -> bool:
        asked.append(channel)
        return not threading.Event().wait(0.1)

    dash_pipe.configure(authorize=authorize, authorize_timeout=0.45)
    status, told = poll(subscribes(30, 0))
    assert (status, told["code"]) == (503, Close.TRY_LATER)
    assert len(asked) <= 5  # of 30; none, if the machine is busy for longer than the limit
    assert "all calls for a poll together have 0.45 s" in caplog.text


@pytest.mark.parametrize("poll", [poll_asgi, poll_flask])
def test_wait_of_a_poll_for_a_thread_counts_as_its_time(
    hanging: Hanging, poll: Callable[[], tuple[int, Any]]
) -> None:
    ask = partial(authorize_subscribe_sync, runtime.current(), contextlib.nullcontext)
    for _ in range(time_limit.THREADS):
        ask(Subscribe("slow", None))
    began = time.monotonic()
    assert poll()[0] == 503
    assert time.monotonic() - began < time_limit.QUEUE_TIMEOUT / 2


async def never(_: Any) -> bool:
    await asyncio.Event().wait()
    return True


@pytest.mark.parametrize("hook", [never, lambda request: never(request)])
def test_connect_hook_timeout_rejects_with_try_later(
    hook: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    dash_pipe.configure(authorize_timeout=0.05)
    guard = Guard(connect_hooks=lambda: [hook])
    for found in (
        guard.rejection_sync(runtime.current(), RequestHead({}), contextlib.nullcontext),
        asyncio.run(guard.rejection(runtime.current(), RequestHead({}), contextlib.nullcontext)),
    ):
        assert found is not None
        assert found[0] == Close.TRY_LATER
        assert "timed out" in found[1]
    assert "websocket_connect hook timed out after 0.05 s" in caplog.text


def test_blocking_sync_connect_hook_does_not_block_the_loop() -> None:
    release = threading.Event()
    guard = Guard(connect_hooks=lambda: [lambda _: release.wait(10)])

    async def main() -> Any:
        asked = asyncio.create_task(
            guard.rejection(runtime.current(), RequestHead({}), contextlib.nullcontext)
        )
        asyncio.get_running_loop().call_later(0.01, release.set)
        return await asked

    assert asyncio.run(main()) is None


def test_hanging_authorize_does_not_keep_the_process_alive() -> None:
    code = """if 1:
        import threading
        import dash_pipe
        from dash_pipe import runtime
        from contextlib import nullcontext
        from dash_pipe.auth.authorize import authorize_subscribe_sync
        from dash_pipe.hub.authorization import AuthorizationTimeout
        from dash_pipe.protocol import Subscribe
        dash_pipe.configure(
            authorize=lambda *_: threading.Event().wait(), authorize_timeout=0.05
        )
        outcome = authorize_subscribe_sync(runtime.current(), nullcontext, Subscribe("jobs", None))
        assert outcome == AuthorizationTimeout()
    """
    subprocess.run([sys.executable, "-c", code], env=environment(), timeout=60, check=True)


class TestAfterFork:
    pytestmark = forks

    def test_child_has_its_own_threads_when_the_parents_are_busy(self, hanging: Hanging) -> None:
        def asks() -> bool:
            return (
                authorize_subscribe_sync(
                    runtime.current(), contextlib.nullcontext, Subscribe("quick", None)
                )
                == Permission()
            )

        set_timeout(0.02)
        for _ in range(time_limit.THREADS):
            authorize_subscribe_sync(
                runtime.current(), contextlib.nullcontext, Subscribe("slow", None)
            )
        set_timeout(TIMEOUT)
        with forked(asks) as asked:
            assert asked


def test_concurrent_async_authorize_calls_under_gevent_complete() -> None:
    pytest.importorskip("gevent")
    code = """if 1:
        from gevent import monkey
        monkey.patch_all()
        import asyncio, gevent
        from contextlib import nullcontext
        import dash_pipe
        from dash_pipe import runtime
        from dash_pipe.auth.authorize import authorize_subscribe, authorize_subscribe_sync
        from dash_pipe.hub.authorization import Permission
        from dash_pipe.protocol import Subscribe

        async def authorize(request, channel, labels):
            asked.append(channel)
            while len(asked) < 8:  # so that all are under way at once
                await asyncio.sleep(0.001)
            return True

        asked = []
        dash_pipe.configure(authorize=authorize)
        current = runtime.current()
        asking = [
            gevent.spawn(authorize_subscribe_sync, current, nullcontext, Subscribe("jobs", None))
            for _ in range(8)
        ]
        while not asked:
            gevent.sleep(0.001)
        assert asyncio.run(asyncio.sleep(0, "a callback's")) == "a callback's"
        gevent.joinall(asking, timeout=50)
        assert [each.value for each in asking] == [Permission()] * 8, [e.value for e in asking]
    """
    subprocess.run([sys.executable, "-c", code], env=environment(), timeout=60, check=True)
