"""The polls of a process take turns."""

import asyncio
import json
import threading
from typing import Any

import pytest

from dash_pipe import runtime
from dash_pipe.endpoint import poll as poll_module
from dash_pipe.endpoint import poll_turns
from dash_pipe.endpoint.http import HttpRequest
from dash_pipe.endpoint.poll import MAX_FRAMES, poll
from dash_pipe.endpoint.poll_turns import LONGEST_REST, LockTurn, PollTurns, TurnTimeoutError
from dash_pipe.endpoint.routes import answer
from dash_pipe.hub.authorization import Permission
from dash_pipe.hub.policy import Policy
from dash_pipe.transports.asgi import AsgiEndpoint
from harness.wait import TIMEOUT
from unit.fakes import Clock, MirrorBroker, Room

SUBSCRIBE = {"type": "subscribe", "channel": "jobs", "labels": None}


def ask(room: Room, frames: Any, turn: LockTurn | None = None, authorize: Any = None) -> Any:
    request = HttpRequest("POST", "poll", body=json.dumps(frames).encode())
    allow = authorize or (lambda _: Permission())
    return poll(request, room.broker, Policy(), 2.0, allow, turn=turn)


class Work:
    """The clock of a thread's work, and the rests that were taken."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self.rests: list[float] = []
        self._seconds = seconds

    def clock(self) -> float:
        self.now += self._seconds
        return self.now


@pytest.mark.parametrize(("worked", "rests"), [(0.02, [0.02]), (0.0005, []), (7.0, [LONGEST_REST])])
def test_poll_rests_as_long_as_it_has_worked(worked: float, rests: list[float]) -> None:
    work = Work(worked)
    with LockTurn(threading.Lock(), work.clock, work.rests.append).taken():
        pass
    assert work.rests == pytest.approx(rests)


def test_poll_works_alone_and_lends_its_turn_while_authorize_is_called() -> None:
    lock, held = threading.Lock(), []

    def authorize(_: object) -> Permission:
        held.append(lock.locked())
        return Permission()

    work = Work(0.0)
    turn = LockTurn(lock, work.clock, lambda _: None)
    room = Room()
    real, room.broker.open = (
        room.broker.open,
        lambda name: (held.append(lock.locked()), real(name))[1],
    )  # type: ignore[method-assign]
    assert ask(room, [SUBSCRIBE], turn, authorize).status == 200
    assert held == [False, True]
    assert not lock.locked()


def test_long_poll_shares_its_turn_between_two_frames() -> None:
    work = Work(0.004)  # for each look at the clock
    lock, rests = threading.Lock(), []
    turn = LockTurn(lock, work.clock, lambda seconds: rests.append((seconds, lock.locked())))
    assert ask(Room(), [SUBSCRIBE] * 10, turn).status == 200
    assert len(rests) > 3
    assert {locked for _, locked in rests} == {True}  # a rest is for all polls
    assert not lock.locked()


def test_poll_that_waits_for_a_log_lends_its_turn() -> None:
    broker, lock = MirrorBroker(Clock()), threading.Lock()
    asked = threading.Event()
    real = broker.refresh
    broker.refresh = lambda channel: (real(channel), asked.set())[0]  # type: ignore[method-assign]

    def load() -> None:
        asked.wait(TIMEOUT)
        with lock:
            broker.load("jobs", "e1", "a")

    loader = threading.Thread(target=load)
    loader.start()
    request = HttpRequest("POST", "poll", body=json.dumps([SUBSCRIBE]).encode())
    turn = LockTurn(lock, Work(0.0).clock, lambda _: None)
    found = poll(request, broker, Policy(), 2.0, lambda _: Permission(), turn=turn)
    loader.join(TIMEOUT)
    assert [frame["type"] for frame in json.loads(found.body)] == ["subscribed"]
    assert not lock.locked()


def test_turn_that_does_not_come_raises_and_is_not_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poll_turns, "TIMEOUT", 0.01)
    lock = threading.Lock()
    with lock:
        with pytest.raises(TurnTimeoutError), LockTurn(lock).taken():
            pass
        assert lock.locked()


def test_poll_that_gets_no_turn_is_told_to_retry(
    fresh_runtime: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll_turns, "TIMEOUT", 0.01)
    current = runtime.current()
    request = HttpRequest("POST", "poll", body=b"[]")

    def find() -> Any:
        return answer(
            current, request, obstacle="", rejection=None, authorize=lambda _: Permission()
        )

    with current.part(PollTurns).turn().taken():
        found = find()
    assert (found.status, json.loads(found.body)["code"]) == (503, 1013)
    assert current.counters.all()["closed_1013"] == 1
    assert find().status == 200


def test_poll_on_a_loop_is_answered_in_a_thread(fresh_runtime: None) -> None:
    broker, threads = runtime.current().broker, []
    real = broker.open
    broker.open = lambda name: (threads.append(threading.current_thread().name), real(name))[1]  # type: ignore[method-assign]
    body = json.dumps([SUBSCRIBE]).encode()
    request = HttpRequest("POST", "poll", {"host": "app.org"}, body, "127.0.0.1", "http")

    async def main() -> int:
        found = await asyncio.wait_for(
            AsgiEndpoint().answer(runtime.current(), request, {}), TIMEOUT
        )
        return found.status

    assert asyncio.run(main()) == 200
    assert threads == ["dash-pipe-poll"]


def test_poll_of_300000_frames_costs_no_more_than_those_that_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = []

    class Json:
        loads = staticmethod(json.loads)

        @staticmethod
        def dumps(value: object, **options: Any) -> str:
            encoded.append(value)
            return json.dumps(value, **options)

    monkeypatch.setattr(poll_module, "json", Json)
    ask(Room(), [0] * 300_000)
    assert len(encoded) == MAX_FRAMES + 1
