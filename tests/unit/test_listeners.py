"""The number of listeners, and functions that are told when it changes."""

import asyncio
import queue
from typing import Any

import pytest

from dash_pipe import (
    ListenersUnknownError,
    SetupError,
    async_listeners,
    listeners,
    runtime,
    serving,
    watch_listeners,
)
from dash_pipe.brokers.listening import Listening
from dash_pipe.errors import InvalidMessageError
from dash_pipe.producers import listener_count, listener_watch
from unit.shared_broker import SharedBroker
from unit.test_source_runs import Page


@pytest.fixture
def shared() -> SharedBroker:
    broker = SharedBroker()
    runtime.current().configure(broker=broker)
    return broker


def elsewhere(total: int) -> Listening:
    return Listening(total, 0, {"a": total})


def test_listeners_of_all_processes_are_those_of_the_coordinator(shared: SharedBroker) -> None:
    shared.elsewhere = elsewhere(7)
    assert [listeners("c"), listeners("c", "a"), listeners("c", "b")] == [7, 7, 0]
    assert asyncio.run(async_listeners("c")) == 7


def test_listeners_of_this_process_without_a_thread() -> None:
    Page("c", ["a"])
    assert asyncio.run(async_listeners("c", "a")) == 1


def test_broker_that_is_away_raises_error_with_its_reason(shared: SharedBroker) -> None:
    shared.is_away = True
    with pytest.raises(ListenersUnknownError, match=r"^listeners\('c'\): Redis: gone$"):
        listeners("c")
    with pytest.raises(ListenersUnknownError):
        asyncio.run(async_listeners("c"))


def test_pool_without_a_free_thread_raises_error(
    shared: SharedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_count, "THREADS", 0)
    monkeypatch.setattr(listener_count, "QUEUE_TIMEOUT", 0.01)
    with pytest.raises(ListenersUnknownError, match="none of 0 threads"):
        asyncio.run(async_listeners("c"))


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [((5,), "channel_name"), (("",), "channel_name"), (("c", 5), "label"), (("c", ""), "label")],
)
def test_wrong_name_raises_error(arguments: Any, argument: str) -> None:
    with pytest.raises(InvalidMessageError, match=f"^{argument}: expected a string of 1 to 200"):
        listeners(*arguments)


def test_process_whose_parent_has_the_pages_raises_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "parent", lambda current: object())
    with pytest.raises(SetupError, match="the process that started this one"):
        listeners("c")


def test_watch_is_told_what_is_now_and_each_change() -> None:
    told: queue.Queue[bool] = queue.Queue()
    stop = watch_listeners("c", told.put, "a")
    assert told.get(timeout=10) is False
    first, second = Page("c"), Page("c", ["a"])
    assert told.get(timeout=10) is True
    first.close()
    second.close()
    assert told.get(timeout=10) is False
    other = watch_listeners("c", told.put)
    assert told.get(timeout=10) is False
    stop()
    Page("c")
    assert told.get(timeout=10) is True
    other()
    assert told.empty()


def test_watch_looks_at_other_processes_too(
    shared: SharedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_watch, "LOOK_SECONDS", 0.01)
    told: queue.Queue[bool] = queue.Queue()
    watch_listeners("c", told.put)
    assert told.get(timeout=10) is False
    shared.is_away = True
    shared.elsewhere = elsewhere(1)
    shared.is_away = False
    assert told.get(timeout=10) is True


def test_function_that_raises_is_logged_and_called_again(caplog: pytest.LogCaptureFixture) -> None:
    told: queue.Queue[bool] = queue.Queue()

    def fail(is_heard: bool) -> None:
        told.put(is_heard)
        raise ValueError("oh")

    watch_listeners("c", fail)
    assert told.get(timeout=10) is False
    Page("c")
    assert told.get(timeout=10) is True
    assert "a function for watch_listeners('c') failed" in caplog.text
