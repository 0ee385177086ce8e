"""Poke on FastAPI, on Quart and as a separate ASGI app, with httpx as the client."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import dash
import httpx
import pytest
from quart_wtf import CSRFProtect

import dash_pipe
from dash_pipe import runtime
from dash_pipe.endpoint.http import MAX_BODY_BYTES
from dash_pipe.transports import asgi_http

ROUTE = "/_pipe/poke/"
BODY = json.dumps({"channel_name": "jobs", "label": "a", "value": 1}).encode()
CURL = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _enabled(fresh_runtime: None) -> None:
    dash_pipe.configure(http_poke_enabled=True)


@pytest.fixture(params=["fastapi", "quart", "asgi_app"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make_app(backend: str) -> Any:
    if backend == "asgi_app":
        return dash_pipe.asgi_app()
    app = dash.Dash("app", backend=backend)
    app.layout = []
    return app.server


def post(
    app: Any,
    path: str = ROUTE,
    *,
    method: str = "POST",
    content: bytes = BODY,
    headers: dict[str, str] | None = None,
    peer: tuple[str, int] | None = ("127.0.0.1", 1),
) -> httpx.Response:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=peer)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, content=content, headers=headers or CURL)

    return asyncio.run(main())


def test_poke_with_curl_defaults_returns_position(backend: str) -> None:
    app = make_app(backend)
    for path in (ROUTE, ROUTE.rstrip("/")):
        answer = post(app, path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["positions"][0]["channel_name"] == "jobs"


def test_invalid_poke_returns_the_error_response_of_its_fault(backend: str) -> None:
    app = make_app(backend)
    assert post(app, peer=("10.0.0.1", 1)).status_code == 401
    assert post(app, headers={**CURL, "Origin": "http://localhost"}).status_code == 401
    assert post(app, headers={"content-type": "text/plain"}).status_code == 415
    assert post(app, content=BODY.ljust(MAX_BODY_BYTES + 1)).status_code == 413
    assert post(app, content=b"{}").json()["where"] == "channel_name"
    answer = post(app, method="GET", content=b"")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_poke_over_unix_socket_without_token_returns_401() -> None:
    assert post(make_app("asgi_app"), peer=None).status_code == 401


def test_poke_disabled_returns_404(backend: str) -> None:
    dash_pipe.configure(http_poke_enabled=False)
    answer = post(make_app(backend))
    assert answer.status_code == 404
    assert "http_poke_enabled" in answer.json()["error"]


@pytest.mark.parametrize("backend", ["fastapi", "quart"])
def test_poke_with_http_route_setting_is_served_only_there(backend: str) -> None:
    dash_pipe.configure(http_route="/hooks")
    app = make_app(backend)
    for path in ("/hooks/poke/", "/hooks/poke"):
        assert post(app, path).status_code == 200
    assert post(app).status_code in (404, 405)


def test_csrf_protection_exempts_poke_but_not_forms() -> None:
    app = make_app("quart")
    app.secret_key = "x"
    protection = CSRFProtect(app)

    @app.post("/form")
    async def form() -> str:
        return "posted"

    for _ in range(3):
        assert post(app).status_code == 200
    assert len(protection._exempt_views) == 1
    assert post(app, "/form").status_code == 400


@pytest.fixture
def full_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Take every thread of both pools until the event is set."""
    release = threading.Event()
    monkeypatch.setattr(asgi_http, "THREADS", 1)
    for pool in (asgi_http._threads, asgi_http._poll_threads):
        runtime.current().part(pool).submit(release.wait)
    monkeypatch.setattr(asgi_http, "QUEUE_TIMEOUT", 0.01)
    yield release
    release.set()


def test_full_pool_answers_503_until_a_thread_is_free(
    backend: str, full_pool: threading.Event
) -> None:
    dash_pipe.configure(authorize=lambda *_: True)
    app = make_app(backend)
    answer = post(app)
    assert answer.status_code == 503
    assert (answer.json()["positions"], answer.json()["may_have_been_sent"]) == ([], False)
    poll = b'[{"type":"subscribe","channel":"jobs","labels":null}]'
    answer = post(app, "/_pipe/poll", content=poll)
    assert (answer.status_code, answer.json()["code"]) == (503, 1013)
    full_pool.set()
    asgi_http.QUEUE_TIMEOUT = 5
    assert post(app).status_code == 200
    assert post(app, "/_pipe/poll", content=poll).json()[0]["type"] == "subscribed"
