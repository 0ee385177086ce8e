"""The listener: its loops, its gaps, its end; on connections that a test writes, and locally."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest

import dash_pipe
from dash_pipe import Gap, Listener, Position, ReceivedMessage, send_to_pipe_channel
from dash_pipe.client import Client, Subscription, Update
from dash_pipe.errors import EndpointUnavailableError, ListenDeniedError, SetupError
from harness.wait import TIMEOUT, wait_for

Lost = EndpointUnavailableError
SOON = 15.0  # seconds, less than a heartbeat, which would wake a loop that nobody else has woken
CHANNEL = "jobs"


def text(type_: str, **fields: Any) -> str:
    return json.dumps({"type": type_, "channel": CHANNEL, **fields})


def subscribed(offset: int = 0, epoch: str = "e1", **fields: Any) -> str:
    defaults = {"recovered": None, "spread": 0.0, "heartbeat": 10.0}
    return text("subscribed", epoch=epoch, offset=offset, **{**defaults, **fields})


def messages(*offsets: int, epoch: str = "e1", upto: int = 0, **fields: Any) -> str:
    rows = [[offset, "a", offset * 10, 0.5] for offset in offsets]
    upto = upto or offsets[-1]
    return text("messages", epoch=epoch, messages=rows, upto=upto, **fields)


class Script:
    """Connections, each with the texts that come and the error that ends it."""

    def __init__(self, *connections: list[Any]) -> None:
        self.connections = list(connections)
        self.sent: list[list[dict[str, Any]]] = []
        self.open = 0
        self.updates: list[Update] = []

    def listener(self, **options: Any) -> Listener:
        client = Client(Subscription(CHANNEL, **options), lambda low, high: 0.0)
        return Listener(
            client, lambda: Scripted(self), lambda: AsyncScripted(self), self.updates.append
        )


class Scripted:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.texts = script.connections.pop(0)
        self.is_open = False
        script.sent.append([])

    def __enter__(self) -> "Scripted":
        if self.texts and isinstance(self.texts[0], Lost):
            raise self.texts[0]
        self.script.open += 1
        self.is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.script.open -= self.is_open
        self.is_open = False

    def send(self, text: str) -> None:
        self.script.sent[-1].append(json.loads(text))

    def receive(self, timeout: float) -> str:
        came = self.texts.pop(0)
        if isinstance(came, BaseException):
            raise came
        assert isinstance(came, str)
        return came


class AsyncScripted:
    def __init__(self, script: Script) -> None:
        self.blocking = Scripted(script)

    async def __aenter__(self) -> "AsyncScripted":
        self.blocking.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.blocking.__exit__()

    async def send(self, text: str) -> None:
        self.blocking.send(text)

    async def receive(self, timeout: float) -> str:
        await asyncio.sleep(0)
        return self.blocking.receive(timeout)


Take = Callable[[Listener, int], list[ReceivedMessage]]


def in_thread(listener: Listener, number: int) -> list[ReceivedMessage]:
    return list(islice(listener, number))


def on_loop(listener: Listener, number: int) -> list[ReceivedMessage]:
    async def iterate() -> list[ReceivedMessage]:
        found = []
        async for message in listener:
            found.append(message)
            if len(found) == number:
                break
        return found

    return asyncio.run(asyncio.wait_for(iterate(), TIMEOUT))


@pytest.fixture(params=[in_thread, on_loop])
def take(request: pytest.FixtureRequest) -> Any:
    """Return a number of messages of a listener, and end the loop."""
    return request.param


def test_message_has_what_a_page_has_and_its_position(take: Take) -> None:
    script = Script([subscribed(3), messages(4)])
    (message,) = take(script.listener(), 1)
    assert message == ReceivedMessage("jobs", "a", 40, 4, 0.5, Position("e1", 4), ())
    assert script.open == 0
    with pytest.raises(AttributeError):
        message.value = 1  # type: ignore[misc]


def test_next_loop_yields_the_rest_of_the_frame_and_goes_on_at_its_position(take: Take) -> None:
    script = Script([subscribed(), messages(1, 2, 3)], [subscribed(4), messages(4)])
    listener = script.listener()
    assert [message.offset for message in take(listener, 1)] == [1]
    assert [message.offset for message in take(listener, 3)] == [2, 3, 4]
    assert script.sent[1][0]["since"] == {"epoch": "e1", "offset": 3}
    assert script.open == 0


def test_gap_is_with_the_next_message_alone(take: Take) -> None:
    script = Script(
        [subscribed(), messages(1), Lost("gone")],
        [subscribed(9), messages(7, 8, upto=9, lost=[["a", 6]])],
    )
    listener = script.listener()
    found = take(listener, 3)
    gap = Gap(1, 6, "window")
    assert [message.gaps for message in found] == [(), (gap,), ()]
    assert (listener.n_gaps, listener.last_gap) == (1, gap)
    assert [note for update in script.updates for note in update.notes] == ["gone; reconnecting"]


def test_gap_without_a_message_is_known_at_once_and_waits_for_one(take: Take) -> None:
    script = Script(
        [subscribed(), messages(1), Lost("gone")],
        [subscribed(1, epoch="e2"), messages(2, epoch="e2")],
    )
    listener = script.listener()
    assert take(listener, 1)[0].gaps == ()
    (second,) = take(listener, 1)
    assert second.gaps == (Gap(1, None, "epoch"),)
    assert second.position == Position("e2", 2)


def test_held_rows_of_a_lost_epoch_keep_its_name_in_their_position() -> None:
    script = Script(
        [subscribed(0), messages(1, 2), messages(1, epoch="e2", past=[["e1", 0, 2]])],
    )
    found = in_thread(script.listener(replay=1), 3)
    assert [message.position for message in found] == [("e1", 1), ("e1", 2), ("e2", 1)]


def test_first_connection_that_fails_raises(take: Take) -> None:
    with pytest.raises(EndpointUnavailableError, match="away"):
        take(Script([Lost("away")]).listener(), 1)


def test_denied_listener_raises_a_permission_error(take: Take) -> None:
    denied = text("error", code="denied", reason="not you", final=True)
    with pytest.raises(ListenDeniedError, match="denied: not you; send a token, or headers") as got:
        take(Script([denied]).listener(), 1)
    assert isinstance(got.value, PermissionError)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (4401, "send a token, or headers"),
        (4403, "check the settings allowed_origins and allowed_hosts"),
        (4406, r"this client speaks dash-pipe\.v1; install a dash-pipe that speaks the server's"),
    ],
)
def test_rejected_connection_raises_with_advice(code: int, advice: str, take: Take) -> None:
    with pytest.raises(ListenDeniedError, match=f"no entry; {advice}"):
        take(Script([Lost("no entry", code)]).listener(), 1)


def test_with_subscribes_at_once_and_closes(take: Take) -> None:
    script = Script([subscribed(), messages(1)])
    with script.listener() as listener:
        assert script.open == 1
        assert in_thread(listener, 1)[0].offset == 1
    assert script.open == 0
    assert take(listener, 1) == []
    with pytest.raises(SetupError, match="this one was closed"):
        listener.__enter__()


def test_async_with_subscribes_at_once_and_closes() -> None:
    script = Script([subscribed(), messages(1)], [subscribed(1)])

    async def scene() -> None:
        async with script.listener() as listener:
            assert script.open == 1
            async for message in listener:
                assert message.offset == 1
                break
        async with script.listener():
            assert script.open == 1
        assert script.open == 0

    asyncio.run(scene())
    assert script.open == 0


def test_with_without_a_loop_closes() -> None:
    script = Script([subscribed()])
    with script.listener():
        assert script.open == 1
    assert script.open == 0


def test_break_closes_the_connection_of_a_listener_that_is_kept() -> None:
    script = Script([subscribed(), messages(1, 2)])
    listener = script.listener()
    for message in listener:
        assert (message.offset, script.open) == (1, 1)
        break
    assert script.open == 0


def test_second_loop_ends_the_first_where_it_stands() -> None:
    script = Script([subscribed(), messages(1, 2)], [subscribed(2), messages(3)])
    listener = script.listener()
    first = iter(listener)
    assert next(first).offset == 1
    assert [message.offset for message in in_thread(listener, 2)] == [2, 3]
    assert list(first) == []
    assert script.open == 0


def test_second_loop_while_the_first_waits_raises() -> None:
    script = Script([])
    listener = script.listener()

    class Waiting(list[str]):
        def pop(self, _: Any = 0) -> str:
            with pytest.raises(SetupError, match="call listen\\(\\) once for each loop"):
                next(iter(listener))
            return subscribed()

    script.connections[0] = Waiting(["", ""])
    listener.__enter__()
    listener.close()


def test_loop_of_trio_raises_with_advice() -> None:
    listener = Script([]).listener()
    step = listener.__aiter__().__anext__()
    with pytest.raises(SetupError, match="under trio iterate with `for` in a thread"):
        step.send(None)  # type: ignore[attr-defined]


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setattr("dash_pipe.client.client.HINT_DELAY", 3600.0)  # it would wake it as well
    with dash_pipe.listen("jobs") as listener:
        yield listener


def test_local_listener_hears_another_thread_without_starting_one(local: Listener) -> None:
    before = threading.active_count()
    senders = [threading.Thread(target=send_to_pipe_channel, args=("jobs", "a", n)) for n in (1, 2)]
    for thread in senders:
        thread.start()
        thread.join()
    assert [message.value for message in in_thread(local, 2)] == [1, 2]
    assert threading.active_count() == before


def test_local_listener_that_waits_is_woken_and_closed_by_another_thread(local: Listener) -> None:
    heard: list[Any] = []
    thread = threading.Thread(target=lambda: heard.extend(local), daemon=True)
    thread.start()
    wait_for(lambda: local._is_waiting, "the loop to wait")
    send_to_pipe_channel("jobs", "a", 1)
    wait_for(lambda: heard, "the message")
    local.close()
    thread.join(SOON)
    assert not thread.is_alive()
    assert [message.value for message in heard] == [1]


def test_local_listener_on_a_loop_is_woken_by_a_thread_and_closed_by_a_task() -> None:
    heard = []

    async def scene() -> None:
        async def hear(listener: Listener) -> None:
            async for message in listener:
                heard.append(message.value)
                await listener.aclose() if message.value == 2 else None

        async with dash_pipe.listen("jobs") as listener:
            task = asyncio.create_task(hear(listener))
            for n in (1, 2):
                await asyncio.to_thread(send_to_pipe_channel, "jobs", "a", n)
            await task

    asyncio.run(asyncio.wait_for(scene(), TIMEOUT))
    assert heard == [1, 2]


def test_aclose_ends_a_loop_that_waits_for_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dash_pipe.client.client.HINT_DELAY", 3600.0)

    async def scene() -> list[Any]:
        async def hear() -> list[Any]:
            return [message async for message in listener]

        async with dash_pipe.listen("jobs") as listener:
            task = asyncio.create_task(hear())
            while not listener._is_waiting:
                await asyncio.sleep(0)
            await listener.aclose()
            return await task

    assert asyncio.run(asyncio.wait_for(scene(), SOON)) == []


def test_local_listener_leaves_the_broker(local: Listener) -> None:
    hub = local._connection.session.hub  # type: ignore[union-attr]
    assert (len(hub), hub.numbers()["subscriptions"]) == (1, 1)
    local.close()
    assert (len(hub), hub.numbers()["subscriptions"]) == (0, 0)


def test_local_listener_counts_as_one_that_listens(local: Listener) -> None:
    assert (dash_pipe.listeners("jobs"), dash_pipe.listeners("jobs", "a")) == (1, 1)
    local.close()
    assert dash_pipe.listeners("jobs") == 0


def test_source_runs_for_a_local_listener(take: Take) -> None:
    @dash_pipe.source("jobs", label="a")
    def count() -> Iterator[int]:
        yield from (1, 2, 3)

    assert [message.value for message in take(dash_pipe.listen("jobs"), 3)] == [1, 2, 3]


def test_local_listener_of_the_own_channel_of_dash_pipe_is_denied() -> None:
    with pytest.raises(ListenDeniedError, match="own"):
        in_thread(dash_pipe.listen("dash_pipe.commands"), 1)
