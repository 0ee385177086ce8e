"""The setting `protected_channels`: a subscribe needs a token, and `authorize` has to agree."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import dash
import pytest

import dash_pipe
from dash_pipe import runtime, sign_channel
from dash_pipe.auth.allowance import Allowance
from dash_pipe.auth.authorize import (
    authorize_subscribe,
    authorize_subscribe_beside_loop,
    authorize_subscribe_sync,
)
from dash_pipe.hub.authorization import Outcome, Permission
from dash_pipe.permission import allow
from dash_pipe.protocol import Subscribe
from unit.asgi_server import Server
from unit.test_backends import SCOPE

KEY = "a key of the setting"
Ask = Callable[[Subscribe], Outcome]


def ask_on_a_loop(subscribe: Subscribe) -> Outcome:
    return asyncio.run(authorize_subscribe(runtime.current(), contextlib.nullcontext, subscribe))


def ask_in_a_thread(subscribe: Subscribe) -> Outcome:
    return authorize_subscribe_sync(runtime.current(), contextlib.nullcontext, subscribe)


def ask_beside_a_loop(subscribe: Subscribe) -> Outcome:
    async def ask() -> Outcome:
        loop, allowance = asyncio.get_running_loop(), Allowance(5.0)
        ask = authorize_subscribe_beside_loop
        arguments = (loop, runtime.current(), contextlib.nullcontext, subscribe, allowance)
        return await asyncio.to_thread(ask, *arguments)

    return asyncio.run(ask())


@pytest.fixture(params=[ask_on_a_loop, ask_in_a_thread, ask_beside_a_loop])
def ask(request: pytest.FixtureRequest) -> Ask:
    dash_pipe.configure(protected_channels=["user-*"], token_keys=KEY)
    found: Ask = request.param
    return found


def denied(outcome: Outcome) -> frozenset[str | None]:
    assert isinstance(outcome, Permission)
    return outcome.denied


def test_protected_channel_needs_a_token_of_its_own(ask: Ask) -> None:
    token = sign_channel("user-7")
    assert denied(ask(Subscribe("user-7", None, token=token))) == frozenset()
    for wrong in (None, "", "x", token[:-1], sign_channel("user-8")):
        assert denied(ask(Subscribe("user-7", None, token=wrong))) == {None}
        labels = frozenset({"a", "b"})
        assert denied(ask(Subscribe("user-7", labels, token=wrong))) == labels


def test_channel_that_is_not_protected_needs_no_token(ask: Ask) -> None:
    assert ask(Subscribe("jobs", None)) == Permission()
    assert ask(Subscribe("jobs", None, token="x")) == Permission()


def test_permission_ends_with_the_token(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    outcome = ask(Subscribe("user-7", None, token=sign_channel("user-7", max_age=60)))
    assert isinstance(outcome, Permission)
    assert outcome.denied == frozenset()
    assert outcome.until == pytest.approx(now + 60, abs=30)
    with monkeypatch.context() as earlier:
        earlier.setattr("dash_pipe.signing.time", SimpleNamespace(time=lambda: now - 3600))
        ended = sign_channel("user-7", max_age=3599)
    assert denied(ask(Subscribe("user-7", None, token=ended))) == {None}


def test_token_for_labels_allows_no_others_and_not_every_label(ask: Ask) -> None:
    token = sign_channel("user-7", labels=["a", "b"])
    wanted = {("a",): set(), ("a", "b"): set(), ("a", "c"): {"c"}, ("c",): {"c"}}
    for labels, expected in wanted.items():
        subscribe = Subscribe("user-7", frozenset(labels), token=token)
        assert denied(ask(subscribe)) == expected
    assert denied(ask(Subscribe("user-7", None, token=token))) == {None}
    assert denied(ask(Subscribe("user-7", frozenset(), token=token)))


def test_token_for_labels_gets_no_hint_about_others(ask: Ask) -> None:
    labels = frozenset({"a"})
    token = sign_channel("user-7", labels=["a"])
    assert denied(ask(Subscribe("user-7", labels, token=token, hint=True))) == {None}
    token = sign_channel("user-7")
    assert denied(ask(Subscribe("user-7", labels, token=token, hint=True))) == frozenset()


def test_authorize_and_the_token_have_to_agree(ask: Ask) -> None:
    asked: list[Any] = []

    def authorize(_: Any, channel: str, labels: list[str] | None, token: str | None) -> bool:
        asked.append((channel, labels, token))
        return labels == ["a"]

    dash_pipe.configure(authorize=authorize)
    token = sign_channel("user-7", labels=["a", "b"])
    labels = frozenset({"a", "b", "c"})
    assert denied(ask(Subscribe("user-7", labels, token=token))) == {"b", "c"}
    assert {name for _, labels, _ in asked for name in labels or ()} == {"a", "b"}
    asked.clear()
    assert denied(ask(Subscribe("user-7", labels))) == labels
    assert asked == []  # it is not called for what the token does not allow
    assert denied(ask(Subscribe("jobs", frozenset({"b"})))) == {"b"}


def test_permission_ends_with_the_first_of_both(ask: Ask) -> None:
    now = time.time()
    dash_pipe.configure(authorize=lambda *_: allow(until=now + 1000))
    for max_age, end in ((10_000, now + 1000), (100, now + 100)):
        outcome = ask(Subscribe("user-7", None, token=sign_channel("user-7", max_age=max_age)))
        assert isinstance(outcome, Permission)
        assert outcome.until == pytest.approx(end, abs=30)


def test_page_is_told_when_to_fetch_a_fresh_token_if_it_gets_one(ask: Ask) -> None:
    def refresh(token: str) -> float | None:
        outcome = ask(Subscribe("user-7", None, token=token))
        assert isinstance(outcome, Permission)
        return outcome.refresh

    assert refresh(sign_channel("user-7", max_age=1000, refresh_for=5000)) is None
    dash_pipe.configure(authorize=lambda *_: True)
    for max_age, early in ((1000, 200), (100_000, 600)):
        token = sign_channel("user-7", max_age=max_age, refresh_for=2 * max_age)
        assert refresh(token) == pytest.approx(max_age - early, abs=30)
    assert refresh(sign_channel("user-7", max_age=1000, refresh_for=999)) is None
    assert refresh(sign_channel("user-7")) is None


def test_denied_token_is_counted_and_logged_with_its_reason(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    for token in (None, sign_channel("user-8"), "x", sign_channel("user-7", labels="a")):
        ask(Subscribe("user-7", None, token=token))
    assert dash_pipe.stats()["token_denied"] == 4
    for part in ("there is none", "for the channel 'user-8'", "it is no token", "the labels a"):
        assert sum(part in record.getMessage() for record in caplog.records) == 1
    for _ in range(50):
        ask(Subscribe("user-7", None, token="x"))
    assert dash_pipe.stats()["token_denied"] == 54
    assert len(caplog.records) == 10


def test_denied_token_has_the_same_reason_whatever_is_wrong() -> None:
    dash_pipe.configure(protected_channels=["user-*"], token_keys=KEY)
    app = dash.Dash("app")
    app.layout = []
    tokens = [None, "x", sign_channel("user-8"), sign_channel("user-7", labels="a")]
    frames = [{"type": "subscribe", "channel": "user-7", "labels": None} for _ in tokens]
    body = [
        frame | ({"token": each} if each else {})
        for frame, each in zip(frames, tokens, strict=True)
    ]
    answers = app.server.test_client().post("/_pipe/poll", json=body).json
    assert {answer["code"] for answer in answers} == {"denied"}
    assert len(answers) == len(tokens)
    assert len({answer["reason"] for answer in answers}) == 1


def test_token_of_an_older_key_is_valid_while_the_key_is_listed(ask: Ask) -> None:
    subscribe = Subscribe("user-7", None, token=sign_channel("user-7"))
    dash_pipe.configure(token_keys=["the next key", KEY])
    assert denied(ask(subscribe)) == frozenset()
    dash_pipe.configure(token_keys=["the next key"])
    assert denied(ask(subscribe)) == {None}


def test_protected_channel_without_a_key_is_denied_and_the_log_names_the_setting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dash_pipe.configure(protected_channels=["user-*"])
    assert denied(ask_in_a_thread(Subscribe("user-7", None, token="x"))) == {None}
    assert caplog.records[0].levelno == logging.WARNING
    assert "token_keys: tokens of channels need a key" in caplog.text


@pytest.mark.parametrize("backend", ["fastapi", "quart"])
def test_websocket_without_authorize_needs_the_token_of_a_protected_channel(backend: str) -> None:
    dash_pipe.configure(protected_channels=["user-*"], token_keys=KEY)
    app = dash.Dash("app", backend=backend)

    async def main() -> None:
        async with Server(app.server, **SCOPE) as server:
            await server.next()
            assert (await server.subscribe("jobs"))["type"] == "subscribed"
            error = await server.subscribe("user-7")
            assert (error["code"], error["final"]) == ("denied", True)
            assert "`token` is not valid (the log of the server says why)" in error["reason"]
            token = sign_channel("user-7")
            server.says(type="subscribe", channel="user-7", labels=None, token=token)
            answer = await server.frame()
            assert answer["type"] == "subscribed"
            assert "refresh" not in answer

    asyncio.run(main())


def test_reply_tells_when_to_fetch_a_fresh_token() -> None:
    dash_pipe.configure(protected_channels=["user-*"], token_keys=KEY, authorize=lambda *_: True)

    async def main() -> None:
        async with Server(**SCOPE) as server:
            await server.next()
            token = sign_channel("user-7", max_age=100, refresh_for=200)
            server.says(type="subscribe", channel="user-7", labels=None, token=token)
            assert (await server.frame())["refresh"] == pytest.approx(80, abs=30)

    asyncio.run(main())


def test_poll_of_flask_needs_the_token_of_a_protected_channel() -> None:
    dash_pipe.configure(protected_channels=["user-*"])
    app = dash.Dash("app")
    app.layout = []
    app.server.secret_key = "a key of the app"
    frame = {"type": "subscribe", "channel": "user-7", "labels": None}
    token = sign_channel("user-7")
    answers = app.server.test_client().post("/_pipe/poll", json=[frame]).json
    assert [answer["type"] for answer in answers] == ["error"]
    answers = app.server.test_client().post("/_pipe/poll", json=[{**frame, "token": token}]).json
    assert answers[0]["type"] == "subscribed"
