"""dash_pipe.django, in a project without a server."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.backends.cache import SessionStore as CacheSession
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.checks import run_checks
from django.db import transaction
from django.template import engines
from django.test import override_settings

import dash_pipe
from dash_pipe import django as dash_pipe_django
from dash_pipe import runtime, sign_channel
from dash_pipe.auth.channel_token import ChannelToken, InvalidTokenError, sign_token
from dash_pipe.auth.token_check import TokenCheck
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.errors import BrokerUnavailableError, InvalidMessageError, SettingError
from dash_pipe.frameworks import dpd
from dash_pipe.log import Limits
from dash_pipe.protocol import Close
from dash_pipe.testing import own_messages
from harness.project import configure
from unit.asgi_server import Server

configure()

from dash_pipe.django import dpd_senders, open_request  # noqa: E402 - which needs settings
from dash_pipe.django.conf import project  # noqa: E402 - which needs settings


@pytest.fixture(autouse=True)
def adopted(fresh_runtime: None) -> None:
    runtime.current().adopt(project())


def settings() -> Any:
    return runtime.current().settings


# Settings


@pytest.mark.parametrize("installed", [True, False])
def test_frames_of_django_plotly_dash_are_on_where_it_is_installed(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps, "is_installed", lambda name: installed)
    runtime.current().adopt(project())
    assert settings().dpd_frames is installed
    assert runtime.current().policy.dpd_frames is installed
    with override_settings(DASH_PIPE={"dpd_frames": not installed}):
        assert settings().dpd_frames is not installed


def test_default_routes_equal_those_of_django_plotly_dash() -> None:
    found = settings()
    assert (found.ws_route, found.http_route) == ("dpd/ws/channel", "dpd/views")
    assert found.url == "/dpd/ws/channel/"
    assert found.http_poke_enabled is False


@override_settings(
    PLOTLY_DASH={"ws_route": "old/ws", "http_route": "old/http", "http_poke_enabled": True, "x": 1},
    DASH_PIPE={"ws_route": "new/ws", "heartbeat_interval": 3, "window_messages": "12"},
)
def test_dash_pipe_settings_override_plotly_dash_settings() -> None:
    found = settings()
    assert (found.ws_route, found.url) == ("new/ws", "/new/ws/")
    assert (found.http_route, found.http_poke_enabled) == ("old/http", True)
    assert (found.heartbeat_interval, found.window_messages) == (3.0, 12)


def test_keyword_overrides_environment_and_that_the_django_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASH_PIPE_HEARTBEAT_INTERVAL", "4")
    with override_settings(DASH_PIPE={"heartbeat_interval": 3, "poll_interval": 3}):
        assert (settings().heartbeat_interval, settings().poll_interval) == (4.0, 3.0)
        assert dash_pipe.configure(heartbeat_interval=5).heartbeat_interval == 5


@override_settings(FORCE_SCRIPT_NAME="/app/")
def test_force_script_name_prefixes_the_url() -> None:
    assert settings().url == "/app/dpd/ws/channel/"


@override_settings(DASH_PIPE={"authorize": "os.path:exists"})
def test_authorize_as_dotted_path_is_imported() -> None:
    authorize = settings().authorize
    assert authorize is not None
    assert authorize("/") is True


def test_django_settings_reach_a_forked_child() -> None:
    with override_settings(DASH_PIPE={"heartbeat_interval": 3}):
        assert runtime.current().copy().settings.heartbeat_interval == 3


# Checks


@pytest.mark.parametrize(
    ("wrong", "number", "named"),
    [
        ({"DASH_PIPE": {"hartbeat": 3}}, "E001", "DASH_PIPE['hartbeat']: no such setting"),
        (
            {"DASH_PIPE": {"heartbeat_interval": "x"}},
            "E001",
            "DASH_PIPE['heartbeat_interval']: expected a number",
        ),
        ({"DASH_PIPE": {"ws_route": 5}}, "E001", "DASH_PIPE['ws_route']: expected a path"),
        ({"DASH_PIPE": []}, "E001", "DASH_PIPE: expected a dict of settings, got list"),
        ({"PLOTLY_DASH": {"http_route": 1}}, "E001", "PLOTLY_DASH['http_route']: expected a path"),
        (
            {"DASH_PIPE": {"broker": "rabbit://x"}},
            "E002",
            "broker: expected the URL of a broker, got",
        ),
        ({"DASH_PIPE": {"broker": "channels://x"}}, "E003", "names no channel layer"),
    ],
)
def test_check_of_an_invalid_setting_reports_it(
    wrong: dict[str, Any], number: str, named: str
) -> None:
    with override_settings(**wrong):
        (found,) = [each for each in run_checks() if each.id.startswith("dash_pipe.")]
    assert (found.id, bool(found.hint)) == (f"dash_pipe.{number}", True)
    assert named in found.msg


def test_check_of_valid_settings_reports_nothing() -> None:
    assert [each for each in run_checks() if each.id.startswith("dash_pipe.")] == []


DEPLOYED = {"http_poke_enabled": True}
TOKEN = {"http_poke_token": "t0ken"}


@pytest.mark.parametrize(
    ("own", "debug", "warned"),
    [
        *((DEPLOYED, False, ["dash_pipe.W001"]), (DEPLOYED, True, []), ({}, False, [])),
        (DEPLOYED | TOKEN, False, []),
    ],
)
def test_check_of_a_deployment_warns_of_poke_without_a_token(
    own: dict[str, Any], debug: bool, warned: list[str]
) -> None:
    def ours(*, deploy: bool) -> list[str]:
        found = run_checks(include_deployment_checks=deploy)
        return [each.id for each in found if each.id.startswith("dash_pipe.")]

    with override_settings(DASH_PIPE=own, DEBUG=debug):
        assert ours(deploy=True) == warned
        assert ours(deploy=False) == []


SENDS = """
def get_channel_layer():
    return "the layer"

