"""What the app is asked, and what its answers, or their absence, mean."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dash_pipe
from dash_pipe.hosts import guard
from dash_pipe.hosts.guard import Guard, HttpOnly, refused, refused_now
from dash_pipe.protocol import Close, Denied, Subscribe

LABELS = frozenset({"b", "a"})
SUBSCRIBE = Subscribe("jobs", LABELS, token="a token")


class Question:
    """An `authorize` that remembers what it was asked and in which thread."""

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


def ask_async(question: Question) -> Denied:
    async def authorize(request: Any, channel: str, labels: list[str] | None) -> Any:
        assert question.open
        await asyncio.sleep(0)  # what it asks takes its time
        return question(request, channel, labels)

    dash_pipe.configure(authorize=authorize)
    return asyncio.run(refused(question.request, SUBSCRIBE))


def ask_sync(question: Question) -> Denied:
    dash_pipe.configure(authorize=question)
    return asyncio.run(refused(question.request, SUBSCRIBE))


def ask_sync_now(question: Question) -> Denied:
    dash_pipe.configure(authorize=question)
    return refused_now("the request", SUBSCRIBE)


def ask_async_now(question: Question) -> Denied:
    async def authorize(request: Any, channel: str, labels: list[str] | None) -> Any:
        return question(request, channel, labels)

    dash_pipe.configure(authorize=authorize)
    return refused_now("the request", SUBSCRIBE)


WAYS = [ask_sync, ask_async, ask_sync_now, ask_async_now]


@pytest.mark.parametrize("ask", WAYS)
def test_it_gets_the_request_the_channel_and_the_labels(ask: Callable[[Question], Denied]) -> None:
    question = Question()
    assert ask(question) == frozenset()
    assert question.asked == [("the request", "jobs", ["a", "b"])]


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("answer", [False, None, 0, "yes", 1, []])
def test_all_but_true_refuses(ask: Callable[[Question], Denied], answer: Any) -> None:
    assert ask(Question(answer)) == LABELS


@pytest.mark.parametrize("ask", WAYS)
def test_one_that_fails_refuses_and_the_log_says_so(
    ask: Callable[[Question], Denied], caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(Question(ZeroDivisionError("a bug"))) == LABELS
    assert "jobs" in caplog.records[0].message
    assert "a bug" in caplog.text


def test_a_sync_one_does_not_hold_up_the_loop() -> None:
    question = Question()
    ask_sync(question)
    assert question.thread is not threading.current_thread()


def test_one_that_does_not_answer_refuses(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "AUTHORIZE_TIMEOUT", 0.01)

    async def authorize(*_: Any) -> bool:
        await asyncio.Event().wait()
        return True

    dash_pipe.configure(authorize=authorize)
    assert asyncio.run(refused(contextlib.nullcontext, Subscribe("jobs", None))) == {None}
    assert "did not answer" in caplog.text


def test_without_one_everybody_may() -> None:
    assert not Guard().authorizes
    assert asyncio.run(refused(contextlib.nullcontext, Subscribe("jobs", None))) == frozenset()
    assert refused_now(None, Subscribe("jobs", None)) == frozenset()


@pytest.mark.parametrize("ask", WAYS)
def test_labels_that_are_refused_together_are_asked_one_by_one(
    ask: Callable[[Question], Denied],
) -> None:
    question = Question()
    question.answer_to = lambda labels: labels == ["a"]
    assert ask(question) == {"b"}
    assert [labels for *_, labels in question.asked] == [["a", "b"], ["a"], ["b"]]


def test_it_gets_the_token_of_the_pipe_if_it_wants_it() -> None:
    def authorize(request: Any, channel: str, labels: Any, *, token: str | None) -> bool:
        return token == "a token"

    dash_pipe.configure(authorize=authorize)
    for subscribe, denied in ((SUBSCRIBE, frozenset()), (Subscribe("jobs", LABELS), LABELS)):
        assert asyncio.run(refused(contextlib.nullcontext, subscribe)) == denied
        assert refused_now(None, subscribe) == denied


def refused_by(*hooks: Callable[[Any], Any]) -> Any:
    guard = Guard(connect_hooks=lambda: hooks)
    now = guard.refusal_now({}, "the request")
    assert asyncio.run(guard.refusal({}, "the request")) == now
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
    assert refused_by(lambda request: (4001, "log in"))[1].endswith("refused: log in")


@pytest.mark.parametrize("origins", [("https://a.org",), ()])
def test_the_origins_of_the_app_count_beside_the_setting(origins: tuple[str, ...]) -> None:
    headers = {"origin": "https://a.org", "host": "app.org"}
    assert (Guard(origins).refusal_now(headers, None) is None) == bool(origins)
    dash_pipe.configure(allowed_origins=["https://a.org"])
    assert Guard(origins).refusal_now(headers, None) is None


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
    http_only = HttpOnly(Guard(connect_hooks=lambda: hooks), lambda: names, "FastAPI")
    http_only.check()
    http_only.check()
    assert len(caplog.records) == said
    if said:
        assert caplog.records[0].levelno == logging.WARNING
        for word in ("login", "FastAPI", "authorize"):
            assert word in caplog.text
