"""The guard of an endpoint: origins, hooks of Dash, the warning about HTTP-only guards."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.auth.guard import Guard, HttpOnlyWarning
from dash_pipe.auth.origin import RequestHead
from dash_pipe.protocol import Close

HEAD = RequestHead({})


def rejection_by(*hooks: Callable[[Any], Any]) -> Any:
    guard = Guard(connect_hooks=lambda: hooks)
    request = partial(nullcontext, "the request")
    now = guard.rejection_sync(runtime.current(), HEAD, request)
    assert asyncio.run(guard.rejection(runtime.current(), HEAD, request)) == now
    return now


def test_connect_hook_that_does_not_allow_rejects_with_unauthorized() -> None:
    async def late(_: Any) -> bool:
        return False

    def fails(_: Any) -> None:
        raise ZeroDivisionError

    assert rejection_by() is None
    assert rejection_by(lambda request: request == "the request", lambda _: None) is None
    for hook in (lambda _: False, lambda request: (4001, "log in"), late, fails):
        assert rejection_by(lambda _: True, hook)[0] == Close.UNAUTHORIZED
    assert rejection_by(lambda request: (4001, "log in"))[1].endswith("denied access: log in")


@pytest.mark.parametrize("origins", [("https://a.org",), ()])
def test_origin_allowed_by_app_or_by_setting_passes(origins: tuple[str, ...]) -> None:
    head = RequestHead({"origin": "https://a.org", "host": "app.org"})
    assert (Guard(origins).rejection_sync(runtime.current(), head, nullcontext) is None) == bool(
        origins
    )
    dash_pipe.configure(allowed_origins=["https://a.org"])
    assert Guard(origins).rejection_sync(runtime.current(), head, nullcontext) is None


@pytest.mark.parametrize(
    ("names", "settings", "hooks", "said"),
    [
        (["login"], {}, [], True),
        ([], {}, [], False),
        (["login"], {"authorize": lambda *_: True}, [], False),
        (["login"], {}, [lambda _: True], False),
    ],
)
def test_http_only_guard_is_warned_about_once(
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
