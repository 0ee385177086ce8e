"""Dash apps on FastAPI and Quart: the endpoint is there by itself, and what guards it."""

import asyncio
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
    routes = app.server.routes if isinstance(app.server, FastAPI) else app.server.url_map._rules
    assert sum("_pipe" in str(getattr(each, "path", each)) for each in routes) == 1


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
