"""The endpoint of Dash apps on FastAPI and Quart, and the guards that apply to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import dash
import pytest
from fastapi import Depends, FastAPI
from quart import g, session
from quart.sessions import SecureCookieSession, SecureCookieSessionInterface

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
    """Add a websocket_connect hook of Dash until the end of the test."""
    before = list(dash.hooks._ns["websocket_connect"])
    yield lambda function: dash.hooks.websocket_connect()(function)
    dash.hooks._ns["websocket_connect"] = before


def run_with_server(app: dash.Dash, test: Test, path: str = "/_pipe/ws") -> None:
    async def main() -> None:
        async with Server(app.server, path=path, **SCOPE) as server:
            await test(server)

    asyncio.run(main())


async def assert_served(server: Server) -> None:
    assert (await server.next())["type"] == "websocket.accept"
    assert (await server.subscribe())["type"] == "subscribed"
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    assert (await server.frame())["messages"][0][1:3] == ["a", 1]


async def assert_unauthorized(server: Server) -> None:
    assert (await server.next())["type"] == "websocket.accept"
    close = await server.next()
    assert (close["type"], close["code"]) == ("websocket.close", 4401)


def test_dash_app_serves_the_endpoint_without_setup(app: dash.Dash) -> None:
    run_with_server(app, assert_served)


def test_setup_called_again_adds_no_second_route(app: dash.Dash) -> None:
    dash_pipe.setup(app)
    run_with_server(app, assert_served)
    if isinstance(app.server, FastAPI):
        paths = [each.path for each in app.server.routes if "_pipe" in each.path]
    else:
        paths = [each.rule for each in app.server.url_map.iter_rules() if "_pipe" in each.rule]
    assert paths
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("backend", ["fastapi", "quart"])
def test_endpoint_is_served_below_url_base_pathname(backend: str) -> None:
    app = dash.Dash("app", backend=backend, url_base_pathname="/some/where/")
    run_with_server(app, assert_served, "/some/where/_pipe/ws")


def test_catch_all_route_does_not_hide_the_endpoint() -> None:
    server = FastAPI()
    app = dash.Dash("app", server=server)

    @server.websocket("/{path:path}")
    async def everything(websocket: Any) -> None:
        raise AssertionError("not ours")

    run_with_server(app, assert_served)


def test_connect_hook_returning_false_rejects_with_4401(app: dash.Dash, hook: Any) -> None:
    asked: list[Any] = []

    async def connect(websocket: Any) -> bool:
        asked.append(websocket.headers["host"])
        return False

    hook(connect)
    run_with_server(app, assert_unauthorized)
    assert asked == ["app.org"]


def test_websocket_allowed_origins_of_dash_are_allowed() -> None:
    app = dash.Dash("app", backend="fastapi", websocket_allowed_origins=["https://portal.org"])

    async def main() -> None:
        headers = [(b"host", b"app.org"), (b"origin", b"https://portal.org")]
        async with Server(app.server, **{**SCOPE, "headers": headers}) as server:
            await assert_served(server)

    asyncio.run(main())


def test_authorize_receives_the_frameworks_request(app: dash.Dash) -> None:
    asked: list[Any] = []

    def authorize(request: Any, channel: str, labels: Any) -> bool:
        asked.append((type(request).__module__.partition(".")[0], request.headers["host"]))
        return channel == "jobs"

    dash_pipe.configure(authorize=authorize)

    async def test(server: Server) -> None:
        await assert_served(server)
        assert (await server.subscribe("secrets"))["code"] == "denied"

    run_with_server(app, test)
    framework = "starlette" if isinstance(app.server, FastAPI) else "quart"
    assert asked == [(framework, "app.org")] * 2


def test_http_only_middleware_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    app = dash.Dash("app", backend="fastapi")

    @app.server.middleware("http")
    async def login_required(request: Any, call_next: Any) -> Any:
        raise AssertionError("not for websockets")

    run_with_server(app, assert_served)
    assert "login_required on FastAPI" in caplog.text
    run_with_server(app, assert_served)
    assert len([each for each in caplog.records if each.name == "dash_pipe"]) == 1


def test_fastapi_dependency_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    def logged_in() -> None:
        raise AssertionError("not for websockets")

    app = dash.Dash("app", server=FastAPI(dependencies=[Depends(logged_in)]))
    run_with_server(app, assert_served)
    assert "logged_in on FastAPI" in caplog.text


def test_quart_before_request_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    app = dash.Dash("app", backend="quart")

    @app.server.before_request
    async def login_required() -> None:
        raise AssertionError("not for websockets")

    run_with_server(app, assert_served)
    assert "login_required on Quart" in caplog.text


def test_quart_before_websocket_rejects_without_warning(caplog: pytest.LogCaptureFixture) -> None:
    app = dash.Dash("app", backend="quart")

    @app.server.before_websocket
    async def nobody() -> tuple[str, int]:
        return "no", 403

    async def test(server: Server) -> None:
        assert (await server.next())["type"] == "websocket.close"

    run_with_server(app, test)
    assert caplog.text == ""


def test_app_without_guards_logs_no_warning(
    app: dash.Dash, caplog: pytest.LogCaptureFixture
) -> None:
    run_with_server(app, assert_served)
    assert [each for each in caplog.records if each.name == "dash_pipe"] == []


class HttpServer(Server):
    """An ASGI server that makes one plain HTTP request."""

    def __init__(self, app: Any, path: str, body: bytes = b"", **scope: Any) -> None:
        method = "POST" if body else "GET"
        super().__init__(app, **{**SCOPE, "scheme": "http", **scope}, path=path)
        self.scope |= {"type": "http", "method": method, "raw_path": path.encode()}
        del self.scope["subprotocols"]
        self.to_app.get_nowait()
        self.to_app.put_nowait({"type": "http.request", "body": body, "more_body": False})


def request_json(app: dash.Dash, path: str, body: bytes = b"", **scope: Any) -> tuple[int, Any]:
    """Make a request; return the status and the JSON of the response."""
    app.layout = []

    async def main() -> tuple[int, Any]:
        async with HttpServer(app.server, path, body, **scope) as server:
            start = await server.next()
            text = b""
            while (part := await server.next()).get("more_body"):
                text += part["body"]
            return start["status"], json.loads(text + part["body"])

    return asyncio.run(main())


POLL = b'[{"type":"subscribe","channel":"jobs","labels":null,"since":{"epoch":"other","offset":0}}]'


def test_poll_returns_subscribed_and_missed_messages(app: dash.Dash) -> None:
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    status, frames = request_json(app, "/_pipe/poll", POLL)
    assert (status, [frame["type"] for frame in frames]) == (200, ["subscribed", "messages"])


def test_info_reports_that_websockets_are_supported(app: dash.Dash) -> None:
    status, info = request_json(app, "/_pipe/info")
    assert (status, info["websocket"]) == (200, True)


def test_poll_is_rejected_by_origin_and_by_connect_hook(app: dash.Dash, hook: Any) -> None:
    strange = {"headers": [(b"host", b"app.org"), (b"origin", b"https://evil.org")]}
    status, answer = request_json(app, "/_pipe/poll", POLL, **strange)
    assert (status, answer["code"]) == (403, 4403)
    hook(lambda request: request.headers["host"] != "app.org")
    status, answer = request_json(app, "/_pipe/poll", POLL)
    assert (status, answer["code"]) == (403, 4401)


def test_poll_denied_by_async_authorize_returns_an_error_frame(app: dash.Dash) -> None:
    loops: list[Any] = []

    async def authorize(request: Any, channel: str, labels: Any) -> bool:
        loops.append(asyncio.get_running_loop())
        return channel != "jobs"

    dash_pipe.configure(authorize=authorize)
    status, (error,) = request_json(app, "/_pipe/poll", POLL)
    assert (status, error["code"]) == (200, "denied")
    assert len(loops) == 1


def test_poll_with_quart_before_websocket_is_rejected() -> None:
    app = dash.Dash("app", backend="quart")
    app.server.before_websocket(lambda: None)
    status, answer = request_json(app, "/_pipe/poll", POLL)
    assert (status, answer["code"]) == (403, 4401)
    assert "before_websocket" in answer["reason"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_each_call_on_quart_has_its_own_application_context(hook: Any, is_async: bool) -> None:
    app = dash.Dash("app", backend="quart")
    stale: list[bool] = []
    ended: list[object] = []

    @app.server.teardown_appcontext
    async def give_back(_: object) -> None:
        ended.append(g.pop("user", None))

    def look_up(*_: Any) -> bool:
        stale.append("user" in g)
        g.user = len(stale)
        return True

    async def look_up_later(*_: Any) -> bool:
        return look_up()

    called = look_up_later if is_async else look_up
    hook(called)
    dash_pipe.configure(authorize=called)

    async def test(server: Server) -> None:
        await server.next()
        for channel in ("jobs", "news"):
            assert (await server.subscribe(channel))["type"] == "subscribed"
        assert [user for user in ended if user] == [1, 2, 3]  # before the websocket ends

    run_with_server(app, test)
    assert request_json(app, "/_pipe/poll", POLL)[0] == 200
    assert stale == [False] * 5
    assert [user for user in ended if user] == [1, 2, 3, 4, 5]


def test_each_call_on_quart_reads_the_session_again() -> None:
    app = dash.Dash("app", backend="quart")
    store = {"name": "ann"}

    class Store(SecureCookieSessionInterface):
        """Sessions on the server."""

        async def open_session(self, *_: Any) -> Any:
            return SecureCookieSession(store)

    app.server.session_interface = Store()
    names: list[str] = []

    async def authorize(*_: Any) -> bool:
        names.append(session["name"])
        return True

    dash_pipe.configure(authorize=authorize)

    async def test(server: Server) -> None:
        await server.next()
        await server.subscribe("jobs")
        store["name"] = "nobody"
        await server.subscribe("news")

    run_with_server(app, test)
    assert names == ["ann", "nobody"]
