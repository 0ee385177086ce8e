"""The endpoint as an ASGI app, called by a fake ASGI server."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.endpoint.http import HttpRequest
from dash_pipe.protocol import close_reason
from dash_pipe.transports import asgi_socket
from dash_pipe.transports.asgi import AsgiEndpoint
from dash_pipe.transports.loop_hub import LoopHub
from harness.wait import TIMEOUT
from unit.asgi_server import Event, Server


def hub() -> LoopHub | None:
    """Return the hub of the running loop."""
    return runtime.current().existing_part(LoopHub, asyncio.get_running_loop())


def run_with_server(
    test: Callable[[Server], Awaitable[None]], *endpoint: AsgiEndpoint, **scope: Any
) -> None:
    async def main() -> None:
        async with Server(*endpoint, **scope) as server:
            await test(server)
        assert hub() is None

    asyncio.run(main())


def test_publish_after_subscribe_delivers_message() -> None:
    async def test(server: Server) -> None:
        assert await server.next() == {"type": "websocket.accept", "subprotocol": "dash-pipe.v1"}
        assert (await server.subscribe())["type"] == "subscribed"
        dash_pipe.send_to_pipe_channel("jobs", "a", "hello")
        assert (await server.frame())["messages"][0][:3] == [1, "a", "hello"]

    run_with_server(test)


@pytest.mark.parametrize(
    ("offered", "chosen", "code"),
    [
        ([], None, None),
        (["other", "dash-pipe.v1"], "dash-pipe.v1", None),
        (["dash-pipe.v2"], "dash-pipe.v2", 4406),
    ],
)
def test_handshake_chooses_supported_subprotocol_or_closes_with_4406(
    offered: list[str], chosen: str | None, code: int | None
) -> None:
    async def test(server: Server) -> None:
        assert (await server.next())["subprotocol"] == chosen
        if code is None:
            assert (await server.subscribe())["type"] == "subscribed"
        else:
            assert (await server.next())["code"] == code

    run_with_server(test, subprotocols=offered)


def test_foreign_origin_is_accepted_then_closed_with_4403() -> None:
    async def test(server: Server) -> None:
        assert (await server.next())["type"] == "websocket.accept"
        close = await server.next()
        assert (close["type"], close["code"]) == ("websocket.close", 4403)

    run_with_server(test, headers=[(b"host", b"app.org"), (b"origin", b"https://evil.org")])


def test_origin_equal_to_forwarded_host_is_allowed() -> None:
    async def test(server: Server) -> None:
        await server.next()
        assert (await server.subscribe())["type"] == "subscribed"

    hosts = [(b"host", b"127.0.0.1"), (b"x-forwarded-host", b"a.org"), (b"origin", b"http://b.org")]
    run_with_server(test, headers=[*hosts, (b"X-Forwarded-Host", b"b.org")])


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"bytes": b"{}"}, 1003),
        ({"text": None, "bytes": b"{}"}, 1003),
        ({"text": "x" * 8193}, 1009),
        ({"text": "\N{ROCKET}" * 4096}, 1009),
    ],
)
def test_binary_or_oversized_frame_closes_the_websocket(event: Event, code: int) -> None:
    async def test(server: Server) -> None:
        await server.next()
        server.to_app.put_nowait({"type": "websocket.receive", **event})
        assert (await server.next())["code"] == code

    run_with_server(test)


def test_close_code_that_the_server_can_not_send_becomes_1000() -> None:
    """Daphne raises for the codes that only a server of its own may send."""

    async def test(server: Server) -> None:
        server.codes = (1000, *range(3000, 5000))
        await server.next()
        server.to_app.put_nowait({"type": "websocket.receive", "bytes": b"x"})
        close = await server.next()
        assert (close["type"], close["code"]) == ("websocket.close", 1000)
        assert close["reason"] == "expected a text frame, got a binary one"
        assert runtime.current().counters.all()["closed_1003"] == 1

    run_with_server(test)


def test_frame_of_8_kib_is_accepted() -> None:
    async def test(server: Server) -> None:
        await server.next()
        text = json.dumps({"type": "subscribe", "channel": "c", "labels": None})
        server.to_app.put_nowait({"type": "websocket.receive", "text": text.ljust(8192)})
        assert (await server.frame())["type"] == "subscribed"

    run_with_server(test)


def test_slow_browser_receives_every_message_in_order() -> None:
    async def test(server: Server) -> None:
        await server.next()
        await server.subscribe()
        server.writable.clear()
        for n in range(5):
            dash_pipe.send_to_pipe_channel("jobs", "a", n)
            await asyncio.sleep(0)  # the hub's turn
        server.writable.set()
        got: list[Any] = []
        while len(got) < 5:
            got += [row[2] for row in (await server.frame())["messages"]]
        assert got == list(range(5))

    run_with_server(test)


def test_blocked_send_stops_reading_frames_until_it_is_writable() -> None:
    async def test(server: Server) -> None:
        await server.next()
        server.writable.clear()
        for _ in range(3):
            server.says(type="subscribe", channel="jobs", labels=None)
        turn = asyncio.Event()
        for _ in range(10):
            asyncio.get_running_loop().call_soon(turn.set)
            await turn.wait()
            turn.clear()
        assert server.to_app.qsize() == 2
        server.writable.set()
        for _ in range(3):
            assert (await server.frame())["type"] == "subscribed"

    run_with_server(test)


def test_failing_send_ends_the_socket_without_logging(caplog: pytest.LogCaptureFixture) -> None:
    async def test(server: Server) -> None:
        await server.next()
        await server.subscribe()
        server.error = OSError("gone")
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)

    run_with_server(test)
    assert [each for each in caplog.records if each.levelno > logging.DEBUG] == []


def test_close_that_is_not_sent_in_time_abandons_the_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asgi_socket, "CLOSE_TIMEOUT", 0.01)

    async def main() -> None:
        server = Server()
        async with server:
            await server.next()
            await server.subscribe()
            server.writable.clear()
            server.to_app.put_nowait({"type": "websocket.receive", "bytes": b"!"})
            await asyncio.wait_for(server.task, TIMEOUT)
        assert hub() is None

    asyncio.run(main())


def test_cancellation_by_the_server_ends_socket_and_hub() -> None:
    async def main() -> None:
        server = Server()
        async with server:
            await server.next()
            await server.subscribe()
            server.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await server.task
            assert hub() is None
            server.task = asyncio.create_task(asyncio.sleep(0))

    asyncio.run(main())


def test_authorize_receives_request_channel_and_labels() -> None:
    asked: list[Any] = []

    async def authorize(*question: Any) -> bool:
        asked.append(question)
        return question[1] == "jobs"

    dash_pipe.configure(authorize=authorize)

    async def test(server: Server) -> None:
        await server.next()
        assert (await server.subscribe("jobs"))["type"] == "subscribed"
        assert (await server.subscribe("secrets"))["code"] == "denied"
        dash_pipe.send_to_pipe_channel("secrets", "a", 1)
        dash_pipe.send_to_pipe_channel("jobs", "a", 2)
        assert (await server.frame())["channel"] == "jobs"

    run_with_server(test, AsgiEndpoint(request_of=lambda scope: scope["path"]))
    assert asked == [("/_pipe/ws", "jobs", None), ("/_pipe/ws", "secrets", None)]


def test_frames_during_pending_authorization_are_answered_after_it() -> None:
    thinking = asyncio.Event()

    async def authorize(*_: Any) -> bool:
        await thinking.wait()
        return True

    dash_pipe.configure(authorize=authorize)

    async def test(server: Server) -> None:
        await server.next()
        server.says(type="subscribe", channel="jobs", labels=None)
        server.says(type="replay", id=1, channel="jobs", labels=None, last=1)
        assert server.sent.empty()
        thinking.set()
        assert [(await server.frame())["type"] for _ in range(2)] == ["subscribed", "replayed"]

    run_with_server(test)


def test_lifespan_shutdown_closes_websockets_with_1001() -> None:
    async def main() -> None:
        endpoint = AsgiEndpoint()
        events: asyncio.Queue[Event] = asyncio.Queue()
        for kind in ("startup", "shutdown"):
            events.put_nowait({"type": f"lifespan.{kind}"})
        said: list[str] = []

        async def send(event: Event) -> None:
            said.append(event["type"])

        async with Server(endpoint) as server:
            await server.next()
            await server.subscribe()
            await endpoint({"type": "lifespan"}, events.get, send)
            assert (await server.next())["code"] == 1001
        assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert hub() is None

    asyncio.run(main())


def test_connection_over_max_connections_closes_with_1013() -> None:
    dash_pipe.configure(max_connections=1)

    async def main() -> None:
        async with Server() as first:
            await first.next()
            await first.subscribe()
            async with Server() as second:
                assert (await second.next())["type"] == "websocket.accept"
                assert (await second.next())["code"] == 1013
            await first.subscribe()

    asyncio.run(main())


def test_old_hub_that_goes_idle_late_leaves_the_new_hub_running() -> None:
    async def main() -> None:
        async with Server() as first:
            await first.next()
            await first.subscribe()
            old = hub()
            assert old is not None
            runtime.current().discard(old)  # as after its last session was disconnected
            async with Server() as second:
                await second.next()
                await second.subscribe()
                first.to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})
                await first.task  # its session was the last of the old hub
                dash_pipe.send_to_pipe_channel("jobs", "a", 1)
                assert (await second.frame())["type"] == "messages"
        assert hub() is None

    asyncio.run(main())


def test_close_reason_too_long_is_cut_to_120_bytes() -> None:
    assert len(close_reason("\N{ROCKET}" * 50).encode()) == 120
    assert close_reason("short") == "short"


def test_concurrent_polls_with_sync_authorize_all_complete() -> None:
    dash_pipe.configure(authorize=lambda *_: True)
    request = HttpRequest(
        "POST", "poll", {}, b'[{"type":"subscribe","channel":"jobs","labels":null}]'
    )

    async def main() -> None:
        endpoint = AsgiEndpoint()
        polls = [endpoint.answer(runtime.current(), request, {}) for _ in range(100)]
        answers = await asyncio.wait_for(asyncio.gather(*polls), TIMEOUT)
        assert all('"subscribed"' in answer.body for answer in answers)

    asyncio.run(main())
