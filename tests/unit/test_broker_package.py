"""A broker whose package is not installed, or that nobody knows, is an error at start."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import dash
import pytest
from django.core.checks import run_checks
from django.test import override_settings

import dash_pipe
from dash_pipe.cli import main
from dash_pipe.cli.exits import Exit
from dash_pipe.errors import SettingError
from harness.project import configure

configure()

MISSING = [
    ("redis://localhost:6379/0", "redis", "redis"),
    ("rediss://localhost", "redis", "redis"),
    ("unix:///run/redis.sock", "redis", "redis"),
    ("channels://default", "channels", "django"),
]


class Missing(NamedTuple):
    """A broker whose package is missing: its URL, and how an error has to end."""

    url: str
    hint: str


@pytest.fixture(params=MISSING, ids=lambda param: param[0].partition(":")[0])
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Missing:
    url, package, extra = request.param
    monkeypatch.setitem(sys.modules, package, None)
    return Missing(url, rf'pip install "dash-pipe\[{extra}\]"$')


STARTS: dict[str, Callable[[], object]] = {
    "app": lambda: dash.Dash("app"),
    "asgi_app": dash_pipe.asgi_app,
    "first message": lambda: dash_pipe.send_to_pipe_channel("jobs", "a", 1),
}


@pytest.mark.parametrize("start", STARTS)
def test_missing_package_of_broker_is_an_error_at_start(
    missing: Missing, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASH_PIPE_BROKER", missing.url)
    with pytest.raises(SettingError, match=missing.hint):
        STARTS[start]()


def test_missing_package_of_broker_is_an_error_of_configure(missing: Missing) -> None:
    with pytest.raises(SettingError, match=missing.hint):
        dash_pipe.configure(broker=missing.url)
    assert dash_pipe.configure().broker == "memory://"


def test_missing_package_of_broker_is_reported_by_the_system_check(missing: Missing) -> None:
    layers = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    with override_settings(DASH_PIPE={"broker": missing.url}, CHANNEL_LAYERS=layers):
        (found,) = [each for each in run_checks() if each.id.startswith("dash_pipe.")]
    assert found.id == "dash_pipe.E004"
    assert "which is not installed" in found.msg


@pytest.mark.parametrize(("command", "code"), [("serve", Exit.USAGE), ("doctor", Exit.UNREACHABLE)])
def test_missing_package_of_broker_is_reported_by_the_command_line(
    command: str,
    code: Exit,
    missing: Missing,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DASH_PIPE_BROKER", missing.url)
    assert main([command]) == code
    said = "".join(capsys.readouterr())
    assert "which is not installed; pip install" in said
    assert "is it running" not in said


def test_unknown_broker_is_an_error_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASH_PIPE_BROKER", "rabbit://host")
    with pytest.raises(SettingError, match=r"expected a URL .*; got 'rabbit://host'"):
        dash.Dash("app")
