import asyncio
import contextlib
import datetime
import decimal
import json
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import dash
import plotly.graph_objects as go
import pytest
from dash import Input, Output, dcc, html

import dash_pipe
from dash_pipe import (
    Position,
    async_send_to_pipe_channel,
    brokers,
    runtime,
    send_to_pipe_channel,
)
from dash_pipe.errors import BrokerUnavailableError, InvalidMessageError
from dash_pipe.sending.send import THREADS
from harness.wait import TIMEOUT


def sent(channel: str = "jobs") -> list[Any]:
    log = runtime.current().broker.open(channel)
    runtime.current().broker.close(channel)
    return [json.loads(row)[1:3] for row in log.read(0, None, 2**30).rows]


def arrives(value: Any) -> Any:
    """Send a value; return what a browser gets."""
    send_to_pipe_channel("jobs", "a", value)
    return sent()[-1][1]


def test_send_with_positional_or_keyword_arguments_publishes() -> None:
    first = send_to_pipe_channel("jobs", "a", 1)
    second = send_to_pipe_channel(channel_name="jobs", label="b", value=2)
    assert isinstance(first, Position)
    assert (first.offset, second) == (1, Position(first.epoch, 2))
    assert sent() == [["a", 1], ["b", 2]]


@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, "", "é \N{ROCKET} </script>\u2028", [], {}, {"a": [1, None]}]
)
def test_plain_data_arrives_unchanged(value: Any) -> None:
    assert arrives(value) == value


def test_results_of_callbacks_arrive_as_json() -> None:
    figure = go.Figure(go.Bar(x=["a"], y=[1]))
    assert arrives(figure)["data"][0]["type"] == "bar"
    assert arrives(html.Div([dcc.Markdown("x", id="m")], id="d"))["props"]["id"] == "d"
    assert arrives([dash.no_update])[0]
    assert arrives(datetime.datetime(2026, 1, 2, 3, 4, 5)) == "2026-01-02T03:04:05"
    assert arrives(datetime.date(2026, 1, 2)) == "2026-01-02"
    assert arrives((1, 2)) == [1, 2]
    assert arrives({1: "x"}) == {"1": "x"}


def test_numpy_values_arrive_as_json() -> None:
    np = pytest.importorskip("numpy")
    assert arrives(np.int64(3)) == 3
    assert arrives(np.float32(0.5)) == 0.5
    assert arrives(np.arange(3)) == [0, 1, 2]
    assert arrives({"x": np.array([[1.5, 2.5]])}) == {"x": [[1.5, 2.5]]}


def test_pandas_values_arrive_as_json() -> None:
    pd = pytest.importorskip("pandas")
    assert arrives(pd.Series([1, 2])) == [1, 2]
    assert arrives(pd.Timestamp("2026-01-02")) == "2026-01-02T00:00:00"


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: {"k": it}, lambda it: [1, it]])
def test_dataframe_arrives_as_records_without_index(wrap: Callable[[Any], Any]) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": [1.5, None], 7: ["a", "b"]}, index=["first", "second"])
    records = [{"x": 1.5, "7": "a"}, {"x": None, "7": "b"}]
    assert arrives(wrap(frame)) == wrap(records)


@pytest.mark.parametrize("value", [b"21.5", bytearray(b"x"), {"x": b"x"}, {b"x": 1}, [b"x"]])
def test_bytes_raise_with_the_advice_to_decode(value: Any) -> None:
    with pytest.raises(InvalidMessageError, match=r"decode bytes .* value\.decode\(\)$"):
        send_to_pipe_channel("jobs", "a", value)
    assert sent() == []


def test_patch_arrives_as_dash_serializes_it() -> None:
    patch = dash.Patch()
    patch["layout"]["title"] = "new"
    assert arrives(patch) == json.loads(json.dumps(patch.to_plotly_json()))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_numbers_arrive_as_null(value: float) -> None:
    assert arrives([value, 1]) == [None, 1]


@pytest.mark.parametrize(
    "name",
    ["", "x" * 201, 5, None, b"jobs", ["jobs"], 10**5000],
    ids=["empty", "long", "number", "none", "bytes", "list", "huge"],
)
@pytest.mark.parametrize("argument", ["channel_name", "label"])
def test_invalid_channel_name_or_label_raises(argument: str, name: Any) -> None:
    message = {"channel_name": "jobs", "label": "a", "value": 1, argument: name}
    with pytest.raises(InvalidMessageError) as caught:
        send_to_pipe_channel(**message)
    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"{argument}: expected a string of 1 to 200 characters")
    came = f"{len(name)} characters" if isinstance(name, str) else type(name).__name__
    assert f"got {came}" in str(caught.value)
    assert sent() == []


def test_names_of_200_characters_are_accepted() -> None:
    send_to_pipe_channel("c" * 200, "\N{ROCKET}" * 200, 1)
    assert sent("c" * 200) == [["\N{ROCKET}" * 200, 1]]


class UnknownObject:
    pass


class RaisingValue:
    def to_plotly_json(self) -> None:
        raise ZeroDivisionError("no")

    def __repr__(self) -> str:
        raise ZeroDivisionError("no")


def loop() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return endless


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        UnknownObject(),
        {"x": UnknownObject()},
        {1, 2},
        {(1, 2): 3},
        loop(),
        deep(),
        RaisingValue(),
        10**5000,
    ],
    ids=["object", "nested", "set", "key", "loop", "deep", "raising", "number"],
)
def test_value_that_is_not_serializable_raises(value: Any) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        send_to_pipe_channel("jobs", "a", value)
    assert caught.value.argument == "value"
    text = str(caught.value)
    assert text.startswith("value: expected what a Dash callback may return, got ")
    assert type(value).__name__ in text
    assert "send plain data" in text
    assert len(text) < 1000
    assert sent() == []


