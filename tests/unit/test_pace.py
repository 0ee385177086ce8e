"""The pace at which one websocket may have `authorize` called."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest

import dash_pipe
from dash_pipe.auth import pace as pace_module
from dash_pipe.auth.pace import BURST, Pace
from dash_pipe.protocol import MAX_CHANNELS, Subscribe
from unit.asgi_server import Server
from unit.fakes import Clock
from unit.test_thread_socket import Page

SUBSCRIBE = Subscribe("jobs", None)
SUBSCRIBES = 12
RATE = 5.0  # so slow that a busy machine is faster


def test_burst_of_calls_waits_for_nothing_and_more_wait(clock: Clock) -> None:
    pace = Pace(32.0, clock)
    assert BURST >= 2 * MAX_CHANNELS  # each channel once, and as many again
    for _ in range(BURST):
        assert pace.seconds() == 0
        pace.put(SUBSCRIBE, None, True)
    pace.put(SUBSCRIBE, None, True)
    assert pace.seconds() == pytest.approx(1 / 32)
    clock.now += 1 / 32
    assert pace.seconds() == pytest.approx(0)
    clock.now += 1e6
    assert pace.seconds() == 0
    pace.put(SUBSCRIBE, None, True)
    assert pace._level() == 1  # a long silence is no credit


@pytest.fixture
def least(monkeypatch: pytest.MonkeyPatch) -> float:
    """Slow the calls down; return the least seconds that `SUBSCRIBES` take."""
    monkeypatch.setattr(pace_module, "BURST", 5)
    dash_pipe.configure(authorize=lambda *_: False, authorize_rate=RATE)
    return (SUBSCRIBES - 5 - 2) / RATE


def subscribe_on_asgi() -> None:
    async def main() -> None:
        async with Server() as server:
            await server.next()
            for _ in range(SUBSCRIBES):
                assert (await server.subscribe())["code"] == "denied"

    asyncio.run(main())


def subscribe_on_a_thread() -> None:
    with Page(open_request=contextlib.nullcontext) as page:
        for _ in range(SUBSCRIBES):
            assert page.subscribe("jobs")["code"] == "denied"


@pytest.mark.parametrize("subscribe", [subscribe_on_asgi, subscribe_on_a_thread])
def test_websocket_that_subscribes_without_end_is_slowed_down(
    subscribe: Callable[[], Any], least: float, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    subscribe()
    assert time.monotonic() - began >= least
    reached = dash_pipe.stats()["authorize_rate_reached"]
    assert 3 <= reached <= 10
    slowed = [each for each in caplog.records if each.__dict__["event"] == "authorize_slowed"]
    assert len(slowed) == reached
