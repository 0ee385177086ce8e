"""The lines in the log that strangers can cause."""

import asyncio
import json
import logging
from contextlib import nullcontext
from typing import Any

import dash
import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.auth.guard import Guard
from dash_pipe.auth.origin import RequestHead
from dash_pipe.telemetry.events import log_event
from dash_pipe.telemetry.limited_log import LINES, MAX_KINDS, SECONDS, LimitedLog, RateLimit
from unit.asgi_server import Server
from unit.fakes import Clock

EXTRA = log_event("test")


def fails(number: int) -> Exception:
    try:
        raise ValueError(number)
    except ValueError as error:
        return error


def fails_elsewhere() -> Exception:
    try:
        raise ValueError("elsewhere")
    except ValueError as error:
        return error


def test_lines_over_the_limit_are_left_out_and_counted() -> None:
    limit = RateLimit(lines=3, seconds=60)
    assert [limit.take(0), limit.take(1)] == ["", ""]
    assert limit.take(20) == " (further such lines are left out for 40 s)"
    assert [limit.take(59.9) for _ in range(1234)] == [None] * 1234
    assert limit.take(60) == " (1,234 such lines were left out before)"
    assert limit.take(61) == ""


def test_one_line_at_a_time_says_both() -> None:
    limit = RateLimit(lines=1, seconds=60)
    limit.take(0)
    limit.take(1)
    note = limit.take(60)
    assert note == " (1 such lines were left out before; further such lines are left out for 60 s)"


def test_each_kind_of_line_has_a_limit_of_its_own(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = LimitedLog(clock)
    for number in range(50):
        log.warning("a channel %r", number, extra=EXTRA)
        log.warning("another %r", number, extra=EXTRA)
    assert len(caplog.records) == 2 * LINES
    clock.now += SECONDS
    log.warning("a channel %r", "new", extra=EXTRA)
    assert caplog.messages[-1] == "a channel 'new' (40 such lines were left out before)"


def test_traceback_is_logged_once_for_each_kind_of_exception(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = LimitedLog(clock)
    for error in (fails(1), fails(2), fails_elsewhere(), KeyError("no traceback")):
        log.raised("it raised %s", error, extra=EXTRA)
    assert [bool(each.exc_info and each.exc_info[0]) for each in caplog.records] == [
        *(True, False, True, True)
    ]
    log.raised("it raised %s", ValueError("x\ny" * 1000), extra=EXTRA)
    assert len(caplog.messages[-1]) < 400
    assert "\n" not in caplog.messages[-1]


def test_kinds_of_exceptions_are_bounded(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    log = LimitedLog(clock)
    for number in range(MAX_KINDS + 50):
        log.raised(f"{number} %s", type(f"Error{number}", (Exception,), {})(), extra=EXTRA)
    assert sum(bool(each.exc_info) for each in caplog.records) == MAX_KINDS


def test_flood_of_subscribes_with_a_bad_token_leaves_a_few_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def authorize(_request: Any, _channel: str, _labels: Any, token: str) -> bool:
        raise ValueError(f"bad token {token}")

    dash_pipe.configure(authorize=authorize)

    async def main() -> None:
        async with Server() as server:
            await server.next()
            for number in range(40):
                server.says(
                    type="subscribe", channel="c", labels=["a", "b", "c"], token=f"{number}\n"
                )
                assert (await server.frame())["code"] == "denied"

    asyncio.run(main())
    assert len(caplog.records) == LINES
    assert caplog.text.count("Traceback") == 1
    assert "ValueError: bad token 0 for channel 'c'" in caplog.messages[0]
    assert "left out" in caplog.messages[-1]


@pytest.mark.parametrize("answer", ["raise", "no-bool"])
def test_flood_of_polls_leaves_a_few_lines(answer: str, caplog: pytest.LogCaptureFixture) -> None:
    def authorize(*_: Any) -> Any:
        return ["x" * 100_000] if answer == "no-bool" else 1 / 0

    dash_pipe.configure(authorize=authorize)
    app = dash.Dash("app")
    app.layout = []
    frames = [{"type": "subscribe", "channel": f"c{n}", "labels": None} for n in range(100)]
    app.server.test_client().post("/_pipe/poll", data=json.dumps(frames))
    assert len(caplog.records) == LINES
    assert caplog.text.count("Traceback") == (answer == "raise")
    assert len(caplog.text) < 10_000


@pytest.mark.parametrize("is_slow", [False, True])
def test_flood_of_handshakes_that_a_hook_fails_on_leaves_a_few_lines(
    is_slow: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def hook(_: Any) -> None:
        if is_slow:
            await asyncio.Event().wait()
        raise ZeroDivisionError("a bug")

    dash_pipe.configure(authorize_timeout=0.001)
    guard = Guard(connect_hooks=lambda: [hook])

    async def main() -> None:
        for _ in range(30):
            assert await guard.rejection(runtime.current(), RequestHead({}), nullcontext)

    asyncio.run(main())
    assert len(caplog.records) == LINES
    assert caplog.text.count("Traceback") == (not is_slow)
    levels = {record.levelno for record in caplog.records}
    assert levels == {logging.WARNING if is_slow else logging.ERROR}


def test_flood_of_wrong_hosts_leaves_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    from harness.project import configure

    configure()
    from django.middleware.security import SecurityMiddleware
    from django.test import RequestFactory

    from dash_pipe.django.protected import no_view, rejection

    for _ in range(30):
        request = RequestFactory().get("/", HTTP_HOST="evil.org" + "x" * 5000)
        found = rejection(lambda: request, SecurityMiddleware(no_view))  # noqa: B023
        assert found is not None
        assert found.status_code == 400
    assert len(caplog.records) == LINES
    assert len(caplog.text) < 10_000
