"""The application context in which hooks and `authorize` of a Flask app are called."""

import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import dash
import pytest
from flask import current_app, g

import dash_pipe
from dash_pipe import runtime
from dash_pipe.transports import takeover, wsgi

POLL = b'[{"type":"subscribe","channel":"jobs","labels":["a","b"]}]'


@pytest.fixture
def hooks() -> Iterator[list[Any]]:
    before = dash.hooks._ns["websocket_connect"]
    dash.hooks._ns["websocket_connect"] = []
    yield dash.hooks._ns["websocket_connect"]
    dash.hooks._ns["websocket_connect"] = before


def test_each_call_for_a_poll_has_its_own_application_context(hooks: list[Any]) -> None:
    app = dash.Dash("app")
    app.layout = []
    users: list[int] = []
    ended: list[int] = []

    @app.server.teardown_appcontext
    def give_back(_: object) -> None:
        ended.append(g.pop("user", 0))

    def look_up(*_: Any) -> bool:
        assert current_app.name == "app"
        assert "user" not in g
        g.user = len(users) + 1
        users.append(g.user)
        assert [each for each in ended if each] == users[:-1]
        return len(users) != 2  # both labels together

    dash.hooks.websocket_connect()(look_up)
    dash_pipe.configure(authorize=look_up)
    assert app.server.test_client().post("/_pipe/poll", data=POLL).status_code == 200
    assert users == [1, 2, 3, 4]
    assert [each for each in ended if each] == users


def test_call_that_timed_out_gives_back_what_it_took_when_it_ends() -> None:
    app = dash.Dash("app")
    app.layout = []
    release, ended = threading.Event(), threading.Event()

    @app.server.teardown_appcontext
    def give_back(_: object) -> None:
        if g.pop("user", None) is not None:
            ended.set()

    def look_up(*_: Any) -> bool:
        release.wait(30)
        g.user = "ann"
        return True

    dash_pipe.configure(authorize=look_up, authorize_timeout=0.05)
    assert app.server.test_client().post("/_pipe/poll", data=POLL).status_code == 503
    release.set()
    assert ended.wait(30)


def test_socket_that_was_taken_over_does_not_keep_the_context_of_its_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request: ContextVar[str] = ContextVar("request")
    request.set("a request")
    kept: list[Any] = []

    class Loop:
        def adopt(self, *_: Any) -> None:
            kept.append(request.get(None))

    monkeypatch.setattr(wsgi, "loop_thread", lambda _: Loop())
    monkeypatch.setattr(takeover, "find_socket", lambda _: ("a socket", ""))
    monkeypatch.setattr(takeover, "is_descriptor", lambda _: True)
    monkeypatch.setattr(takeover, "take_over", lambda _: "a duplicate")
    wsgi.serve_websocket(runtime.current(), HANDSHAKE)
    assert kept == [None]


HANDSHAKE = {
    "REQUEST_METHOD": "GET",
    "HTTP_HOST": "app.org",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
}
