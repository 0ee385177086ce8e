"""Dash apps on FastAPI and Quart: the endpoint is there by itself, and what guards it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import dash
import pytest
from fastapi import Depends, FastAPI

import dash_pipe
from unit.asgi_server import Server

Test = Callable[[Server], Awaitable[None]]

SCOPE = {
    "http_version": "1.1",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "scheme": "ws",
    "query_string": b"",
    "root_path": "",
    "client": ("127.0.0.1", 1),
    "server": ("app.org", 80),
    "extensions": {},
    "state": {},
}


@pytest.fixture(params=["fastapi", "quart"])
def app(request: pytest.FixtureRequest) -> dash.Dash:
    return dash.Dash("app", backend=request.param)


@pytest.fixture
def hook() -> Iterator[Callable[[Callable[[Any], Any]], None]]:
    """Adds a websocket_connect hook of Dash until the test has ended."""
    before = list(dash.hooks._ns["websocket_connect"])
    yield lambda function: dash.hooks.websocket_connect()(function)
    dash.hooks._ns["websocket_connect"] = before


def talks(app: dash.Dash, test: Test, path: str = "/_pipe/ws") -> None:
    async def main() -> None:
        async with Server(app.server, path=path, **SCOPE) as server:
            await test(server)

    asyncio.run(main())


async def is_served(server: Server) -> None:
    assert (await server.next())["type"] == "websocket.accept"
    assert (await server.subscribe())["type"] == "subscribed"
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    assert (await server.frame())["messages"][0][1:3] == ["a", 1]


async def is_unauthorized(server: Server) -> None:
    assert (await server.next())["type"] == "websocket.accept"
    close = await server.next()
    assert (close["type"], close["code"]) == ("websocket.close", 4401)


def test_it_is_there_by_itself(app: dash.Dash) -> None:
    talks(app, is_served)


def test_more_than_once_does_no_harm(app: dash.Dash) -> None:
    dash_pipe.setup(app)
    talks(app, is_served)
    if isinstance(app.server, FastAPI):
        paths = [each.path for each in app.server.routes if "_pipe" in each.path]
    else:
        paths = [each.rule for each in app.server.url_map.iter_rules() if "_pipe" in each.rule]
    assert paths
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("backend", ["fastapi", "quart"])
def test_below_a_prefix(backend: str) -> None:
    app = dash.Dash("app", backend=backend, url_base_pathname="/some/where/")
    talks(app, is_served, "/some/where/_pipe/ws")


def test_a_server_that_takes_every_path_does_not_take_ours() -> None:
    server = FastAPI()
    app = dash.Dash("app", server=server)

    @server.websocket("/{path:path}")
    async def everything(websocket: Any) -> None:
        raise AssertionError("not ours")

    talks(app, is_served)


def test_the_hooks_of_dash_are_asked(app: dash.Dash, hook: Any) -> None:
    asked: list[Any] = []

    async def connect(websocket: Any) -> bool:
        asked.append(websocket.headers["host"])
        return False

    hook(connect)
    talks(app, is_unauthorized)
    assert asked == ["app.org"]


def test_the_origins_of_dash_are_allowed() -> None:
    app = dash.Dash("app", backend="fastapi", websocket_allowed_origins=["https://portal.org"])

    async def main() -> None:
        headers = [(b"host", b"app.org"), (b"origin", b"https://portal.org")]
        async with Server(app.server, **{**SCOPE, "headers": headers}) as server:
            await is_served(server)

    asyncio.run(main())


def test_authorize_gets_the_frameworks_own_request(app: dash.Dash) -> None:
    asked: list[Any] = []

    def authorize(request: Any, channel: str, labels: Any) -> bool:
        asked.append((type(request).__module__.partition(".")[0], request.headers["host"]))
        return channel == "jobs"

    dash_pipe.configure(authorize=authorize)

    async def test(server: Server) -> None:
        await is_served(server)
        assert (await server.subscribe("secrets"))["code"] == "denied"

    talks(app, test)
    framework = "starlette" if isinstance(app.server, FastAPI) else "quart"
    assert asked == [(framework, "app.org")] * 2


def test_middleware_for_http_alone_is_said(caplog: pytest.LogCaptureFixture) -> None:
    app = dash.Dash("app", backend="fastapi")

    @app.server.middleware("http")
    async def login_required(request: Any, call_next: Any) -> Any:
        raise AssertionError("not for websockets")

    talks(app, is_served)
    assert "login_required on FastAPI" in caplog.text
    talks(app, is_served)
    assert len([each for each in caplog.records if each.name == "dash_pipe"]) == 1


def test_dependencies_of_fastapi_are_said(caplog: pytest.LogCaptureFixture) -> None:
    def logged_in() -> None:
        raise AssertionError("not for websockets")

    app = dash.Dash("app", server=FastAPI(dependencies=[Depends(logged_in)]))
    talks(app, is_served)
    assert "logged_in on FastAPI" in caplog.text


def test_before_request_of_quart_is_said(caplog: pytest.LogCaptureFixture) -> None:
    app = dash.Dash("app", backend="quart")

    @app.server.before_request
    async def login_required() -> None:
        raise AssertionError("not for websockets")

    talks(app, is_served)
    assert "login_required on Quart" in caplog.text


def test_before_websocket_of_quart_guards(caplog: pytest.LogCaptureFixture) -> None:
    app = dash.Dash("app", backend="quart")

    @app.server.before_websocket
    async def nobody() -> tuple[str, int]:
        return "no", 403

    async def test(server: Server) -> None:
        assert (await server.next())["type"] == "websocket.close"

    talks(app, test)
    assert caplog.text == ""


def test_what_guards_nothing_is_not_said(app: dash.Dash, caplog: pytest.LogCaptureFixture) -> None:
    talks(app, is_served)
    assert [each for each in caplog.records if each.name == "dash_pipe"] == []


class Asker(Server):
    """Makes one request that is no websocket."""

    def __init__(self, app: Any, path: str, body: bytes = b"", **scope: Any) -> None:
        method = "POST" if body else "GET"
        super().__init__(app, **{**SCOPE, "scheme": "http", **scope}, path=path)
        self.scope |= {"type": "http", "method": method, "raw_path": path.encode()}
        del self.scope["subprotocols"]
        self.to_app.get_nowait()
        self.to_app.put_nowait({"type": "http.request", "body": body, "more_body": False})


def asks(app: dash.Dash, path: str, body: bytes = b"", **scope: Any) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    app.layout = []

    async def main() -> tuple[int, Any]:
        async with Asker(app.server, path, body, **scope) as asker:
            start = await asker.next()
            text = b""
            while (part := await asker.next()).get("more_body"):
                text += part["body"]
            return start["status"], json.loads(text + part["body"])

    return asyncio.run(main())


POLL = b'[{"type":"subscribe","channel":"jobs","labels":null,"since":{"epoch":"other","offset":0}}]'


def test_a_poll_is_answered(app: dash.Dash) -> None:
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    status, frames = asks(app, "/_pipe/poll", POLL)
    assert (status, [frame["type"] for frame in frames]) == (200, ["subscribed", "messages"])


def test_the_endpoint_says_that_websockets_can_be_had(app: dash.Dash) -> None:
    status, info = asks(app, "/_pipe/info")
    assert (status, info["websocket"]) == (200, True)


def test_a_poll_is_guarded_as_a_websocket_is(app: dash.Dash, hook: Any) -> None:
    strange = {"headers": [(b"host", b"app.org"), (b"origin", b"https://evil.org")]}
    status, answer = asks(app, "/_pipe/poll", POLL, **strange)
    assert (status, answer["code"]) == (403, 4403)
    hook(lambda request: request.headers["host"] != "app.org")
    status, answer = asks(app, "/_pipe/poll", POLL)
    assert (status, answer["code"]) == (403, 4401)


def test_a_poll_asks_who_may_listen(app: dash.Dash) -> None:
    loops: list[Any] = []

    async def authorize(request: Any, channel: str, labels: Any) -> bool:
        loops.append(asyncio.get_running_loop())
        return channel != "jobs"

    dash_pipe.configure(authorize=authorize)
    status, (error,) = asks(app, "/_pipe/poll", POLL)
    assert (status, error["code"]) == (200, "denied")
    assert len(loops) == 1


def test_a_poll_does_not_get_around_before_websocket() -> None:
    app = dash.Dash("app", backend="quart")
    app.server.before_websocket(lambda: None)
    status, answer = asks(app, "/_pipe/poll", POLL)
    assert (status, answer["code"]) == (403, 4401)
    assert "before_websocket" in answer["reason"]