def send_to_pipe_channel():
    return get_channel_layer()
"""


@pytest.fixture
def dpd_consumers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The senders of django-plotly-dash, and a module of the project that has imported one."""
    consumers, views = ModuleType("django_plotly_dash.consumers"), ModuleType("mysite.views")
    exec(SENDS, vars(consumers))
    views.send = consumers.send_to_pipe_channel  # type: ignore[attr-defined]
    for module in (consumers, views):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return consumers


HEARD = [
    {"DASH_PIPE": {"broker": "channels://default"}, "CHANNEL_LAYERS": {"default": {}}},
    {"ASGI_APPLICATION": "django_plotly_dash.routing.application"},
]


@pytest.mark.parametrize(
    ("project_settings", "warned"),
    [({"DASH_PIPE": {"broker": "redis://:secret@x/0"}}, True), *((each, False) for each in HEARD)],
)
@pytest.mark.usefixtures("dpd_consumers")
def test_check_warns_of_an_imported_sender_that_no_pipe_hears(
    project_settings: dict[str, Any], warned: bool
) -> None:
    with override_settings(**project_settings):
        found = [each for each in run_checks() if each.id == "dash_pipe.W002"]
    assert len(found) == warned
    for each in found:
        assert "mysite.views" in each.msg
        assert "secret" not in each.msg


@pytest.mark.parametrize(
    ("project_settings", "warned"), [({}, True), *((each, False) for each in HEARD)]
)
def test_sender_that_no_pipe_hears_is_logged_once_when_it_is_called(
    dpd_consumers: Any,
    caplog: pytest.LogCaptureFixture,
    project_settings: dict[str, Any],
    warned: bool,
) -> None:
    dpd_senders._watch(dpd_consumers)
    with override_settings(**project_settings):
        for _ in range(2):
            assert dpd_consumers.send_to_pipe_channel() == "the layer"
    assert ["the broker is memory://" in text for text in caplog.messages] == [True] * warned


def test_consumers_without_a_channel_layer_are_left_alone() -> None:
    consumers = ModuleType("django_plotly_dash.consumers")
    dpd_senders._watch(consumers)
    assert not hasattr(consumers, "get_channel_layer")


# Routes


