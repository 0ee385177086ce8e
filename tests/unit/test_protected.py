"""An app mounted beside Django: host, https and login, as Django checks them."""

import asyncio
import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from dash import Dash, Input, Output, html
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.test import override_settings

from harness.project import configure

configure()

from dash_pipe.django.protected import Protected  # noqa: E402 - which needs settings
from dash_pipe.django.protected_wsgi import ProtectedWsgi  # noqa: E402

BACKEND = f"{__name__}.Users"


class Users:
    """An authentication backend with one user, who is in no database."""

    def get_user(self, number: int) -> Any:
        return (
            SimpleNamespace(is_authenticated=True, name=f"user {number}") if number == 5 else None
        )


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with override_settings(
        ALLOWED_HOSTS=["app.org"],
        AUTHENTICATION_BACKENDS=[BACKEND],
        LOGIN_URL="/enter/",
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    ):
        yield


def cookie(number: int = 5) -> str:
    session = SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(number), BACKEND
    session.save()
    return f"sessionid={session.session_key}"


class Mounted:
    """A WSGI app that notes who asks, behind each of the two ways to protect it."""

    def __init__(self, kind: str, **options: Any) -> None:
        self.users: list[Any] = []
        self.protected: Any = {
            "asgi": lambda: Protected(WSGIMiddleware(self._app), **options),
            "wsgi": lambda: ProtectedWsgi(self._app, **options),
        }[kind]()

    def _app(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.users.append(environ["asgi.scope"]["user"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read()]

    def request(self, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, str]:
        """Make a request; return the status, and the target of a redirect or the body."""
        headers = {"host": "app.org", "accept": "text/html,*/*", **headers}
        if isinstance(self.protected, ProtectedWsgi):
            return self._by_wsgi(method, body, headers)
        start, *parts = asyncio.run(self._by_asgi(method, body, headers))
        location = dict(start["headers"]).get(b"location", b"").decode()
        return start["status"], location or b"".join(part["body"] for part in parts).decode()

    def _by_wsgi(self, method: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        started: list[Any] = []
        environ = {"REQUEST_METHOD": method, "PATH_INFO": "/live/", "QUERY_STRING": "a=1&b=é"}
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        environ |= {"CONTENT_LENGTH": str(len(body)), "SERVER_NAME": "x", "SERVER_PORT": "80"}
        around = {"wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body)}
        answer = self.protected({**environ, **around}, lambda *parts: started.append(parts))
        status, found = int(started[0][0].split()[0]), dict(started[0][1])
        return status, found.get("Location", "") or b"".join(answer).decode()

    async def _by_asgi(self, method: str, body: bytes, headers: dict[str, str]) -> list[Any]:
        scope = {"type": "http", "method": method, "path": "/live/", "query_string": b"a=1"}
        return await events(self.protected, scope, headers, {"type": "http.request", "body": body})


async def events(app: Any, scope: Any, headers: dict[str, str], first: Any) -> list[Any]:
    """Serve one connection; return the events that the app has sent."""
    to_app, sent = iter([first]), []
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]

    async def receive() -> Any:
        return next(to_app, None) or await asyncio.Future()

    async def send(event: Any) -> None:
        sent.append(event)

    await asyncio.wait_for(app({"http_version": "1.1", **scope, "headers": raw}, receive, send), 5)
    return sent


@pytest.fixture(params=["asgi", "wsgi"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_request_with_a_user_reaches_the_app_with_the_user(kind: str) -> None:
    app = Mounted(kind)
    assert app.request("POST", b"a callback", cookie=cookie()) == (200, "a callback")
    assert [user.name for user in app.users] == ["user 5"]


def test_session_that_the_app_changes_is_saved() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["asgi.scope"]["session"]["clicks"] = 3
        start_response("200 OK", [])
        return [b""]

    scope = {"type": "http", "method": "POST", "path": "/live/", "query_string": b""}
    protected = Protected(WSGIMiddleware(app))
    first = {"type": "http.request", "body": b""}
    start, *_ = asyncio.run(
        events(protected, scope, {"host": "app.org", "cookie": cookie()}, first)
    )
    (header,) = [value.decode() for name, value in start["headers"] if name == b"Set-Cookie"]
    saved = SessionStore(header.partition("=")[2].partition(";")[0])
    assert (saved["clicks"], saved[SESSION_KEY]) == (3, "5")


def test_page_without_a_user_redirects_to_the_login(kind: str) -> None:
    app = Mounted(kind)
    status, target = app.request()
    assert (status, target.split("%26")[0]) == (302, "/enter/?next=/live/%3Fa%3D1")
    assert app.request(cookie=cookie(6))[0] == 302  # the user was deleted
    assert app.users == []


@pytest.mark.parametrize(("method", "accept"), [("POST", "text/html"), ("GET", "*/*")])
def test_callback_without_a_user_is_rejected(kind: str, method: str, accept: str) -> None:
    app = Mounted(kind)
    assert app.request(method, accept=accept) == (403, "Not logged in")
    assert app.users == []


def test_app_without_login_gets_an_anonymous_user(kind: str) -> None:
    app = Mounted(kind, login_required=False)
    assert app.request()[0] == 200
    assert [user.is_authenticated for user in app.users] == [False]


def test_request_of_a_wrong_host_is_rejected(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    app = Mounted(kind, login_required=False)
    assert app.request(host="evil.org", cookie=cookie())[0] == 400
    assert app.users == []
    assert "Invalid HTTP_HOST header: 'evil.org'" in caplog.text


@override_settings(SECURE_SSL_REDIRECT=True, SECURE_PROXY_SSL_HEADER=("HTTP_X_PROTO", "https"))
def test_plain_http_redirects_to_https_unless_the_proxy_had_it(kind: str) -> None:
    app = Mounted(kind, login_required=False)
    status, target = app.request()
    assert (status, target.split("?")[0]) == (301, "https://app.org/live/")
    assert app.users == []
    assert app.request(x_proto="https")[0] == 200


def opened(app: Any, scheme: str = "wss", **headers: str) -> str:
    """Open a websocket; return the type of the first event."""
    scope = {"type": "websocket", "scheme": scheme, "path": "/live/ws", "query_string": b""}
    headers = {"host": "app.org", **headers}
    (event,) = asyncio.run(events(app, scope, headers, {"type": "websocket.connect"}))
    return str(event["type"])


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    assert scope["user"].name == "user 5"
    await send({"type": "websocket.accept"})


@override_settings(SECURE_SSL_REDIRECT=True)
def test_websocket_needs_host_https_and_user() -> None:
    app = Protected(accepting)
    assert opened(app, cookie=cookie()) == "websocket.accept"
    assert opened(app) == "websocket.close"
    assert opened(app, scheme="ws", cookie=cookie()) == "websocket.close"
    assert opened(app, host="evil.org", cookie=cookie()) == "websocket.close"


def test_dash_app_on_fastapi_is_mounted_as_it_is() -> None:
    app = Dash("live", backend="fastapi", url_base_pathname="/live/")
    app.layout = html.Div([html.P(id="out"), html.Button(id="button")])

    @app.callback(Output("out", "children"), Input("button", "n_clicks"))
    def show(clicks: int) -> str:
        return f"{clicks} clicks"

    call = {"output": "out.children", "outputs": {"id": "out", "property": "children"}}
    call |= {"inputs": [{"id": "button", "property": "n_clicks", "value": 3}]}
    path = "/live/_dash-update-component"
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b""}
    first = {"type": "http.request", "body": json.dumps(call).encode()}
    headers = {"host": "app.org", "content_type": "application/json"}
    protected = Protected(app.server)
    start, *_ = asyncio.run(events(protected, scope, headers, first))
    assert start["status"] == 403
    known = {**headers, "cookie": cookie()}
    start, *parts = asyncio.run(events(protected, scope, known, first))
    assert start["status"] == 200
    assert b'"3 clicks"' in b"".join(part["body"] for part in parts)


def test_query_that_is_no_text_is_rejected() -> None:
    scope = {"type": "http", "method": "GET", "path": "/live/", "query_string": b"\xff"}
    first = {"type": "http.request"}
    start, _ = asyncio.run(events(Protected(accepting), scope, {"host": "app.org"}, first))
    assert start["status"] == 400


def test_lifespan_reaches_the_app() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(await receive())

    first = {"type": "lifespan.startup"}
    assert asyncio.run(events(Protected(app), {"type": "lifespan"}, {}, first)) == [first]
