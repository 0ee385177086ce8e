"""The HTTP routes of the endpoint, called directly and served by Flask."""

import json
from typing import Any

import dash
import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.endpoint.http import HttpAnswer, HttpRequest
from dash_pipe.endpoint.routes import ROUTES, answer
from dash_pipe.hub.authorization import Permission
from dash_pipe.protocol import Close

FRAMES = [{"type": "subscribe", "channel": "jobs", "labels": None}]


def ask(
    path: str = "poll",
    method: str | None = None,
    obstacle: str = "",
    rejection: tuple[Close, str] | None = None,
    **headers: str,
) -> HttpAnswer:
    body = json.dumps(FRAMES).encode() if path == "poll" else b""
    request = HttpRequest(method or ROUTES[path], path, headers, body)
    return answer(
        runtime.current(),
        request,
        obstacle=obstacle,
        rejection=rejection,
        authorize=lambda *_: Permission(),
    )


def test_poll_reads_the_broker_of_the_process() -> None:
    (first,) = json.loads(ask().body)
    dash_pipe.send_to_pipe_channel(channel_name="jobs", label="a", value=1)
    (second,) = json.loads(ask().body)
    assert (first["epoch"], first["offset"] + 1) == (second["epoch"], second["offset"])


def test_info_with_websockets_reports_version_and_poll_interval() -> None:
    found = json.loads(ask("info").body)
    assert found["websocket"] is True
    assert found["reason"] == ""  # all is well
    assert found["version"] == dash_pipe.__version__
    assert found["protocol"] == "dash-pipe.v1"
    assert (found["poll"], found["interval"]) == ("poll", 2.0)


def test_info_without_websockets_gives_the_reason() -> None:
    found = json.loads(ask("info", obstacle="no sockets. To fix it, use gunicorn").body)
    assert found["websocket"] is False
    assert found["reason"] == "no sockets. To fix it, use gunicorn"


def test_info_interval_equals_the_poll_interval_setting() -> None:
    dash_pipe.configure(poll_interval=0.5)
    assert json.loads(ask("info").body)["interval"] == 0.5


@pytest.mark.parametrize(("path", "method"), [("poll", "GET"), ("info", "POST"), ("info", "HEAD")])
def test_other_method_returns_405_with_allow(path: str, method: str) -> None:
    found = ask(path, method)
    assert found.status == 405
    assert found.headers == {"Allow": ROUTES[path]}


@pytest.mark.parametrize("path", ["info", "poll"])
def test_rejected_origin_returns_403_without_cors_headers(path: str) -> None:
    found = ask(path, rejection=(Close.ORIGIN, "no"), origin="https://evil.org")
    assert found.status == 403
    assert json.loads(found.body) == {"code": 4403, "reason": "no"}
    assert "Access-Control-Allow-Origin" not in found.headers


@pytest.mark.parametrize("path", ["info", "poll"])
def test_allowed_origin_gets_cors_headers(path: str) -> None:
    headers = ask(path, origin="https://portal.org").headers
    assert headers["Access-Control-Allow-Origin"] == "https://portal.org"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Cache-Control"] == "no-store"


def client(**server: Any) -> Any:
    app = dash.Dash("app", **server)
    app.layout = []
    return app.server.test_client()


def test_flask_serves_info_and_poll_below_the_prefix() -> None:
    flask = client(routes_pathname_prefix="/below/", requests_pathname_prefix="/below/")
    info = flask.get("/below/_pipe/info")
    assert info.mimetype == "application/json"
    assert info.json["websocket"] is False
    assert "To fix it, " in info.json["reason"]
    (frame,) = flask.post("/below/_pipe/poll", data=json.dumps(FRAMES)).json
    assert frame["type"] == "subscribed"


def test_flask_rejects_foreign_origin_for_info_and_poll() -> None:
    strange = {"Origin": "https://evil.org"}
    assert client().get("/_pipe/info", headers=strange).status_code == 403
    assert client().post("/_pipe/poll", data="[]", headers=strange).status_code == 403
    own = {"Origin": "http://localhost"}
    found = client().post("/_pipe/poll", data="[]", headers=own)
    assert found.json == []
    assert found.headers["Access-Control-Allow-Origin"] == "http://localhost"


def test_flask_poll_with_body_too_large_returns_413() -> None:
    assert client().post("/_pipe/poll", data=b" " * (2 * 1024 * 1024)).status_code == 413
