"""The thread pool for blocking calls, used from threads and from loops."""

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from dash_pipe.concurrency import pool
from dash_pipe.concurrency.pool import CallTimeoutError, Job, Pool, PoolFullError
from harness.environment import environment
from harness.wait import TIMEOUT, wait_for
from unit.processes import kill


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def on_a_loop(threads: Pool, call: Callable[[], Any], *waits: Any) -> Any:
    async def main() -> Any:
        return await threads.submit(call).outcome(*waits)

    return asyncio.run(main())


def in_a_thread(threads: Pool, call: Callable[[], Any], *waits: Any) -> Any:
    return threads.submit(call).result(*waits)


both_ways = pytest.mark.parametrize("ask", [on_a_loop, in_a_thread])


@both_ways
@pytest.mark.parametrize("timeout", [5, None])
def test_call_returns_the_functions_result(ask: Any, timeout: float | None) -> None:
    threads = Pool("test", 1)
    for n in range(3):
        assert ask(threads, lambda n=n: n, 5, timeout) == n


@both_ways
@pytest.mark.parametrize(
    ("raised", "told"),
    [(KeyError, KeyError), (StopIteration, RuntimeError), (SystemExit, RuntimeError)],
)
def test_call_raises_the_functions_exception(
    ask: Any, raised: type[BaseException], told: type[BaseException]
) -> None:
    def fail() -> None:
        raise raised

    with pytest.raises(told):
        ask(Pool("test", 1), fail, 5)


@both_ways
def test_call_runs_in_the_callers_context(ask: Any) -> None:
    who = ContextVar("who", default="nobody")
    who.set("ann")
    assert ask(Pool("test", 1), who.get, 5) == "ann"


@both_ways
def test_slow_call_raises_call_timeout_and_queued_call_pool_full(
    ask: Any, release: threading.Event
) -> None:
    threads = Pool("test", 1)
    called: list[int] = []
    with pytest.raises(CallTimeoutError):
        ask(threads, release.wait, 5, 0.01)
    for timeout in (5, None):
        with pytest.raises(PoolFullError):
            ask(threads, lambda: called.append(1), 0.01, timeout)
    release.set()
    assert ask(threads, lambda: called, 5) == []


def test_exception_after_the_timeout_is_not_logged(
    release: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    threads = Pool("test", 1)

    def fail() -> None:
        release.wait()
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(CallTimeoutError):
            await threads.submit(fail).outcome(5, 0.01)
        release.set()
        await threads.submit(int).outcome(5)
        gc.collect()

    asyncio.run(main())
    assert caplog.messages == []


def test_pool_never_uses_more_than_its_threads(release: threading.Event) -> None:
    threads = Pool("test", 3)
    at_once = threading.Barrier(4, timeout=TIMEOUT)
    jobs = [threads.submit(at_once.wait) for _ in range(3)]
    at_once.wait()
    for job in jobs:
        job.result(TIMEOUT)
    names: set[int] = set()
    jobs = [threads.submit(lambda: names.add(threading.get_ident())) for _ in range(50)]
    for job in jobs:
        job.result(TIMEOUT)
    assert len(names) <= 3


def test_idle_thread_ends_and_the_next_call_starts_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE", 0.01)
    threads = Pool("test", 1)
    first = threads.submit(threading.current_thread).result(TIMEOUT)
    first.join(TIMEOUT)
    assert not first.is_alive()
    assert threads.submit(lambda: "again").result(TIMEOUT) == "again"


def test_end_of_the_pool_ends_its_idle_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE", 3600)
    threads = Pool("test", 1)
    first = threads.submit(threading.current_thread).result(TIMEOUT)
    threads.end()
    first.join(TIMEOUT)
    assert not first.is_alive()
    assert threads.submit(lambda: "again").result(TIMEOUT) == "again"  # the late call was made


def test_failed_thread_start_raises_pool_full_unless_a_thread_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = Pool("test", 2)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(PoolFullError):
            threads.submit(int)
    release = threading.Event()
    first = threads.submit(release.wait)
    first.begun.result(TIMEOUT)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        second = threads.submit(int)
    release.set()
    assert second.result(TIMEOUT) == 0  # the first thread serves it


def test_killed_thread_is_replaced() -> None:
    threads = Pool("test", 1)
    thread = threads.submit(threading.current_thread).result(TIMEOUT)
    wait_for(lambda: threads._idle, "the thread to have told the result")
    kill(thread)
    for _ in range(3):  # a thread notices it when it wakes up
        assert threads.submit(lambda: "served").result(TIMEOUT) == "served"
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert len(threads._workers) == 1


def test_thread_killed_while_it_tells_a_result_is_replaced(release: threading.Event) -> None:
    def end(_: object) -> None:
        raise SystemExit

    threads = Pool("test", 1)
    job = threads.submit(release.wait)
    job.ended.add_done_callback(end)
    release.set()
    assert job.result(TIMEOUT)
    assert threads.submit(lambda: "served").result(TIMEOUT) == "served"
    assert len(threads._workers) == 1


def test_call_of_a_killed_thread_is_made_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, ended = Job.run, []

    def ends(job: Job[Any]) -> None:
        if not ended:
            ended.append("once")
            raise SystemExit
        run(job)

    monkeypatch.setattr(Job, "run", ends)
    assert Pool("test", 1).submit(lambda: "made").result(TIMEOUT) == "made"


def test_call_of_a_thread_killed_as_it_began_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    run, ended = Job.run, []

    def ends(job: Job[Any]) -> None:
        if not ended:
            ended.append("once")
            job.begun.set_result(None)
            raise SystemExit
        run(job)

    monkeypatch.setattr(Job, "run", ends)
    threads = Pool("test", 1)
    with pytest.raises(RuntimeError, match="its thread was ended"):
        threads.submit(int).result(TIMEOUT, TIMEOUT)
    assert threads.submit(int).result(TIMEOUT) == 0


def test_thread_ended_by_a_fault_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    run, failed = Job.run, []

    def fails(job: Job[Any]) -> None:
        run(job)
        if not failed:
            failed.append("once")
            raise ZeroDivisionError

    shown: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    monkeypatch.setattr(Job, "run", fails)
    threads = Pool("test", 1)
    for _ in range(2):
        assert threads.submit(lambda: "served").result(TIMEOUT) == "served"
    wait_for(lambda: shown, "the fault to be shown")
    assert shown[0].exc_type is ZeroDivisionError


def test_pool_made_before_gevent_patches_still_serves() -> None:
    """A gunicorn worker with a preloaded app: our locks are older than gevent's."""
    pytest.importorskip("gevent")
    code = """if 1:
        from dash_pipe import runtime
        from dash_pipe.transports.thread_hub import thread_hub
        from dash_pipe.concurrency.pool import Pool
        threads = Pool("test", 4)
        from gevent import joinall, monkey, spawn
        monkey.patch_all()
        calls = [spawn(lambda n=n: threads.submit(lambda: n).result(40)) for n in range(20)]
        hubs = [spawn(thread_hub, runtime.current()) for _ in range(4)]
        joinall([*calls, *hubs], timeout=50)
        assert [call.value for call in calls] == list(range(20))
        assert {hub.value for hub in hubs} == {thread_hub(runtime.current())}
    """
    subprocess.run([sys.executable, "-c", code], env=environment(), timeout=60, check=True)
