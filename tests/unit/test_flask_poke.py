"""Poke on a Flask server, with the hooks and extensions that apps use."""

import json
from typing import Any

import dash
import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

import dash_pipe
from dash_pipe import runtime
from dash_pipe.endpoint.http import MAX_BODY_BYTES
from dash_pipe.errors import SettingError

ROUTE = "/_pipe/poke/"
BODY = json.dumps({"channel_name": "jobs", "label": "a", "value": 1})
CURL = {"content_type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _enabled(fresh_runtime: None) -> None:
    dash_pipe.configure(http_poke_enabled=True)


def make_server() -> Flask:
    app = dash.Dash("app")
    app.layout = []
    server: Flask = app.server
    server.secret_key = "x"
    return server


def post(client: FlaskClient, path: str = ROUTE, body: Any = BODY, **more: Any) -> TestResponse:
    return client.post(path, data=body, **{**CURL, **more})


def test_poke_with_curl_defaults_returns_position() -> None:
    for path in (ROUTE, ROUTE.rstrip("/")):
        answer = post(make_server().test_client(), path)
        assert answer.status_code == 200
        assert answer.mimetype == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json["positions"][0]["channel_name"] == "jobs"


def test_poke_disabled_returns_404() -> None:
    dash_pipe.configure(http_poke_enabled=False)
    answer = post(make_server().test_client())
    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert make_server().test_client().get(ROUTE).status_code == 404


def test_poke_with_get_returns_405() -> None:
    answer = make_server().test_client().get(ROUTE)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_poke_from_a_peer_that_is_not_local_returns_401() -> None:
    for peer in ("10.0.0.1", "", None):  # gunicorn has an empty one for a unix socket
        answer = post(make_server().test_client(), environ_overrides={"REMOTE_ADDR": peer})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_poke_headers_are_checked() -> None:
    client = make_server().test_client()
    assert post(client, headers={"Origin": "http://localhost"}).status_code == 401
    assert post(client, headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
    assert post(client, content_type="text/plain").status_code == 415
    dash_pipe.configure(http_poke_token="t0ken")
    assert post(make_server().test_client()).status_code == 401
    answer = post(make_server().test_client(), headers={"Authorization": "Bearer t0ken"})
    assert answer.status_code != 401


class EndlessBody:
    """A body that never ends, sent in chunks."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        self.taken += size
        return b" " * size

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


def test_poke_body_too_large_returns_413_and_is_not_read_on() -> None:
    client = make_server().test_client()
    assert post(client, body=BODY.ljust(MAX_BODY_BYTES + 1)).status_code == 413
    body = EndlessBody()
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "REMOTE_ADDR": "127.0.0.1"}
    answer = client.open(ROUTE, method="POST", environ_overrides=environ, **CURL)
    assert answer.status_code == 413
    assert body.taken <= MAX_BODY_BYTES + 1


def test_poke_body_that_the_app_reads_first_is_accepted() -> None:
    server = make_server()
    seen = []
    server.before_request(lambda: seen.append(dict(request.form)))
    server.before_request(lambda: seen.append(request.get_json(silent=True)))
    client = server.test_client()
    assert post(client).status_code == 200
    assert seen == [{BODY: ""}, None]
    assert post(client, content_type="application/json").status_code == 200
    assert seen[2:] == [{}, json.loads(BODY)]


@pytest.mark.parametrize("before", [True, False])
def test_csrf_protection_exempts_poke_and_poll_but_not_forms(*, before: bool) -> None:
    server = Flask("server")
    server.secret_key = "x"
    if before:
        CSRFProtect(server)
    dash.Dash("app", server=server).layout = []
    if not before:
        CSRFProtect(server)

    @server.post("/form")
    def form() -> str:
        return "posted"

    client = server.test_client()
    assert post(client).status_code == 200
    assert post(client, base_url="https://localhost").status_code == 200
    assert post(client, "/_pipe/poll", "[]", content_type="application/json").json == []
    answer = client.post("/form")
    assert (answer.status_code, "CSRF" in answer.text) == (400, True)


def test_before_request_rejects_poke() -> None:
    server = make_server()
    server.before_request(lambda: ("no", 403))
    assert post(server.test_client()).status_code == 403


def test_poke_with_http_route_setting_is_served_only_there() -> None:
    dash_pipe.configure(http_route="/hooks/in")
    client = make_server().test_client()
    with pytest.raises(SettingError, match=r"^http_route: .*before the app is made"):
        dash_pipe.configure(http_route="/elsewhere")
    assert post(client, "/hooks/in/poke/").status_code == 200
    assert post(client).status_code == 405  # the app's own page works


def test_two_apps_on_one_server_both_serve_poke() -> None:
    server = Flask("server")
    for name in ("one", "two"):
        dash.Dash(name, server=server, url_base_pathname=f"/{name}/").layout = []
    for name in ("one", "two"):
        assert post(server.test_client(), f"/{name}{ROUTE}").status_code == 200


def test_invalid_http_route_raises_when_the_app_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    with runtime.swapped(runtime.Runtime()):
        monkeypatch.setenv("DASH_PIPE_HTTP_ROUTE", "<nonsense>")
        with pytest.raises(SettingError, match="DASH_PIPE_HTTP_ROUTE: expected a path"):
            dash.Dash("app")


@pytest.fixture
def client() -> FlaskClient:
    return make_server().test_client()


@given(
    body=st.binary() | st.text().map(str.encode).map(lambda b: b'{"value": "' + b + b'"}'),
    content_type=st.sampled_from(["application/json", CURL["content_type"], "text/plain"]),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_poke_with_any_body_is_no_server_error(
    client: FlaskClient, body: bytes, content_type: str
) -> None:
    answer = post(client, body=body, content_type=content_type)
    assert answer.status_code in {200, 400, 415}
    assert answer.json
