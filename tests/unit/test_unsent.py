"""``on_error="log"``: a sender goes on while the broker is unavailable, and the log counts."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from dash_pipe import (
    BrokerUnavailableError,
    InvalidMessageError,
    Position,
    SetupError,
    async_send_to_pipe_channel,
    brokers,
    runtime,
    send_to_pipe_channel,
)
from dash_pipe.sending.unsent import INTERVAL, Unsent
from unit.fakes import Clock


class AwayBroker(brokers.Broker):
    """A broker in another process, unavailable at first."""

    may_wait = True

    def __init__(self) -> None:
        self.is_away = True
        self.published: list[str] = []

    def publish(self, channel: str, label: str, value: str, message_id: Any = None) -> Position:
        if self.is_away:
            raise BrokerUnavailableError("Redis: gone", may_have_been_sent=False, message_id="m")
        self.published.append(value)
        return Position("e", len(self.published))


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwayBroker]:
    broker = AwayBroker()
    monkeypatch.setattr(brokers, "connect", lambda *_: broker)
    yield broker
    runtime.current().end()


def send(value: int) -> Position | None:
    return send_to_pipe_channel("jobs", "a", value, on_error="log")


def send_async(value: int) -> Position | None:
    return asyncio.run(async_send_to_pipe_channel("jobs", "a", value, on_error="log"))


@pytest.mark.parametrize("send", [send, send_async])
def test_sender_loop_that_logs_errors_survives_an_outage(
    send: Any, broker: AwayBroker, caplog: pytest.LogCaptureFixture
) -> None:
    assert [send(1), send(2), send(3)] == [None, None, None]
    broker.is_away = False
    assert [send(4), send(5)] == [("e", 1), ("e", 2)]
    assert broker.published == ["4", "5"]
    assert caplog.messages == [
        "dash-pipe: 1 message was lost, and the sender goes on: Redis: gone",
        "dash-pipe: messages are sent again; 3 messages were lost",
    ]


@pytest.mark.parametrize("send", [send_to_pipe_channel, async_send_to_pipe_channel])
def test_sender_by_default_raises_in_an_outage(send: Any, broker: AwayBroker) -> None:
    with pytest.raises(BrokerUnavailableError):
        asyncio.run(send("jobs", "a", 1))


@pytest.mark.parametrize("send", [send_to_pipe_channel, async_send_to_pipe_channel])
def test_sender_with_another_on_error_raises(send: Any) -> None:
    with pytest.raises(
        InvalidMessageError, match=r"^on_error: expected 'raise' or 'log', got 'no'"
    ):
        asyncio.run(send("jobs", "a", 1, on_error="no"))


def test_invalid_message_raises_also_when_errors_are_logged() -> None:
    with pytest.raises(InvalidMessageError):
        send_to_pipe_channel("jobs", "", 1, on_error="log")


def test_async_send_without_an_asyncio_loop_says_what_to_call(broker: AwayBroker) -> None:
    broker.is_away = False
    sending = async_send_to_pipe_channel("jobs", "a", 1)
    with pytest.raises(SetupError, match=r"under trio .*to_thread\.run_sync\("):
        sending.send(None)  # as a loop other than asyncio's runs it


# The lines of the log


@pytest.fixture
def unsent(clock: Clock) -> Unsent:
    return Unsent(clock)


def fail(unsent: Unsent, count: int = 1, *, in_doubt: bool = False) -> None:
    for _ in range(count):
        unsent.failed("gone", may_have_been_sent=in_doubt)


def test_long_outage_is_logged_once_an_interval_with_its_count(
    unsent: Unsent, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    fail(unsent, 1000)
    clock.now += INTERVAL
    fail(unsent, 500, in_doubt=True)
    assert caplog.messages == [
        "dash-pipe: 1 message was lost, and the sender goes on: gone",
        "dash-pipe: 1,001 messages were lost (1 may have been sent), and the sender goes on: gone",
    ]
    unsent.succeeded()
    unsent.succeeded()
    (said,) = caplog.messages[2:]
    assert said.endswith("sent again; 1,500 messages were lost (500 may have been sent)")


def test_outages_in_quick_succession_are_counted_for_a_later_line(
    unsent: Unsent, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    fail(unsent)
    unsent.succeeded()
    for _ in range(100):
        fail(unsent)
        unsent.succeeded()
    assert len(caplog.messages) == 2
    clock.now += INTERVAL
    unsent.succeeded()
    assert caplog.messages[2:] == ["dash-pipe: messages are sent again; 100 messages were lost"]


def test_losses_that_are_not_in_the_log_are_logged_at_the_end(
    unsent: Unsent, caplog: pytest.LogCaptureFixture
) -> None:
    unsent.goodbye()
    assert not caplog.messages
    fail(unsent)
    unsent.goodbye()
    assert len(caplog.messages) == 1
    fail(unsent, 4)
    unsent.goodbye()
    unsent.goodbye()
    assert caplog.messages[1:] == ["dash-pipe: 5 messages were lost"]
