"""Sources that run for browsers of this process, with messages in memory."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import flask
import pytest
from dash import no_update

import dash_pipe
from dash_pipe import listeners, runtime, source
from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from dash_pipe.producers import backoff, loop_run, producers, production
from dash_pipe.producers.producers import Producers
from dash_pipe.producers.source_loop import SourceLoop
from dash_pipe.runtime import Runtime
from harness.wait import TIMEOUT, wait_for
from unit.fakes import Browser
from unit.shared_broker import SharedBroker


class Page:
    """A browser on a hub of this process, without a socket. Any thread may wake its hub."""

    def __init__(
        self, channel: str, labels: list[str] | None = None, of: Runtime | None = None
    ) -> None:
        current = of or runtime.current()
        self.woken = threading.Event()
        self.hub = Hub(
            current.broker, Policy(), self.woken.set, time.monotonic, audience=current.audience
        )
        self.browser = Browser(self.hub)
        self.browser.subscribe(channel, labels)

    def values(self, count: int) -> list[Any]:
        """Wait for some messages, and return their values."""
        found: list[Any] = []
        deadline = time.monotonic() + TIMEOUT
        while len(found) < count:
            assert self.woken.wait(deadline - time.monotonic()), found
            self.woken.clear()
            self.hub.flush()
            for frame in self.browser.transport.take():
                found += [row[2] for row in frame.get("messages", ())]
                if frame["type"] == "ping":
                    self.browser.pong(frame["n"])
        return found

    def close(self) -> None:
        self.browser.disconnect()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(production, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(production, "RENEW_SECONDS", 0.1)


def has_production() -> bool:
    part = runtime.current().existing_part(Producers)
    return part is not None and bool(part._productions)


def test_generator_runs_while_a_page_listens_and_is_closed_when_it_left() -> None:
    closed = threading.Event()

    @source("c", label="n", linger=0)
    def numbers() -> Iterator[int]:
        try:
            for number in range(10**9):
                yield number
                time.sleep(0.001)
        finally:
            closed.set()

    assert runtime.current().existing_part(Producers) is None  # and so no thread
    page = Page("c", ["n"])
    assert page.values(3)[:3] == [0, 1, 2]
    assert dash_pipe.stats()["sources_running"] == 1
    assert not closed.is_set()
    page.close()
    assert closed.wait(TIMEOUT)
    wait_for(lambda: not has_production(), "the end of the run")


def test_second_page_joins_the_same_run() -> None:
    begun: list[int] = []

    @source("c", label="n", linger=0)
    def numbers() -> Iterator[int]:
        begun.append(1)
        while True:
            yield len(begun)
            time.sleep(0.001)

    first, second = Page("c"), Page("c")
    assert set(first.values(3) + second.values(3)) == {1}
    first.close()
    assert set(second.values(20)) == {1}


@pytest.mark.parametrize("is_async", [False, True])
def test_function_is_called_every_so_many_seconds(is_async: bool) -> None:
    at: list[float] = []

    def number() -> int:
        at.append(time.monotonic())
        return len(at)

    async def async_number() -> int:
        return number()

    source("c", label="n", every=0.02)(async_number if is_async else number)
    assert Page("c").values(5)[:5] == [1, 2, 3, 4, 5]
    assert at[4] - at[0] >= 0.075


def test_async_generator_is_cancelled_where_it_waits() -> None:
    ended = threading.Event()

    @source("c", label="n", linger=0)
    async def numbers() -> AsyncIterator[int]:
        yield 1
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    page = Page("c")
    assert page.values(1) == [1]
    page.close()
    assert ended.wait(TIMEOUT)


def test_async_source_runs_on_the_loop_of_the_app_if_it_has_one() -> None:
    found: list[asyncio.AbstractEventLoop] = []

    @source("c", label="n", every=0.001)
    async def number() -> int:
        found.append(asyncio.get_running_loop())
        return 1

    async def serve() -> asyncio.AbstractEventLoop:
        loop = runtime.current().program.app_loop = asyncio.get_running_loop()
        page = Page("c")
        await asyncio.to_thread(page.values, 2)
        page.close()
        return loop

    loop = asyncio.run(serve())
    assert set(found) == {loop}
    assert runtime.current().existing_part(SourceLoop) is None


def test_pattern_has_a_run_for_each_channel_with_listeners() -> None:
    @source("ticker-{symbol}", label="tick")
    def ticks(symbol: str) -> Iterator[str]:
        while True:
            yield symbol
            time.sleep(0.001)

    first, second = Page("ticker-A"), Page("ticker-B")
    assert set(first.values(3)) == {"A"}
    assert set(second.values(3)) == {"B"}


def test_source_runs_only_for_its_label() -> None:
    begun: list[str] = []

    @source("c", label="n", every=0.001)
    def number() -> int:
        begun.append("n")
        return 1

    @source("c", label="m", every=0.001)
    def other() -> int:
        begun.append("m")
        return 1

    Page("c", ["m"]).values(3)
    assert set(begun) == {"m"}


def test_source_without_label_yields_pairs(caplog: pytest.LogCaptureFixture) -> None:
    @source("c")
    def pairs() -> Iterator[Any]:
        yield "a", 1
        yield "no pair"
        yield "b", 2

    assert Page("c").values(2) == [1, 2]
    assert "it has to yield pairs: a label, a value" in caplog.text


def test_value_that_can_not_be_sent_is_logged_and_the_next_is_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @source("c", label="n")
    def values() -> Iterator[Any]:
        yield object()
        yield no_update
        yield 2

    assert Page("c").values(1) == [2]
    assert "source values on channel 'c': a value was not sent: value: " in caplog.text


def test_source_that_raises_is_logged_with_its_next_try(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @source("c", label="n")
    def fails() -> Iterator[int]:
        yield 1
        raise ValueError("no such table")

    assert Page("c").values(1) == [1]
    line = "raised ValueError('no such table'); next try in 1 s"
    wait_for(lambda: line in caplog.text, "the line")


def test_source_that_always_runs_needs_a_page_and_no_listener() -> None:
    begun = threading.Event()

    @source("c", label="n", always=True)
    def numbers() -> Iterator[int]:
        begun.set()
        yield 1

    assert not begun.is_set()
    current = runtime.current()
    current.program.note_page(current)
    assert begun.wait(TIMEOUT)
    assert Page("c").browser.replay("c")  # it was sent to nobody, and is in the log


def test_source_runs_in_an_application_context_that_is_torn_down() -> None:
    server = flask.Flask("app")
    runtime.current().servers.add(server)
    torn_down: list[int] = []
    server.teardown_appcontext(lambda _: torn_down.append(1))

    @source("c", label="n", every=0.001)
    def number() -> str:
        return flask.current_app.name

    assert set(Page("c").values(5)) == {"app"}
    assert len(torn_down) >= 4


def test_async_source_runs_in_an_application_context() -> None:
    server = flask.Flask("app")
    runtime.current().servers.add(server)

    @source("c", label="n", every=0.001)
    async def number() -> str:
        return flask.current_app.name

    assert set(Page("c").values(2)) == {"app"}


def test_async_source_that_blocks_its_loop_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_run, "BLOCKED", 0.01)

    @source("c", label="n")
    async def slow() -> AsyncIterator[int]:
        await asyncio.sleep(0.05)  # does not block it
        yield 1
        time.sleep(0.05)
        yield 2

    page = Page("c")
    assert page.values(1) == [1]
    page.values(1)
    lines = [each for each in caplog.messages if "has blocked the event loop" in each]
    assert len(lines) == 1
    assert "source slow has blocked the event loop for 0.1 s" in lines[0]


def test_async_source_under_gevent_is_told_once_and_not_run(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producers, "threads_are_greenlets", lambda: True)

    @source("c", label="a", every=0.001)
    async def one() -> int:
        raise AssertionError

    @source("c", label="b", every=0.001)
    def two() -> int:
        return 2

    assert set(Page("c").values(3)) == {2}
    assert caplog.text.count("source one is async and can't run under gevent") == 1


def test_source_that_is_replaced_ends() -> None:
    closed = threading.Event()

    def make(value: int) -> None:
        @source("c", label="n")
        def number() -> Iterator[int]:
            try:
                while True:
                    yield value
                    time.sleep(0.001)
            finally:
                if value == 1:
                    closed.set()

    make(1)
    page = Page("c")
    assert page.values(1)[0] == 1
    make(2)
    runtime.current().part(Producers).notice("c")
    assert closed.wait(TIMEOUT)
    wait_for(lambda: 2 in page.values(1), "the new source")


def test_end_of_the_runtime_ends_the_sources() -> None:
    closed = threading.Event()

    @source("c", label="n")
    def numbers() -> Iterator[int]:
        try:
            while True:
                yield 1
                time.sleep(0.001)
        finally:
            closed.set()

    Page("c").values(1)
    runtime.current().end()
    assert closed.is_set()


def test_listeners_counts_the_browsers_of_this_process() -> None:
    pages = [Page("c"), Page("c", ["a"]), Page("d")]
    assert [listeners("c"), listeners("c", "a"), listeners("c", "b")] == [2, 2, 1]
    pages[0].close()
    assert listeners("c") == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_source_of_several_processes_runs_in_one_of_them(is_async: bool) -> None:
    runtime.current().configure(broker=SharedBroker())
    numbers: list[int] = []

    def number() -> int:
        numbers.append(len(numbers))
        return numbers[-1]

    async def async_number() -> int:
        return number()

    source("c", label="n", every=0.001)(async_number if is_async else number)
    processes = [runtime.current(), runtime.current().copy(), runtime.current().copy()]
    pages = [Page("c", of=each) for each in processes]
    for page in pages:
        values = page.values(20)
        assert values == [*range(values[0], values[0] + len(values))]
    for each in processes:
        each.end()


def test_source_goes_on_in_another_process_when_the_first_ends() -> None:
    begun: list[int] = []
    runtime.current().configure(broker=SharedBroker())

    @source("c", label="n")
    def numbers() -> Iterator[int]:
        begun.append(1)
        own = len(begun)
        while True:
            yield own
            time.sleep(0.001)

    first, second = runtime.current(), runtime.current().copy()
    page = Page("c", of=first)
    other = Page("c", of=second)
    assert page.values(3) == [1, 1, 1]
    first.end()
    wait_for(lambda: 2 in other.values(1), "the second run")
    second.end()
    assert len(begun) == 2


def test_run_whose_lease_another_process_took_sends_nothing_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = SharedBroker()
    runtime.current().configure(broker=broker)
    closed = threading.Event()

    @source("c", label="n")
    def numbers() -> Iterator[int]:
        try:
            while True:
                yield 1
                time.sleep(0.001)
        finally:
            closed.set()

    Page("c").values(3)
    (key,) = broker.leases
    broker.leases[key] = "another"
    assert closed.wait(TIMEOUT)
    head = broker.open("c").end
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
    wait_for(lambda: has_production(), "another try")
    assert broker.open("c").end == head


def test_loop_that_is_closed_ends_the_run_and_the_next_has_a_loop_of_ours() -> None:
    found: list[asyncio.AbstractEventLoop] = []

    @source("c", label="n", every=0.001)
    async def number() -> int:
        found.append(asyncio.get_running_loop())
        return 1

    async def serve() -> Page:
        runtime.current().program.app_loop = asyncio.get_running_loop()
        page = Page("c")
        await asyncio.to_thread(page.values, 2)
        return page

    page = asyncio.run(serve())
    wait_for(lambda: len(set(found)) == 2, "a run on the other loop")
    page.values(1)


def test_source_beyond_the_limit_waits_until_another_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(producers, "MAX_RUNS", 1)

    @source("room-{name}", label="n", every=0.001, linger=0)
    def name(name: str) -> str:
        return name

    first = Page("room-a")
    assert set(first.values(2)) == {"a"}
    second = Page("room-b")
    wait_for(lambda: "that of channel 'room-b' waits until another ends" in caplog.text, "the line")
    first.close()
    assert set(second.values(2)) == {"b"}


def test_run_without_a_thread_fails_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start, failed = threading.Thread.start, threading.Event()

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("dash-pipe source ") and not failed.is_set():
            failed.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(backoff, "FIRST", 0.01)
    source("c", label="n", every=0.001)(lambda: 1)
    assert set(Page("c").values(2)) == {1}
    assert 'raised RuntimeError("can\'t start new thread"); next try in' in caplog.text
