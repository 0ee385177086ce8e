"""The end of a run: what it has yielded is sent, and only then another process begins."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dash import Dash

from dash_pipe import asgi_app, runtime, source
from dash_pipe.producers import production
from dash_pipe.producers.claim import SharedClaim
from dash_pipe.producers.producers import Producers
from harness.wait import TIMEOUT, wait_for
from unit.shared_broker import SharedBroker


@pytest.fixture
def broker() -> SharedBroker:
    broker = SharedBroker()
    runtime.current().configure(broker=broker)
    return broker


def enter() -> None:
    """Have a browser listen."""
    runtime.current().audience.enter("c", None)


def sent() -> int:
    """Return the number of messages so far."""
    return runtime.current().broker.open("c").end.offset


def end_in_thread(part: Producers) -> threading.Thread:
    """Have all runs end; return as soon as they are told to."""
    ending = threading.Thread(target=part.end)
    ending.start()
    wait_for(lambda: all(each._give_up_at for each in part._productions.values()), "the order")
    return ending


def test_value_that_is_yielded_while_the_run_ends_is_sent(broker: SharedBroker) -> None:
    gate = threading.Event()

    @source("c", label="n")
    def number() -> Iterator[int]:
        gate.wait(TIMEOUT)
        yield 1

    enter()
    wait_for(lambda: broker.leases, "the run")
    ending = end_in_thread(runtime.current().part(Producers))
    gate.set()
    ending.join(TIMEOUT)
    assert sent() == 1
    assert broker.leases == {}


def test_value_that_is_being_sent_when_an_async_run_ends_is_sent_before_the_lease_ends(
    broker: SharedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends, gate = threading.Event(), threading.Event()
    publish = SharedClaim.publish

    def late(claim: SharedClaim, *message: str) -> None:
        sends.set()
        gate.wait(TIMEOUT)
        publish(claim, *message)

    monkeypatch.setattr(SharedClaim, "publish", late)

    @source("c", label="n")
    async def numbers() -> AsyncIterator[int]:
        while True:
            yield 1

    enter()
    assert sends.wait(TIMEOUT)
    ending = end_in_thread(runtime.current().part(Producers))
    gate.set()
    ending.join(TIMEOUT)
    assert sent() == 1
    assert broker.leases == {}


def test_value_of_a_run_that_did_not_end_in_time_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(production, "STOP_SECONDS", 0.0)
    begun, gate, closed = (threading.Event() for _ in range(3))

    @source("c", label="n", linger=0)
    def number() -> Iterator[int]:
        begun.set()
        try:
            gate.wait(TIMEOUT)
            yield 1
        finally:
            closed.set()

    enter()
    assert begun.wait(TIMEOUT)
    runtime.current().audience.leave("c", None)
    wait_for(lambda: "did not end within" in caplog.text, "the line")
    gate.set()
    assert closed.wait(TIMEOUT)
    assert sent() == 0


@asynccontextmanager
async def lifespan(server: Any) -> AsyncIterator[None]:
    """Start and shut down an ASGI app, as its server does."""
    events: asyncio.Queue[str] = asyncio.Queue()
    answers: asyncio.Queue[str] = asyncio.Queue()

    async def receive() -> dict[str, str]:
        return {"type": f"lifespan.{await events.get()}"}

    async def send(event: dict[str, str]) -> None:
        answers.put_nowait(event["type"])

    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    task = asyncio.create_task(server(scope, receive, send))
    for event in ("startup", "shutdown"):
        events.put_nowait(event)
        assert await asyncio.wait_for(answers.get(), TIMEOUT) == f"lifespan.{event}.complete"
        if event == "startup":
            yield
    await task


@pytest.mark.parametrize("backend", ["fastapi", "quart", "the endpoint"])
def test_async_source_is_cancelled_on_its_loop_when_the_server_shuts_down(
    backend: str, broker: SharedBroker
) -> None:
    server = asgi_app() if backend == "the endpoint" else Dash(__name__, backend=backend).server
    closed: list[asyncio.AbstractEventLoop] = []

    @source("c", label="n")
    async def numbers() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0.001)
        finally:
            closed.append(asyncio.get_running_loop())

    async def serve() -> None:
        runtime.current().program.app_loop = asyncio.get_running_loop()
        for _ in range(2):  # as tests of an app start it again and again
            async with lifespan(server):
                before = sent()
                enter()
                await asyncio.to_thread(wait_for, lambda seen=before: sent() > seen, "a message")
            assert closed.pop() is asyncio.get_running_loop()
            assert broker.leases == {}

    asyncio.run(serve())