def routing() -> Any:
    """The module as it is with today's settings; it does not replace the one that is imported."""
    spec = find_spec("dash_pipe.django.routing")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def request(app: Any, path: str, method: str = "GET", body: bytes = b"") -> int:
    """Make a request from this machine; return the status of the response."""

    async def main() -> int:
        events = iter([{"type": "http.request", "body": body}])
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            try:
                return next(events)
            except StopIteration:
                return await asyncio.Future()

        async def send(event: Any) -> None:
            sent.append(event)

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "path": path, "method": method, "headers": headers}
        scope |= {"client": ("127.0.0.1", 1), "query_string": b"", "http_version": "1.1"}
        await app(scope, receive, send)
        return int(sent[0]["status"])

    return asyncio.run(main())


MESSAGE = json.dumps({"channel_name": "jobs", "label": "a", "value": 1}).encode()


@override_settings(ALLOWED_HOSTS=["*"])
def test_poke_disabled_has_no_route() -> None:
    assert request(routing().application, "/dpd/views/poke/", "POST", MESSAGE) == 404
    assert [str(each.pattern) for each in routing().urlpatterns] == [
        f"dpd/ws/channel/{name}" for name in ("info", "poll", "token", "health")
    ]


@override_settings(DASH_PIPE={"http_poke_enabled": True, "http_route": "hooks"})
@pytest.mark.parametrize("path", ["/hooks/poke/", "/hooks/poke"])
def test_poke_enabled_publishes_the_message(path: str) -> None:
    assert request(routing().application, path, "POST", MESSAGE) == 200
    assert runtime.current().broker.open("jobs").head == 1


def test_secret_key_of_the_project_signs_and_its_older_ones_verify() -> None:
    def is_valid(token: str) -> bool:
        try:
            TokenCheck(runtime.current()).valid_token("user-7", token)
        except InvalidTokenError:
            return False
        return True

    with override_settings(SECRET_KEY="the first key"):
        first = sign_channel("user-7")
        assert is_valid(first)
    with override_settings(SECRET_KEY="the second key", SECRET_KEY_FALLBACKS=["the first key"]):
        assert is_valid(first)
        second = sign_channel("user-7")
    with override_settings(SECRET_KEY="the second key"):
        assert [is_valid(first), is_valid(second)] == [False, True]
    with override_settings(DASH_PIPE={"token_keys": "a key of the setting"}):
        assert not is_valid(second)
    with override_settings(SECRET_KEY=""), pytest.raises(SettingError, match=r"^token_keys: "):
        sign_channel("user-7")


def test_protected_channel_of_a_project_needs_its_token() -> None:
    async def main() -> None:
        pattern, _ = routing().websocket_urlpatterns
        async with Server(pattern.callback, user=None, session={}) as server:
            await server.next()
            assert (await server.subscribe("user-7"))["code"] == "denied"
            token = sign_channel("user-7", labels="a")
            for labels, kind in ((["a"], "subscribed"), (["b"], "error"), (None, "error")):
                server.says(type="subscribe", channel="user-7", labels=labels, token=token)
                assert (await server.frame())["type"] == kind

    with override_settings(DASH_PIPE={"protected_channels": ["user-*"]}):
        asyncio.run(main())


def test_fresh_token_is_given_for_the_session_of_the_request() -> None:
    with override_settings(
        DASH_PIPE={"authorize": lambda scope, channel, labels: not scope["user"].is_authenticated},
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        ALLOWED_HOSTS=["*"],
    ):
        now = time.time()
        content = ChannelToken("user-7", None, now + 60, 600.0, now + 3600)
        token = sign_token(content, ["only for tests"])
        body = json.dumps({"channel": "user-7", "token": token}).encode()
        assert request(routing().application, "/dpd/ws/channel/token", "POST", body) == 200
        body = json.dumps({"channel": "user-8", "token": token}).encode()
        assert request(routing().application, "/dpd/ws/channel/token", "POST", body) == 403


def test_info_and_poll_are_served() -> None:
    application = routing().application
    assert request(application, "/dpd/ws/channel/info") == 200
    assert request(application, "/dpd/ws/channel/poll", "POST", b"[]") == 200


@pytest.fixture
def asked() -> Iterator[list[Any]]:
    asked: list[Any] = []

    def authorize(scope: Any, channel: str, labels: Any) -> bool:
        asked.append(scope)
        return bool(scope["session"].get("in")) and not scope["user"].is_authenticated

    with override_settings(
        DASH_PIPE={"authorize": authorize},
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    ):
        yield asked


