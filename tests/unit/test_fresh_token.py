"""`POST _pipe/token`: a fresh token for one that ends, as long as the app allows it."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import dash
import httpx
import pytest

import dash_pipe
from dash_pipe import runtime, sign_channel
from dash_pipe.auth.token_check import TokenCheck
from dash_pipe.endpoint.fresh_token import fresh_token
from dash_pipe.endpoint.http import HttpRequest
from dash_pipe.errors import ProtocolError
from dash_pipe.hub.authorization import AuthorizationTimeout, Permission
from dash_pipe.protocol import MAX_FRAME_BYTES

KEY = "a key of the setting"
BACKENDS = ["flask", "fastapi", "quart"]


class App:
    """A Dash app, and what its `authorize` is asked and answers."""

    def __init__(self, backend: str) -> None:
        dash_pipe.configure(protected_channels=["user-*"], token_keys=KEY, authorize=self.authorize)
        self.asked: list[Any] = []
        self.answer = True
        self.backend = backend
        self._app = dash.Dash("app", backend=backend)
        self._app.layout = []

    def authorize(
        self, request: Any, channel: str, labels: list[str] | None, token: str | None
    ) -> bool:
        self.asked.append((request.cookies.get("name"), channel, labels, token))
        return self.answer

    def post(self, body: Any, method: str = "POST", **headers: str) -> tuple[int, Any, Any]:
        """Return the status, the JSON and the headers of the answer."""
        if self.backend == "flask":
            client = self._app.server.test_client()
            client.set_cookie("name", "ann")
            answer = client.open("/_pipe/token", method=method, json=body, headers=headers)
            return answer.status_code, answer.get_json(), answer.headers
        return asyncio.run(self._post(body, method, headers))

    async def _post(self, body: Any, method: str, headers: Any) -> tuple[int, Any, Any]:
        transport = httpx.ASGITransport(self._app.server)
        async with httpx.AsyncClient(transport=transport, base_url="http://app.org") as client:
            client.cookies.set("name", "ann")
            answer = await client.request(method, "/_pipe/token", json=body, headers=headers)
            is_json = answer.headers["Content-Type"] == "application/json"
            return answer.status_code, answer.json() if is_json else None, answer.headers


@pytest.fixture(params=BACKENDS)
def app(request: pytest.FixtureRequest) -> App:
    return App(request.param)


def earlier(monkeypatch: pytest.MonkeyPatch, seconds: float, **arguments: Any) -> str:
    """Return a token of so many seconds ago."""
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("dash_pipe.signing.time", SimpleNamespace(time=lambda: now - seconds))
        return sign_channel("user-7", **arguments)


def test_fresh_token_is_given_if_authorize_allows_it(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = earlier(monkeypatch, 50, max_age=60, labels=["a"], refresh_for=3600)
    status, answer, headers = app.post({"channel": "user-7", "token": token})
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert app.asked == [("ann", "user-7", ["a"], token)]
    found = TokenCheck(runtime.current()).valid_token("user-7", answer["token"])
    assert found.labels == {"a"}
    assert found.end == pytest.approx(time.time() + 60, abs=30)
    assert answer["seconds"] == pytest.approx(found.end - time.time(), abs=30)
    before = TokenCheck(runtime.current()).valid_token("user-7", token)
    assert found.refreshable_until == before.refreshable_until


def test_user_whom_authorize_denies_gets_no_fresh_token(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.answer = False
    token = earlier(monkeypatch, 50, max_age=60, refresh_for=3600)
    status, answer, _ = app.post({"channel": "user-7", "token": token})
    assert (status, answer["code"]) == (403, 4401)
    assert "token" not in answer


def test_without_authorize_nobody_gets_a_fresh_token(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = earlier(monkeypatch, 50, max_age=60, refresh_for=3600)
    with runtime.swapped(runtime.Runtime({"token_keys": KEY, "protected_channels": ["user-*"]})):
        assert app.post({"channel": "user-7", "token": token})[0] == 403
        assert runtime.current().counters.all()["token_denied"] == 1
    assert "without the setting authorize" in caplog.text


def test_token_that_is_not_valid_gets_no_fresh_one_and_asks_nobody(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = earlier(monkeypatch, 61, max_age=60, refresh_for=3600)
    never = earlier(monkeypatch, 50, max_age=60)
    no_more = earlier(monkeypatch, 50, max_age=60, refresh_for=55)
    valid = earlier(monkeypatch, 50, max_age=60, refresh_for=3600)
    reasons = set()
    for channel, token in (
        *(("user-7", each) for each in (ended, never, no_more, valid[:-1], "", "x")),
        ("user-8", valid),
    ):
        status, answer, _ = app.post({"channel": channel, "token": token})
        assert (status, answer["code"]) == (403, 4401)
        reasons.add(answer["reason"])
    assert app.asked == []
    assert len(reasons) == 1


def test_chain_of_fresh_tokens_ends_with_refresh_for(monkeypatch: pytest.MonkeyPatch) -> None:
    app = App("flask")
    token = sign_channel("user-7", max_age=60, refresh_for=150)
    check, start, given = TokenCheck(runtime.current()), time.time(), 0
    last = check.valid_token("user-7", token).refreshable_until
    for step in range(1, 10):
        now = start + 45 * step
        clock = SimpleNamespace(time=lambda now=now: now)
        monkeypatch.setattr("dash_pipe.endpoint.fresh_token.time", clock)
        monkeypatch.setattr(TokenCheck.__init__, "__defaults__", (clock.time,))
        status, answer, _ = app.post({"channel": "user-7", "token": token})
        if status != 200:
            break
        given, token = given + 1, answer["token"]
        assert now + answer["seconds"] <= last + 0.01
    assert (status, given) == (403, 2)
    assert check.valid_token("user-7", token).end == last


@pytest.mark.parametrize(
    "body",
    [
        *[None, [], "x", {}, {"channel": "user-7"}, {"token": "x"}, {"channel": "", "token": "x"}],
        *[{"channel": "user-7", "token": 5}, {"channel": "user-7", "token": "x" * MAX_FRAME_BYTES}],
    ],
)
def test_body_without_channel_and_token_is_a_bad_request(body: Any) -> None:
    assert App("flask").post(body)[0] == 400


def test_body_that_is_no_json_is_a_bad_request() -> None:
    for body in (b"", b"{", b"\xff", b"[" * 5000):
        request = HttpRequest("POST", "token", body=body)
        assert fresh_token(runtime.current(), request, lambda _: AuthorizationTimeout())[0] == 400


def test_page_whose_subscribe_would_be_denied_gets_no_fresh_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    App("flask")
    token = earlier(monkeypatch, 50, max_age=60, refresh_for=3600)
    request = HttpRequest(
        "POST", "token", body=b'{"channel": "user-7", "token": "%s"}' % token.encode()
    )

    def deny(_: object) -> Permission:
        raise ProtocolError("denied", "not today", "user-7")

    assert fresh_token(runtime.current(), request, deny).status == 403


def test_timeout_of_authorize_can_be_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    App("flask")
    token = earlier(monkeypatch, 50, max_age=60, refresh_for=3600)
    body = b'{"channel": "user-7", "token": "%s"}' % token.encode()
    request = HttpRequest("POST", "token", body=body)
    answer = fresh_token(runtime.current(), request, lambda _: AuthorizationTimeout())
    assert answer.status == 503


def test_page_of_another_site_gets_no_fresh_token(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = earlier(monkeypatch, 50, max_age=60, refresh_for=3600)
    body = {"channel": "user-7", "token": token}
    status, answer, headers = app.post(body, Origin="https://evil.example.org")
    assert (status, answer["code"]) == (403, 4403)
    assert "Access-Control-Allow-Origin" not in headers
    assert app.asked == []


def test_token_is_asked_for_by_post_alone(app: App) -> None:
    status, _, headers = app.post(None, method="GET")
    assert status == 405 or headers["Content-Type"].startswith("text/html")  # Dash's page