def test_decimal_is_treated_as_dash_treats_it() -> None:
    from dash._utils import to_json

    try:
        expected = to_json(decimal.Decimal("1.5"))
    except TypeError:
        with pytest.raises(InvalidMessageError, match="Decimal"):
            send_to_pipe_channel("jobs", "a", decimal.Decimal("1.5"))
    else:
        assert arrives(decimal.Decimal("1.5")) == json.loads(expected)


def test_value_over_max_message_bytes_raises() -> None:
    dash_pipe.configure(max_message_bytes=100)
    assert arrives("x" * 98) == "x" * 98
    with pytest.raises(InvalidMessageError) as caught:
        send_to_pipe_channel("jobs", "a", "x" * 99)
    assert caught.value.argument == "value"
    assert "at most 100 bytes" in str(caught.value)
    assert "got 101" in str(caught.value)
    assert "max_message_bytes" in str(caught.value)
    assert len(sent()) == 1


def test_send_and_async_send_publish_in_a_running_loop() -> None:
    async def main() -> tuple[Position, Position]:
        first = send_to_pipe_channel("jobs", "a", 1)
        return first, await async_send_to_pipe_channel(channel_name="jobs", label="a", value=2)

    first, second = asyncio.run(main())
    assert second == (first.epoch, 2)
    assert sent() == [["a", 1], ["a", 2]]


def test_async_send_with_invalid_label_raises() -> None:
    with pytest.raises(InvalidMessageError, match=r"^label: "):
        asyncio.run(async_send_to_pipe_channel("jobs", "", 1))
    assert sent() == []


class BlockingBroker(brokers.Broker):
    """A broker that answers while `release` is set, as it is at first."""

    may_wait = True

    def __init__(self) -> None:
        self.release = threading.Event()
        self.release.set()
        self.published: list[str] = []

    def publish(self, channel: str, *_: Any) -> Position:
        self.release.wait(60)
        self.published.append(channel)
        return Position("e", len(self.published))


@pytest.fixture
def blocking_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingBroker]:
    broker = BlockingBroker()
    monkeypatch.setattr(brokers, "connect", lambda *_: broker)
    yield broker
    broker.release.set()


def test_async_send_does_not_need_the_loops_executor(blocking_broker: BlockingBroker) -> None:
    async def main() -> Position:
        done = threading.Event()
        apps = [asyncio.create_task(asyncio.to_thread(done.wait)) for _ in range(40)]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(async_send_to_pipe_channel("jobs", "a", 1), TIMEOUT)
        finally:
            done.set()
            await asyncio.gather(*apps)

    assert asyncio.run(main()) == ("e", 1)


def test_async_send_without_a_free_thread_raises_and_does_not_send(
    blocking_broker: BlockingBroker,
) -> None:
    dash_pipe.configure(send_timeout=3.0)  # in which the first threads have to begin
    blocking_broker.release.clear()

    async def main() -> None:
        first = [
            asyncio.create_task(async_send_to_pipe_channel("first", "a", n)) for n in range(THREADS)
        ]
        await asyncio.sleep(0)
        free = "none of 8 sending threads was free"
        with pytest.raises(BrokerUnavailableError, match=free) as caught:
            await async_send_to_pipe_channel("last", "a", 1, message_id="m1")
        assert (caught.value.message_id, caught.value.may_have_been_sent) == ("m1", False)
        blocking_broker.release.set()
        await asyncio.gather(*first)

    asyncio.run(main())
    assert blocking_broker.published == ["first"] * THREADS


def test_send_in_a_shared_loop_is_warned_about_once(
    blocking_broker: BlockingBroker, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        send_to_pipe_channel("jobs", "a", 1)
        assert caplog.messages == []
        beside = asyncio.create_task(asyncio.Event().wait())
        for _ in range(2):
            send_to_pipe_channel("jobs", "a", 1)
        beside.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beside

    asyncio.run(main())
    (said,) = caplog.messages
    assert "async_send_to_pipe_channel" in said


def test_send_in_the_loop_of_a_single_callback_is_not_warned_about(
    blocking_broker: BlockingBroker, caplog: pytest.LogCaptureFixture
) -> None:
    app = dash.Dash("app")  # with asgiref Dash has Flask run each callback on such a loop
    app.layout = [dcc.Input(id="in"), html.Div(id="out")]

    @app.callback(Output("out", "children"), Input("in", "value"))
    def callback(value: str) -> str:
        asyncio.get_running_loop()
        send_to_pipe_channel(value, "a", 1)
        return "sent"

    body = {
        "output": "out.children",
        "outputs": {"id": "out", "property": "children"},
        "inputs": [{"id": "in", "property": "value", "value": "jobs"}],
        "changedPropIds": ["in.value"],
    }
    answer = app.server.test_client().post("/_dash-update-component", json=body)
    assert answer.json["response"]["out"]["children"] == "sent"
    assert blocking_broker.published == ["jobs"]
    assert caplog.messages == []


def test_async_send_with_failed_thread_start_raises_and_does_not_send(
    blocking_broker: BlockingBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(BrokerUnavailableError) as caught:
        asyncio.run(async_send_to_pipe_channel("jobs", "a", 1))
    assert not caught.value.may_have_been_sent