@pytest.mark.parametrize(("is_in", "kind"), [(True, "subscribed"), (False, "error")])
@pytest.mark.parametrize("path", ["/dpd/ws/channel", "/dpd/ws/channel/ws"])
def test_authorize_sees_the_session_of_the_request(
    asked: list[Any], is_in: bool, kind: str, path: str
) -> None:
    session = SessionStore()
    session["in"] = is_in
    session.save()
    cookie = f"sessionid={session.session_key}".encode()

    async def main() -> None:
        app = routing().application
        headers = [(b"host", b"app.org"), (b"cookie", cookie)]
        async with Server(app, path=path, headers=headers) as server:
            assert (await server.next())["type"] == "websocket.accept"
            assert (await server.subscribe())["type"] == kind

    asyncio.run(main())
    assert asked[0]["type"] == "websocket"


def test_user_already_in_the_scope_is_kept(asked: list[Any]) -> None:
    class User:
        is_authenticated = False

    async def main() -> None:
        pattern, _ = routing().websocket_urlpatterns
        scope = {"user": User(), "session": {"in": True}}
        async with Server(pattern.callback, **scope) as server:
            await server.next()
            assert (await server.subscribe())["type"] == "subscribed"

    asyncio.run(main())
    assert isinstance(asked[0]["user"], User)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_each_question_looks_the_user_and_the_session_up_again(is_async: bool) -> None:
    users: list[Any] = []

    def authorize(scope: Any, channel: str, labels: Any) -> bool:
        users.append((scope["user"].name, scope["session"].get("in")))
        return True

    async def authorize_later(*asked: Any) -> bool:
        return authorize(*asked)

    session = CacheSession()
    session.update({"_auth_user_id": "1", "_auth_user_backend": f"{__name__}.Names", "in": 1})
    session.save()

    async def main() -> None:
        headers = [(b"host", b"app.org"), (b"cookie", f"sessionid={session.session_key}".encode())]
        async with Server(routing().application, path="/dpd/ws/channel", headers=headers) as server:
            await server.next()
            assert (await server.subscribe("jobs"))["type"] == "subscribed"
            Names.name, session["in"] = "bob", 2
            session.save()
            assert (await server.subscribe("news"))["type"] == "subscribed"

    Names.name = "ann"
    with override_settings(
        DASH_PIPE={"authorize": authorize_later if is_async else authorize},
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        AUTHENTICATION_BACKENDS=[f"{__name__}.Names"],
    ):
        asyncio.run(main())
    assert users == [("ann", 1), ("bob", 2)]


