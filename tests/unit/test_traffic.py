"""The numbers of messages, frames, gaps and calls that pass through a process."""

import asyncio
import json
from typing import Any

import dash
import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.errors import BrokerUnavailableError
from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from dash_pipe.log import Limits
from dash_pipe.telemetry.counters import Counters
from dash_pipe.telemetry.histogram import Histogram
from dash_pipe.telemetry.traffic import ERRORS, TRAFFIC, Traffic
from harness.wait import TIMEOUT, wait_for_value
from unit.asgi_server import Server
from unit.fakes import Browser, Clock, MirrorRoom, since
from unit.test_statistics import Open, connect  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("fresh_runtime")


def changed(before: dict[str, float]) -> dict[str, float]:
    """Return the numbers that have changed since."""
    return {name: n - before[name] for name, n in dash_pipe.stats().items() if n != before[name]}


class CountedRoom:
    """A hub whose traffic the test reads."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.traffic = Traffic(self.clock)
        self.broker = MemoryBroker(Limits(**limits), 100, self.clock)
        self.hub = Hub(self.broker, Policy(), lambda: None, self.clock, self.traffic)

    def numbers(self) -> dict[str, float]:
        return {name: number for name, number in self.traffic.numbers().items() if number}


def test_histogram_counts_each_duration_in_its_size_and_the_larger_ones() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.0011, 0.5, 70.0, -3.0):
        histogram.add(seconds)
    assert list(histogram.numbers("lag").values()) == [2, 3, 3, 4, 5, pytest.approx(70.5021)]


def test_messages_are_counted_for_each_browser_and_their_frames_too() -> None:
    room = CountedRoom()
    browsers = [Browser(room.hub) for _ in range(3)]
    for browser in browsers:
        browser.subscribe("jobs")
    for value in range(4):
        room.broker.publish("jobs", "a", str(value))
    room.clock.now += 0.05
    room.hub.flush()
    found = room.numbers()
    texts = [frame.text for frame in browsers[0].transport.frames if '"messages"' in frame.text]
    assert found["messages_sent"] == 12
    assert found["bytes_sent"] == 3 * sum(map(len, texts))
    assert found["frames_received"] == 3
    assert found["bytes_received"] > 3 * len('{"type":"subscribe","channel":"jobs"}')
    assert (found["lag_count"], found["lag_within_100ms"]) == (1, 1)
    assert found["lag_seconds"] == pytest.approx(0.05)


def test_replayed_messages_are_counted() -> None:
    room = CountedRoom()
    for value in range(5):
        room.broker.publish("jobs", "a", str(value))
    browser = Browser(room.hub)
    browser.subscribe("jobs")
    browser.says(type="replay", id=1, channel="jobs", labels=None, last=3)
    assert room.numbers()["messages_sent"] == 3


def test_loss_of_the_window_is_a_gap_of_each_browser_that_is_told() -> None:
    room = CountedRoom(messages=2)
    browsers = [Browser(room.hub) for _ in range(2)]
    for browser in browsers:
        browser.subscribe("jobs")
    for value in range(5):
        room.broker.publish("jobs", "a", str(value))
    room.hub.flush()
    assert room.numbers()["gaps_window"] == 2
    room.broker.publish("jobs", "a", "5")
    room.hub.flush()
    assert room.numbers()["gaps_window"] == 2


def test_position_that_the_window_has_left_is_one_gap() -> None:
    room = CountedRoom(messages=2)
    browser = Browser(room.hub)
    epoch = browser.subscribe("jobs")[0]["epoch"]
    for value in range(5):
        room.broker.publish("jobs", "a", str(value))
    Browser(room.hub).subscribe("jobs", since=since(epoch, 1))
    assert room.numbers()["gaps_window"] == 1


@pytest.mark.parametrize(
    ("position", "gaps"),
    [
        (since("another", 3), {"gaps_epoch": 1}),
        (since("another", 0), {"gaps_unknown": 1}),
        (None, {}),
    ],
)
def test_position_of_a_lost_epoch_is_a_gap(position: Any, gaps: dict[str, int]) -> None:
    room = CountedRoom()
    Browser(room.hub).subscribe("jobs", since=position)
    assert {n: count for n, count in room.numbers().items() if "gaps" in n} == gaps


def test_position_above_the_head_is_a_gap_of_the_epoch() -> None:
    room = CountedRoom()
    room.broker.publish("jobs", "a", "1")
    browser = Browser(room.hub)
    epoch = browser.subscribe("jobs")[0]["epoch"]
    Browser(room.hub).subscribe("jobs", since=since(epoch, 7))
    assert room.numbers()["gaps_epoch"] == 1


def test_rollback_under_a_listener_is_a_gap_unless_the_log_has_no_history(clock: Clock) -> None:
    for epoch, gaps in (("two", 1), ("~two", 0)):
        room = MirrorRoom(clock)
        browser = room.browser()
        browser.subscribe("jobs")
        room.load("one", "a", "b")
        room.load(epoch, "a")
        assert room.hub._traffic.numbers()["gaps_epoch"] == gaps


def test_errors_are_counted_by_code() -> None:
    room = CountedRoom()
    browser = Browser(room.hub)
    browser.says(type="nonsense")
    browser.says(type="replay", id=1, channel="jobs", labels=None, last=3)
    browser.verdict = frozenset({"a"})
    browser.subscribe("jobs", labels=["a"])
    browser.subscribe("jobs", labels=["a", "b"])
    found = {name: number for name, number in room.numbers().items() if "errors" in name}
    assert found == {"errors_bad_frame": 1, "errors_not_subscribed": 1, "errors_denied": 2}


def test_every_code_of_the_protocol_is_counted() -> None:
    text = (runtime.__file__.rpartition("/dash_pipe/")[0]) + "/docs/protocol.md"
    with open(text, encoding="utf-8") as file:
        section = file.read().partition("### `error`")[2].partition("\n## ")[0]
    codes = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(codes) == sorted(ERRORS)


def test_numbers_of_a_hub_that_has_ended_stay() -> None:
    counters = Counters()
    traffic = counters.open_traffic()
    traffic.messages_sent += 3
    traffic.received("text")
    assert counters.all()["messages_sent"] == 3
    for _ in range(2):
        counters.close_traffic(traffic)
    assert (counters.all()["messages_sent"], counters.all()["bytes_received"]) == (3, 4)
    assert set(traffic.numbers()) == set(TRAFFIC)


def test_published_and_unsent_messages_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dash_pipe.stats()
    dash_pipe.send_to_pipe_channel("jobs", "a", "four")
    assert changed(before) == {
        "messages_published": 1,
        "bytes_published": 6,
        "logs": 1,
        "log_messages": 1,
        "log_bytes": pytest.approx(29, abs=3),
    }

    def fails(*_: Any) -> Any:
        raise BrokerUnavailableError("away", may_have_been_sent=False, message_id="1")

    broker = runtime.current().broker
    monkeypatch.setattr(broker, "may_wait", True, raising=False)
    monkeypatch.setattr(broker, "publish", fails)
    before = dash_pipe.stats()
    assert dash_pipe.send_to_pipe_channel("jobs", "a", 1, on_error="log") is None
    assert changed(before) == {"messages_unsent": 1}


def test_browser_on_asgi_is_counted_with_its_subscription_and_its_log() -> None:
    async def main() -> None:
        before = dash_pipe.stats()
        async with Server() as server:
            await server.next()
            await server.subscribe()
            found = changed(before)
            names = (
                "connections",
                "connections_asgi",
                "connections_opened",
                "subscriptions",
                "logs",
            )
            assert {name: found.get(name) for name in names} == dict.fromkeys(names, 1)
            dash_pipe.send_to_pipe_channel("jobs", "a", 1)
            await server.frame()
            assert changed(before)["fanout_count"] == 1
        after = changed(before)
        assert after["fanout_count"] == after["messages_sent"] == after["connections_opened"] == 1
        assert "connections" not in after
        assert "subscriptions" not in after
        assert not runtime.current().counters._traffic  # nothing is kept for hubs that have ended

    asyncio.run(main())


def test_browser_on_wsgi_is_counted_by_its_transport(
    connect: Open,  # noqa: F811
) -> None:
    line = connect()
    line.subscribe("jobs")
    found = dash_pipe.stats()
    assert {found["connections_loop"], found["connections_thread"]} == {0, 1}
    assert (found["subscriptions"], found["logs"], found["connections_opened"]) == (1, 1, 1)
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    line.next()
    wait_for_value(lambda: dash_pipe.stats()["fanout_count"], 1, "the fan-out")


def test_poll_is_counted_with_its_messages() -> None:
    app = dash.Dash("app")
    app.layout = []
    before = dash_pipe.stats()
    frames = [{"type": "subscribe", "channel": "jobs", "labels": None}]
    frames.append({"type": "replay", "id": 1, "channel": "jobs", "labels": None, "last": 5})
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    app.server.test_client().post("/_pipe/poll", data=json.dumps(frames))
    found = changed(before)
    assert (found["polls"], found["messages_sent"], found["frames_received"]) == (1, 1, 2)
    assert "connections" not in found
    assert not runtime.current().counters._traffic


@pytest.mark.parametrize(
    ("answer", "counted"),
    [("allow", {}), ("raise", {"app_calls_raised": 1}), ("hang", {"app_calls_timed_out": 1})],
)
def test_calls_of_authorize_are_counted_by_outcome(answer: str, counted: dict[str, int]) -> None:
    during: list[dict[str, float]] = []

    async def authorize(*_: Any) -> bool:
        during.append(dash_pipe.stats())
        if answer == "hang":
            await asyncio.Event().wait()
        return answer == "allow" or bool(1 / 0)

    timeout = 0.01 if answer == "hang" else TIMEOUT
    dash_pipe.configure(authorize=authorize, authorize_timeout=timeout)

    async def main() -> None:
        async with Server() as server:
            await server.next()
            server.says(type="subscribe", channel="c", labels=None)
            await server.next()

    before = dash_pipe.stats()
    asyncio.run(main())
    assert during[0]["app_calls_under_way"] == 1
    found = {name: n for name, n in changed(before).items() if name.startswith("app_calls")}
    assert found.pop("app_calls_seconds") > 0
    assert found == {"app_calls": 1, **counted}
