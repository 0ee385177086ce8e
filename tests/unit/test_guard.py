"""What guards an endpoint: origins, the hooks of Dash, and what is said of guards of HTTP alone."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.auth.guard import Guard, HttpOnlyWarning
from dash_pipe.protocol import Close


def refused_by(*hooks: Callable[[Any], Any]) -> Any:
    guard = Guard(connect_hooks=lambda: hooks)
    now = guard.rejection_sync(runtime.current(), {}, "the request")
    assert asyncio.run(guard.rejection(runtime.current(), {}, "the request")) == now
    return now


def test_the_hooks_of_dash() -> None:
    async def late(_: Any) -> bool:
        return False

    def fails(_: Any) -> None:
        raise ZeroDivisionError

    assert refused_by() is None
    assert refused_by(lambda request: request == "the request", lambda _: None) is None
    for hook in (lambda _: False, lambda request: (4001, "log in"), late, fails):
        assert refused_by(lambda _: True, hook)[0] == Close.UNAUTHORIZED
    assert refused_by(lambda request: (4001, "log in"))[1].endswith("denied access: log in")


@pytest.mark.parametrize("origins", [("https://a.org",), ()])
def test_the_origins_of_the_app_count_beside_the_setting(origins: tuple[str, ...]) -> None:
    headers = {"origin": "https://a.org", "host": "app.org"}
    assert (Guard(origins).rejection_sync(runtime.current(), headers, None) is None) == bool(
        origins
    )
    dash_pipe.configure(allowed_origins=["https://a.org"])
    assert Guard(origins).rejection_sync(runtime.current(), headers, None) is None


@pytest.mark.parametrize(
    ("names", "settings", "hooks", "said"),
    [
        (["login"], {}, [], True),
        ([], {}, [], False),
        (["login"], {"authorize": lambda *_: True}, [], False),
        (["login"], {}, [lambda _: True], False),
    ],
)
def test_guards_of_http_alone_are_said_once(
    names: list[str],
    settings: dict[str, Any],
    hooks: list[Any],
    said: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dash_pipe.configure(**settings)
    http_only = HttpOnlyWarning(Guard(connect_hooks=lambda: hooks), lambda: names, "FastAPI")
    http_only.check(runtime.current().settings)
    http_only.check(runtime.current().settings)
    assert len(caplog.records) == said
    if said:
        assert caplog.records[0].levelno == logging.WARNING
        for word in ("login", "FastAPI", "authorize"):
            assert word in caplog.text
