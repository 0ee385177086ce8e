import logging
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import dash
import pytest
from flask import Flask
from flask.testing import FlaskClient

import dash_pipe
from dash_pipe.errors import SetupError
from dash_pipe.frameworks.dash import _on_setup
from harness.environment import environment

WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def routes(server: Flask) -> list[str]:
    return [rule.rule for rule in server.url_map.iter_rules() if "_pipe/ws" in rule.rule]


def test_dash_app_has_the_websocket_route_without_setup() -> None:
    app = dash.Dash("app")
    assert routes(app.server) == ["/_pipe/ws"]
    (rule,) = (rule for rule in app.server.url_map.iter_rules() if "_pipe/ws" in rule.rule)
    assert rule.websocket


def test_setup_called_again_adds_no_second_route() -> None:
    app = dash.Dash("app")
    for _ in range(3):
        dash_pipe.setup(app)
    assert routes(app.server) == ["/_pipe/ws"]


def test_setup_of_an_app_made_before_the_import_adds_the_route() -> None:
    code = """if True:
        import dash, sys
        assert "dash_pipe" not in sys.modules
        app = dash.Dash("app", server=False)
        early = dash.Dash("early")
        import dash_pipe
        dash_pipe.setup(early)
        dash_pipe.setup(app)
        dash_pipe.setup(app)
        from flask import Flask
        server = Flask("server")
        app.init_app(server)
        for each in (early.server, server):
            print([r.rule for r in each.url_map.iter_rules() if "_pipe/ws" in r.rule])
    """
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.stdout.split("\n")[:2] == ["['/_pipe/ws']"] * 2, found.stderr


def test_setup_before_init_app_adds_the_route_later() -> None:
    app = dash.Dash("app", server=False)
    dash_pipe.setup(app)
    assert not hasattr(app.init_app.__wrapped__, "__wrapped__")  # type: ignore[attr-defined]
    server = Flask("server")
    app.init_app(server)
    assert routes(server) == ["/_pipe/ws"]
    dash_pipe.setup(app)
    assert routes(server) == ["/_pipe/ws"]


def test_prefix_given_to_init_app_is_used() -> None:
    app = dash.Dash("app", server=False)
    app.init_app(server := Flask("server"), routes_pathname_prefix="/late/")
    assert routes(server) == ["/late/_pipe/ws"]


def test_route_is_below_routes_pathname_prefix() -> None:
    app = dash.Dash(
        "app", routes_pathname_prefix="/inner/", requests_pathname_prefix="/outer/inner/"
    )
    assert routes(app.server) == ["/inner/_pipe/ws"]


def test_two_apps_on_one_server_have_a_route_each() -> None:
    server = Flask("server")
    dash.Dash("one", server=server, url_base_pathname="/one/")
    dash.Dash("two", server=server, url_base_pathname="/two/")
    assert sorted(routes(server)) == ["/one/_pipe/ws", "/two/_pipe/ws"]


def test_one_app_on_two_servers_has_a_route_on_each() -> None:
    app = dash.Dash("app", server=False)
    servers = [Flask("one"), Flask("two")]
    for server in servers:
        app.init_app(server)
    assert [routes(server) for server in servers] == [["/_pipe/ws"]] * 2


class RaisingApp:
    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


UNKNOWN_APP_IDS = [
    *("none", "object", "flask", "raising", "no-server", "server-none"),
    *("server-object", "server-flask"),
]


def unknown_apps() -> list[Any]:
    def nothing() -> None:
        pass

    return [
        None,
        object(),
        Flask("app"),
        RaisingApp(),
        SimpleNamespace(init_app=nothing, config={}),
        SimpleNamespace(init_app=nothing, config={}, server=None),
        SimpleNamespace(init_app=nothing, config={}, server=object(), routes=[]),
        SimpleNamespace(init_app=nothing, config={}, server=Flask("x"), routes=["/"]),
    ]


@pytest.mark.parametrize("app", unknown_apps(), ids=UNKNOWN_APP_IDS)
def test_setup_hook_ignores_unknown_apps_without_logging(
    app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _on_setup(app)
    assert [r for r in caplog.records if r.levelno > logging.DEBUG] == []


@pytest.mark.parametrize("app", [None, object(), Flask("app"), "app"])
def test_setup_of_a_non_app_raises_with_advice(app: Any) -> None:
    with pytest.raises(SetupError) as caught:
        dash_pipe.setup(app)
    assert "dash.Dash" in str(caught.value)
    assert type(app).__name__ in str(caught.value)


def test_setup_of_an_app_on_unknown_server_raises_with_advice() -> None:
    app = dash.Dash("app")
    app.server = object()  # as with another backend
    with pytest.raises(SetupError, match=r"on Flask, FastAPI or Quart, .*builtins\.object"):
        dash_pipe.setup(app)


def client(*, allowed: bool = True) -> FlaskClient:
    app = dash.Dash("app")
    app.layout = []
    if not allowed:
        app.server.before_request(lambda: ("no", 403))
    return app.server.test_client()


def test_websocket_route_without_a_socket_returns_501_with_advice() -> None:
    answer = client().get("/_pipe/ws", headers=WEBSOCKET)
    assert answer.status_code == 501
    assert answer.mimetype == "text/plain"
    assert "To fix it, " in answer.text


def test_websocket_route_with_invalid_handshake_returns_400() -> None:
    answer = client().get("/_pipe/ws", headers=WEBSOCKET | {"Sec-WebSocket-Key": "x"})
    assert answer.status_code == 400
    assert answer.headers["Sec-WebSocket-Version"] == "13"


def test_websocket_route_does_not_serve_plain_http() -> None:
    assert client().post("/_pipe/ws").status_code in (400, 405)
    assert "WebSocket" not in client().get("/_pipe/ws").text


def test_before_request_rejects_the_websocket_route() -> None:
    answer = client(allowed=False).get("/_pipe/ws", headers=WEBSOCKET)
    assert answer.status_code == 403


def test_component_names_its_bundle_and_namespace() -> None:
    assert dash_pipe.Pipe._js_dist[0]["relative_package_path"] == "dash_pipe.min.js"
    assert dash_pipe.__version__
    pipe = dash_pipe.Pipe(id="p", channel_name="jobs", label=["a"])
    assert pipe.to_plotly_json()["namespace"] == "dash_pipe"


@pytest.mark.parametrize(
    ("auto_setup", "before", "expected"),
    [
        ("1", "", "True True True"),
        ("0", "", "False False False"),
        (
            "0",
            "import dash_pipe; dash_pipe.setup(app); other = dash.Dash('other')",
            "True True True",
        ),
    ],
    ids=["on", "off", "off-and-set-up"],
)
def test_app_that_imports_nothing_has_endpoint_and_bundle_unless_auto_setup_is_off(
    auto_setup: str, before: str, expected: str
) -> None:
    code = f"""if True:
        import dash, sys
        app = dash.Dash("app")
        app.layout = dash.html.Div()
        {before}
        client = app.server.test_client()
        index = client.get("/").text
        named = "dash-pipe-url" in index
        print(client.get("/_pipe/info").json is not None, "suites/dash_pipe/" in index, named)
    """
    variables = {"DASH_PIPE_AUTO_SETUP": auto_setup, "DASH_PIPE_URL": "/elsewhere/_pipe/"}
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.split() == expected.split(), found.stderr
