"""The setting `authorize`: its arguments, its results, its errors and its timeout."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.auth.allowance import Allowance
from dash_pipe.auth.authorize import (
    authorize_subscribe,
    authorize_subscribe_beside_loop,
    authorize_subscribe_sync,
)
from dash_pipe.auth.subscribe_calls import SubscribeCalls
from dash_pipe.auth.time_limit import CallRaised
from dash_pipe.hub.authorization import AuthorizationTimeout, Outcome, Permission
from dash_pipe.permission import allow
from dash_pipe.protocol import Denied, Subscribe
from dash_pipe.telemetry.limited_log import LimitedLog
from unit.fakes import denied_of

LABELS = frozenset({"b", "a"})
SUBSCRIBE = Subscribe("jobs", LABELS, token="a token")


class AppCall:
    """An `authorize` that records its arguments and its thread."""

    def __init__(self, answer: Any = True) -> None:
        self.answer = answer
        self.asked: list[Any] = []
        self.thread: threading.Thread | None = None
        self.open = False
        self.answer_to: Callable[[list[str] | None], bool] | None = None

    @contextlib.contextmanager
    def request(self) -> Iterator[str]:
        self.open = True
        yield "the request"
        self.open = False

    def __call__(self, request: Any, channel: str, labels: list[str] | None) -> Any:
        self.asked.append((request, channel, labels))
        self.thread = threading.current_thread()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if self.answer_to is None else self.answer_to(labels)


def ask_async(question: AppCall) -> Denied:
    async def authorize(request: Any, channel: str, labels: list[str] | None) -> Any:
        assert question.open
        await asyncio.sleep(0)  # a wait of its own
        return question(request, channel, labels)

    dash_pipe.configure(authorize=authorize)
    return denied_of(
        asyncio.run(authorize_subscribe(runtime.current(), question.request, SUBSCRIBE))
    )


def ask_sync(question: AppCall) -> Denied:
    dash_pipe.configure(authorize=question)
    return denied_of(
        asyncio.run(authorize_subscribe(runtime.current(), question.request, SUBSCRIBE))
    )


def ask_sync_now(question: AppCall) -> Denied:
    dash_pipe.configure(authorize=question)
    return denied_of(authorize_subscribe_sync(runtime.current(), question.request, SUBSCRIBE))


def ask_async_now(question: AppCall) -> Denied:
    async def authorize(request: Any, channel: str, labels: list[str] | None) -> Any:
        return question(request, channel, labels)

    dash_pipe.configure(authorize=authorize)
    return denied_of(authorize_subscribe_sync(runtime.current(), question.request, SUBSCRIBE))


WAYS = [ask_sync, ask_async, ask_sync_now, ask_async_now]


@pytest.mark.parametrize("ask", WAYS)
def test_authorize_receives_request_channel_and_sorted_labels(
    ask: Callable[[AppCall], Denied],
) -> None:
    question = AppCall()
    assert ask(question) == frozenset()
    assert question.asked == [("the request", "jobs", ["a", "b"])]


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("answer", [False, None, 0, "yes", 1, []])
def test_authorize_returning_anything_but_true_denies(
    ask: Callable[[AppCall], Denied], answer: Any
) -> None:
    assert ask(AppCall(answer)) == LABELS


@pytest.mark.parametrize("returned", ["allow", None, 1, []])
def test_authorize_returning_no_permission_is_told_what_to_return(
    returned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = allow if returned == "allow" else returned  # the function, not called
    ask_sync_now(AppCall(answer))
    told = "authorize() must return True, False or dash_pipe.allow(until=...), but returned"
    assert all(told in text for text in caplog.messages)
    assert bool(caplog.messages) == (answer is not None)


@pytest.mark.parametrize(
    ("answers", "permission"),
    [
        ([allow()], Permission()),
        ([allow(until=1100)], Permission(until=1100.0)),
        ([allow(user=7)], Permission(user="7")),
        ([allow(until=1000)], Permission(LABELS)),  # the present moment
        ([False, allow(until=1100), True], Permission(LABELS, 1100.0)),
        ([False, allow(until=1100), False], Permission(frozenset("b"), 1100.0)),
        ([False, allow(until=999), allow(until=1100)], Permission(frozenset("a"), 1100.0)),
        ([False, ZeroDivisionError(), allow(until=9e9)], Permission(frozenset("a"), 9e9, True)),
    ],
)
def test_permission_of_a_subscribe_ends_with_the_first_of_its_answers(
    answers: list[Any], permission: Permission
) -> None:
    returned = iter(answers)

    def authorize(*_: Any) -> Any:
        answer = next(returned, False)
        if isinstance(answer, Exception):
            raise answer
        return answer

    calls = SubscribeCalls(SUBSCRIBE, None, LimitedLog(), lambda: 1000.0).outcome(authorize)
    assert run_calls(calls) == permission


def run_calls(calls: Any) -> Any:
    """Make the calls of a generator at once."""
    result: Any = None
    while True:
        try:
            call = calls.send(result)
        except StopIteration as end:
            return end.value
        try:
            result = call.call(None)
        except Exception as error:
            result = CallRaised(error)


@pytest.mark.parametrize("ask", WAYS)
def test_authorize_raising_denies_and_logs_the_error(
    ask: Callable[[AppCall], Denied], caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(AppCall(ZeroDivisionError("a bug"))) == LABELS
    assert "jobs" in caplog.records[0].message
    assert "a bug" in caplog.text


def test_sync_authorize_runs_outside_the_loop_thread() -> None:
    question = AppCall()
    ask_sync(question)
    assert question.thread is not threading.current_thread()


def authorize_that_waits(wait: Callable[[], Any]) -> Callable[..., Any]:
    def authorize(*_: Any) -> bool:
        wait()
        return True

    return authorize


async def never(*_: Any) -> bool:
    await asyncio.Event().wait()
    return True


def return_pending_awaitable(*_: Any) -> Any:
    return never()


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """Return an event on which `authorize` waits until the test ends."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("kind", ["sync", "async", "awaitable"])
def test_authorize_without_answer_times_out_instead_of_denying(
    kind: str, stuck: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    sync = authorize_that_waits(stuck.wait)
    authorize = {"sync": sync, "async": never, "awaitable": return_pending_awaitable}[kind]
    dash_pipe.configure(authorize=authorize, authorize_timeout=0.05)
    assert (
        asyncio.run(authorize_subscribe(runtime.current(), contextlib.nullcontext, SUBSCRIBE))
        == AuthorizationTimeout()
    )
    assert (
        authorize_subscribe_sync(runtime.current(), contextlib.nullcontext, SUBSCRIBE)
        == AuthorizationTimeout()
    )
    for record in caplog.records:
        assert "timed out after 0.05 s (authorize_timeout)" in record.message
    assert len(caplog.records) == 2


def test_authorize_raising_its_own_timeout_denies() -> None:
    for error in (TimeoutError(), asyncio.TimeoutError(), StopIteration()):
        for ask in WAYS:
            assert ask(AppCall(error)) == LABELS


@pytest.mark.parametrize("now", [True, False])
def test_request_that_cannot_be_opened_denies(now: bool, caplog: pytest.LogCaptureFixture) -> None:
    def open_request() -> Any:
        raise ZeroDivisionError("no such request")

    dash_pipe.configure(authorize=lambda *_: True)
    current = runtime.current()
    if now:
        assert denied_of(authorize_subscribe_sync(current, open_request, SUBSCRIBE)) == LABELS
    else:
        assert (
            denied_of(asyncio.run(authorize_subscribe(current, open_request, SUBSCRIBE))) == LABELS
        )
    assert "no such request" in caplog.text


def test_authorize_not_set_allows_everybody() -> None:
    assert (
        asyncio.run(
            authorize_subscribe(runtime.current(), contextlib.nullcontext, Subscribe("jobs", None))
        )
        == Permission()
    )
    assert (
        authorize_subscribe_sync(runtime.current(), contextlib.nullcontext, Subscribe("jobs", None))
        == Permission()
    )


@pytest.mark.parametrize("ask", WAYS)
def test_labels_denied_together_are_authorized_one_by_one(
    ask: Callable[[AppCall], Denied],
) -> None:
    question = AppCall()
    question.answer_to = lambda labels: labels == ["a"]
    assert ask(question) == {"b"}
    assert [labels for *_, labels in question.asked] == [["a", "b"], ["a"], ["b"]]


def test_authorize_with_token_parameter_receives_the_token() -> None:
    def authorize(request: Any, channel: str, labels: Any, *, token: str | None) -> bool:
        return token == "a token"

    dash_pipe.configure(authorize=authorize)
    for subscribe, denied in ((SUBSCRIBE, frozenset()), (Subscribe("jobs", LABELS), LABELS)):
        assert (
            asyncio.run(authorize_subscribe(runtime.current(), contextlib.nullcontext, subscribe))
            == authorize_subscribe_sync(runtime.current(), contextlib.nullcontext, subscribe)
            == Permission(denied)
        )


def test_authorize_cancelling_itself_denies() -> None:
    async def authorize(*_: Any) -> bool:
        raise asyncio.CancelledError

    dash_pipe.configure(authorize=authorize)
    assert asyncio.run(
        authorize_subscribe(runtime.current(), contextlib.nullcontext, Subscribe("jobs", None))
    ) == Permission(frozenset({None}), raised=True)


def test_awaitable_returned_by_authorize_runs_inside_the_request() -> None:
    question = AppCall()

    async def finds(*asked: Any) -> Any:
        assert question.open
        return question(*asked)

    def authorize(request: Any, channel: str, labels: list[str] | None) -> Any:
        return finds(request, channel, labels)

    dash_pipe.configure(authorize=authorize)
    for _ in range(2):
        assert (
            asyncio.run(authorize_subscribe(runtime.current(), question.request, SUBSCRIBE))
            == Permission()
        )
        assert (
            authorize_subscribe_sync(runtime.current(), question.request, SUBSCRIBE) == Permission()
        )


async def channel_is_the_loop(request: Any, channel: str, labels: list[str] | None) -> bool:
    return channel == str(id(asyncio.get_running_loop()))


def channel_is_jobs(request: Any, channel: str, labels: list[str] | None) -> bool:
    return channel == "jobs"


def test_function_named_in_the_environment_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASH_PIPE_AUTHORIZE", f"{__name__}:channel_is_jobs")
    for channel, denied in (("jobs", frozenset()), ("secrets", LABELS)):
        subscribe = Subscribe(channel, LABELS)
        current, request = runtime.current(), contextlib.nullcontext
        assert denied_of(asyncio.run(authorize_subscribe(current, request, subscribe))) == denied
        assert denied_of(authorize_subscribe_sync(current, request, subscribe)) == denied


def test_coroutine_named_in_the_environment_runs_on_the_servers_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASH_PIPE_AUTHORIZE", f"{__name__}:channel_is_the_loop")

    async def poll() -> Outcome:
        loop = asyncio.get_running_loop()
        subscribe, request = Subscribe(str(id(loop)), None), contextlib.nullcontext
        return await asyncio.to_thread(
            authorize_subscribe_beside_loop,
            loop,
            runtime.current(),
            request,
            subscribe,
            Allowance(10.0),
        )

    assert denied_of(asyncio.run(poll())) == frozenset()  # also the first one, which imports it
    assert denied_of(asyncio.run(poll())) == frozenset()


def test_function_that_cannot_be_imported_denies_and_logs_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DASH_PIPE_AUTHORIZE", "no_such_module:may_listen")
    current, request = runtime.current(), contextlib.nullcontext
    for labels, denied in ((LABELS, LABELS), (None, {None})):
        subscribe = Subscribe("jobs", labels)
        assert denied_of(asyncio.run(authorize_subscribe(current, request, subscribe))) == denied
        assert denied_of(authorize_subscribe_sync(current, request, subscribe)) == denied
    assert "can't import 'no_such_module:may_listen' (ModuleNotFoundError" in caplog.text


@pytest.mark.parametrize("ask", [authorize_subscribe_sync])
@pytest.mark.parametrize(
    ("answers", "denied"),
    [
        ({None: True}, set()),
        ({None: False}, {None}),
        ({None: "truthy"}, {None}),
        ({None: ZeroDivisionError()}, {None}),
    ],
    ids=["every-label", "its-labels", "no-bool", "raising"],
)
def test_hint_needs_permission_for_every_label(
    ask: Any, answers: dict[None, Any], denied: set[None], caplog: pytest.LogCaptureFixture
) -> None:
    def authorize(_request: Any, _channel: str, labels: list[str] | None) -> Any:
        answer = True if labels else answers[None]
        if isinstance(answer, Exception):
            raise answer
        return answer

    dash_pipe.configure(authorize=authorize)
    subscribe = Subscribe("jobs", LABELS, hint=True)
    outcome = ask(runtime.current(), contextlib.nullcontext, subscribe)
    assert denied_of(outcome) == denied
    assert not caplog.records


def test_hint_for_denied_labels_calls_authorize_no_more() -> None:
    question = AppCall(answer=False)
    dash_pipe.configure(authorize=question)
    subscribe = Subscribe("jobs", frozenset({"a"}), hint=True)
    assert denied_of(authorize_subscribe_sync(runtime.current(), question.request, subscribe)) == {
        "a"
    }
    assert len(question.asked) == 1