class Names:
    """A backend with one user, who may be renamed."""

    name = ""

    def get_user(self, user_id: int) -> Any:
        return SimpleNamespace(name=self.name)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_database_connections_are_closed_around_each_call(
    is_async: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(open_request, "close_old_connections", lambda: calls.append("close"))

    def authorize(*_: Any) -> bool:
        calls.append("authorize")
        return True

    async def authorize_later(*asked: Any) -> bool:
        return authorize(*asked)

    async def main() -> None:
        pattern, _ = routing().websocket_urlpatterns
        async with Server(pattern.callback, user=None, session={}) as server:
            await server.next()
            assert (await server.subscribe())["type"] == "subscribed"

    with override_settings(DASH_PIPE={"authorize": authorize_later if is_async else authorize}):
        asyncio.run(main())
    assert calls == ["close", "authorize", "close"]


# Sending


def head() -> int:
    return runtime.current().broker.open("jobs").head


@pytest.mark.usefixtures("database")
class TestSendOnCommit:
    def test_in_a_transaction_publishes_at_the_commit(self) -> None:
        value = {"n": 1}
        with transaction.atomic():
            dash_pipe_django.send_on_commit("jobs", "a", value)
            value["n"] = 2
            assert head() == 0
        (row,) = runtime.current().broker.open("jobs").read(0, None, 2**20).rows
        assert json.loads(row)[2] == {"n": 1}

    def test_in_a_rolled_back_transaction_publishes_nothing(self) -> None:
        with transaction.atomic():
            dash_pipe_django.send_on_commit("jobs", "a", 1)
            transaction.set_rollback(True)
        assert head() == 0

    def test_without_a_transaction_publishes_at_once(self) -> None:
        dash_pipe_django.send_on_commit("jobs", "a", 1)
        assert head() == 1

    def test_unavailable_broker_is_logged_at_the_commit(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        class AwayBroker(MemoryBroker):
            def publish(self, *_: Any, **__: Any) -> Any:
                raise BrokerUnavailableError("away", may_have_been_sent=False, message_id="m")

        dash_pipe.configure(broker=AwayBroker(Limits(), 10))
        with transaction.atomic():
            dash_pipe_django.send_on_commit("jobs", "a", 1, on_error="log")
        assert "1 message was lost, and the sender goes on: away" in caplog.text

    def test_invalid_message_raises_before_the_commit(self) -> None:
        with transaction.atomic(), pytest.raises(InvalidMessageError):
            dash_pipe_django.send_on_commit("jobs", "a", object())


# Pages


def rendered(tag: str) -> str:
    template = engines["django"].from_string("{% load dash_pipe %}" + tag)
    return str(template.render({}))


def test_template_tag_renders_url_and_script() -> None:
    assert rendered("{% dash_pipe_messages %}") == (
        '<meta name="dash-pipe-url" content="/dpd/ws/channel/">'
        '<script src="/static/dash_pipe/dpd_page_socket.min.js"></script>'
    )


def test_template_tag_with_url_escapes_it() -> None:
    assert 'content="/x?a&amp;&quot;"' in rendered("{% dash_pipe_messages url='/x?a&\"' %}")


def test_staticfiles_finder_finds_the_script() -> None:
    from django.contrib.staticfiles import finders

    assert finders.find("dash_pipe/dpd_page_socket.min.js")


class WrappedDash:
    """The part of an app of django-plotly-dash that is used."""

    __module__ = "django_plotly_dash.dash_wrapper"

    def interpolate_index(self, **parts: str) -> dict[str, str]:
        return parts


@pytest.mark.parametrize(
    ("keywords", "url"), [({}, "/dpd/ws/channel/"), ({"url": "/other/_pipe/ws"}, "/other/_pipe/")]
)
def test_page_of_a_wrapped_app_names_the_websocket_url(keywords: dict[str, Any], url: str) -> None:
    dash_pipe.configure(**keywords)
    app = WrappedDash()
    assert dpd.is_one(app)
    dpd.name_socket(app)
    meta = f'<meta name="dash-pipe-url" content="{url}">'
    assert app.interpolate_index(config="<script>", css="") == {
        "config": f"{meta}<script>",
        "css": "",
    }


def test_page_of_a_wrapped_app_without_our_project_has_url_dpd() -> None:
    runtime.current().adopt({})
    app = WrappedDash()
    dpd.name_socket(app)
    assert 'content="dpd:"' in app.interpolate_index(config="")["config"]


def test_invalid_setting_raises_when_routing_is_imported() -> None:
    with (
        override_settings(DASH_PIPE={"hartbeat": 1}),
        pytest.raises(SettingError, match="hartbeat"),
    ):
        routing()


# Tests of a project


def test_override_of_settings_begins_with_an_empty_broker_and_no_page() -> None:
    async def main() -> None:
        async with Server() as server:
            await server.next()
            await server.subscribe()
            dash_pipe_django.send_to_pipe_channel("jobs", "a", 1)
            await server.frame()
            with override_settings(DASH_PIPE={"window_messages": 5}):
                assert (await server.next())["code"] == Close.GOING_AWAY
                assert (settings().window_messages, head()) == (5, 0)

    asyncio.run(main())
    assert settings().window_messages == 10_000


def test_override_of_settings_keeps_the_broker_of_the_fixture() -> None:
    with own_messages() as messages, override_settings(DASH_PIPE={"broker": "redis://nowhere"}):
        dash_pipe_django.send_to_pipe_channel("jobs", "a", 1)
        assert messages() == [1]


class StoppableBroker(MemoryBroker):
    stopped = False

    def stop(self) -> None:
        self.stopped = True


def test_override_of_settings_does_not_stop_a_broker_that_the_project_made() -> None:
    broker = StoppableBroker(Limits(), 10)
    with override_settings(DASH_PIPE={"broker": broker}):
        assert runtime.current().broker is broker
    assert runtime.current().broker is not broker
    assert not broker.stopped
