"""The end of a run: what it has yielded is sent, and only then another process begins."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from dash_pipe import runtime, source
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
