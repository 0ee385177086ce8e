"""`sign_channel`, and the keys that it signs with."""

import math
import secrets
from typing import Any

import dash
import pytest
from flask import Flask

import dash_pipe
from dash_pipe import runtime, sign_channel
from dash_pipe.auth.channel_token import ChannelToken, InvalidTokenError, verify_token
from dash_pipe.auth.token_check import TokenCheck
from dash_pipe.auth.token_keys import verifying_keys
from dash_pipe.errors import SettingError, SigningError

NO_KEY = r"^token_keys: tokens of channels need a key.*DASH_PIPE_TOKEN_KEYS"


class WallClock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    found = WallClock()
    monkeypatch.setattr("time.time", found)
    return found


def read(text: str) -> ChannelToken:
    """Return the content of a token, as this process verifies it."""
    return TokenCheck(runtime.current()).valid_token("user-7", text)


def test_token_has_its_channel_labels_and_end(clock: WallClock) -> None:
    dash_pipe.configure(token_keys="a key of the setting")
    found = read(sign_channel("user-7", max_age=60, labels=["b", "a"], refresh_for=300))
    assert found == ChannelToken(
        "user-7", frozenset({"a", "b"}), clock.now + 60, 60, clock.now + 300
    )
    assert read(sign_channel("user-7", labels="news")).labels == {"news"}
    assert read(sign_channel("user-7")).labels is None
    assert read(sign_channel("user-7")).end == clock.now + 86_400


def test_token_of_another_channel_is_refused(clock: WallClock) -> None:
    dash_pipe.configure(token_keys="a key of the setting")
    with pytest.raises(InvalidTokenError, match="it is for the channel 'user-8'"):
        read(sign_channel("user-8"))


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("channel_name", {"channel_name": ""}),
        ("channel_name", {"channel_name": "x" * 201}),
        ("channel_name", {"channel_name": None}),
        ("channel_name, labels", {"channel_name": "\ud800"}),
        ("labels", {"labels": []}),
        ("labels", {"labels": [""]}),
        ("labels", {"labels": [7]}),
        ("labels", {"labels": [secrets.token_urlsafe(140) for _ in range(32)]}),
        ("max_age", {"max_age": 0}),
        ("max_age", {"max_age": -1}),
        ("max_age", {"max_age": math.nan}),
        ("max_age", {"max_age": math.inf}),
        ("max_age", {"max_age": True}),
        ("max_age", {"max_age": "60"}),
        ("labels", {"labels": [f"label {n}" for n in range(33)]}),
        ("refresh_for", {"refresh_for": -1}),
        ("refresh_for", {"refresh_for": math.inf}),
    ],
)
def test_invalid_argument_raises_error_that_names_it(
    argument: str, arguments: dict[str, Any]
) -> None:
    dash_pipe.configure(token_keys="a key of the setting")
    with pytest.raises(SigningError) as caught:
        sign_channel(**{"channel_name": "user-7", **arguments})
    assert caught.value.argument == argument


def test_sign_channel_without_a_key_raises_error_that_names_the_setting() -> None:
    with pytest.raises(SettingError, match=NO_KEY):
        sign_channel("user-7")
    app = dash.Dash("app")  # its Flask has no secret key yet
    with pytest.raises(SettingError, match=NO_KEY):
        sign_channel("user-7")
    app.server.secret_key = "a key of the app"
    read(sign_channel("user-7"))


@pytest.mark.parametrize("backend", ["flask", "quart"])
def test_secret_key_of_the_app_signs_and_its_older_ones_verify(backend: str) -> None:
    app = dash.Dash("app", backend=backend)
    app.server.secret_key = "the first key"
    first = sign_channel("user-7")
    read(first)
    app.server.secret_key = "the second key"
    with pytest.raises(InvalidTokenError):
        read(first)
    app.server.config["SECRET_KEY_FALLBACKS"] = ["the first key"]
    read(first)
    verify_token(sign_channel("user-7"), ["the second key"], 0.0)


def test_app_on_fastapi_has_no_key() -> None:
    app = dash.Dash("app", backend="fastapi")
    with pytest.raises(SettingError, match=NO_KEY):
        sign_channel("user-7")
    assert app.server in runtime.current().servers


def test_setting_wins_over_the_key_of_the_app() -> None:
    app = dash.Dash("app")
    app.server.secret_key = "a key of the app"
    of_app = sign_channel("user-7")
    dash_pipe.configure(token_keys=["the newest key", "an older key"])
    with pytest.raises(InvalidTokenError):
        read(of_app)
    verify_token(sign_channel("user-7"), ["the newest key"], 0.0)
    assert verifying_keys(runtime.current()) == ("the newest key", "an older key")


def test_apps_with_different_keys_sign_where_one_runs_and_all_verify() -> None:
    first, second, other = dash.Dash("first"), dash.Dash("second"), Flask("other")
    first.server.secret_key, second.server.secret_key = "the first key", "the second key"
    other.secret_key = "a key of an app without an endpoint"
    with pytest.raises(SettingError, match="have different secret keys"):
        sign_channel("user-7")
    for server, key in ((first.server, "the first key"), (second.server, "the second key")):
        with server.app_context():
            text = sign_channel("user-7")
        verify_token(text, [key], 0.0)
        read(text)
    with other.app_context(), pytest.raises(SettingError, match="have different secret keys"):
        sign_channel("user-7")
    second.server.secret_key = "the first key"
    read(sign_channel("user-7"))


def test_keys_are_hidden_in_repr_and_errors() -> None:
    settings = dash_pipe.configure(token_keys="s3cret")
    assert settings.token_keys == ("s3cret",)
    assert "s3cret" not in repr(settings)
    for wrong in ("", [], ["s3cret", ""], [b"s3cret"], 5):
        with pytest.raises(SettingError, match=r"^token_keys: expected a key, or a list") as caught:
            dash_pipe.configure(token_keys=wrong)  # type: ignore[arg-type]
        assert "s3cret" not in str(caught.value)


def test_keys_from_the_environment_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASH_PIPE_TOKEN_KEYS", "the newest key, an older key")
    assert runtime.current().settings.token_keys == ("the newest key", "an older key")
