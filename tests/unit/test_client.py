"""The client's retries, its timeouts and its notes."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any

import pytest

from dash_pipe.client import Client, Subscription, Update, updates
from dash_pipe.errors import EndpointUnavailableError, HandshakeRejectedError, ListenDeniedError

Lost = EndpointUnavailableError


def text(type_: str, **fields: Any) -> str:
    return json.dumps({"type": type_, **fields})


def subscribed(offset: int = 0, epoch: str = "e1", **fields: Any) -> str:
    defaults = {"recovered": None, "spread": 2.0, "heartbeat": 10.0}
    return text("subscribed", channel="jobs", epoch=epoch, offset=offset, **{**defaults, **fields})


def message(offset: int) -> str:
    rows = [[offset, "a", offset, 0.0]]
    return text("messages", channel="jobs", epoch="e1", messages=rows, upto=offset)


def longest(low: float, high: float) -> float:
    return high


def client(replay: int = 0) -> Client:
    return Client(Subscription("jobs", replay=replay), longest)


def test_first_frame_not_within_the_answer_timeout_raises() -> None:
    one = client()
    one.opened(100.0)
    assert one.timeout(100.0) == 15.0
    assert one.waited(114.9) == Update()
    with pytest.raises(EndpointUnavailableError, match="timed out: the server did not answer"):
        one.waited(115.0)


def test_silence_of_1_6_heartbeats_raises() -> None:
    one = client()
    one.opened(0.0)
    one.received(subscribed(), 1.0)
    assert one.timeout(1.0) == 16.0
    one.received(text("ping", n=1), 10.0)
    assert one.timeout(11.0) == 15.0
    assert one.timeout(99.0) == 0.0
    with pytest.raises(EndpointUnavailableError):
        one.waited(26.0)


def test_ping_is_answered_with_a_pong() -> None:
    one = client()
    one.opened(0.0)
    assert one.received(text("ping", n=7), 0.0).frames == ['{"type":"pong","n":7}']


def test_replay_not_within_five_seconds_is_given_up() -> None:
    one = client(replay=1)
    one.opened(0.0)
    one.received(subscribed(), 0.0)
    assert one.received(message(1), 1.0).rows == []
    assert one.timeout(1.0) == 4.0
    update = one.waited(5.0)
    assert [row[0] for row in update.rows] == [1]
    assert update.notes == ["not replayed: timed out waiting for the past messages"]
    assert one.timeout(5.0) > 5


def test_replay_answered_by_an_error_is_given_up_at_once() -> None:
    one = client(replay=1)
    one.opened(0.0)
    one.received(subscribed(), 0.0)
    one.received(message(1), 1.0)
    update = one.received(text("error", code="too_many_replays", reason="no"), 1.0)
    assert ([row[0] for row in update.rows], update.notes) == (
        [1],
        ["not replayed: too_many_replays: no"],
    )


def test_backoff_doubles_up_to_fifteen_seconds() -> None:
    one = client()
    delays = [one.closed(Lost("away")) for _ in range(8)]
    assert delays == pytest.approx([0.6, 1.2, 2.4, 4.8, 9.6, 15.0, 15.0, 15.0])


@pytest.mark.parametrize(
    ("code", "delay"), [(1001, 2.3), (1006, 2.3), (1012, 2.3), (1013, 0.6), (4408, 0.6)]
)
def test_reconnect_after_a_restart_is_spread(code: int, delay: float) -> None:
    one = client()
    one.opened(0.0)
    one.received(subscribed(), 0.0)
    assert one.closed(Lost("gone", code)) == pytest.approx(delay)


def test_connection_closed_before_an_answer_does_not_reset_backoff() -> None:
    one = client()
    one.opened(0.0)
    assert one.closed(Lost("gone")) == pytest.approx(0.6)
    one.opened(1.0)
    assert one.closed(Lost("gone")) == pytest.approx(1.2)
    assert not one.accepted


@pytest.mark.parametrize("code", [4401, 4403, 4406])
def test_final_close_code_raises_listen_denied(code: int) -> None:
    with pytest.raises(ListenDeniedError, match="no entry"):
        client().closed(Lost("no entry", code))


def test_final_error_raises_listen_denied() -> None:
    one = client()
    one.opened(0.0)
    with pytest.raises(ListenDeniedError, match="denied: not you"):
        one.received(text("error", code="denied", reason="not you", channel="jobs", final=True), 0)


def test_other_errors_malformed_frames_and_denied_labels_are_noted() -> None:
    one = client()
    one.opened(0.0)
    assert one.received(text("error", code="bad_frame", reason="why"), 0).notes == [
        "bad_frame: why"
    ]
    assert "malformed frame" in one.received("nope", 0).notes[0]
    assert one.received(subscribed(denied=["b", "c"]), 0).notes == ["denied for the labels b, c"]
    ended = one.received(subscribed(denied=["b"], ended=True), 0)
    assert (ended.notes, ended.opened) == (["denied for the labels b"], False)
    assert one.received('{"type":"news"}', 0) == Update()
    other = message(1).replace("jobs", "other")
    assert one.received(other, 0) == Update()


class Script:
    """Connections with the texts of a test, or with the error that ends them."""

    def __init__(self, *connections: list[str | Exception]) -> None:
        self.connections = list(connections)
        self.sent: list[list[dict[str, Any]]] = []
        self.slept: list[float] = []
        self.left = 0

    def connect(self) -> Any:
        script = self
        texts = self.connections.pop(0)
        sent: list[dict[str, Any]] = []
        self.sent.append(sent)

        class Scripted(AbstractContextManager["Scripted", None]):
            def __enter__(self) -> "Scripted":
                if texts and isinstance(texts[0], EndpointUnavailableError):
                    raise texts[0]
                return self

            def __exit__(self, *_: object) -> None:
                script.left += 1

            def send(self, text: str) -> None:
                sent.append(json.loads(text))

            def receive(self, timeout: float) -> str:
                assert timeout > 0
                came = texts.pop(0)
                if isinstance(came, Exception):
                    raise came
                return came

        return Scripted()

    def updates(self, one: Client) -> Iterator[Update]:
        return updates(one, self.connect, lambda: 0.0, self.slept.append)


def test_updates_reconnects_at_its_position_and_notes_it_once() -> None:
    script = Script(
        [subscribed(4), message(5), Lost("gone", 1012)],
        [Lost("away")],
        [Lost("away")],
        [text("ping", n=1), subscribed(6), message(6), Lost("gone")],
        [subscribed(6)],
    )
    found = list(islice(script.updates(client()), 8))
    assert [row[0] for update in found for row in update.rows] == [5, 6]
    assert [note for update in found for note in update.notes] == ["gone; reconnecting"] * 2
    assert [update.opened for update in found if not update.rows and not update.notes] == [
        *(True, False, True, True)
    ]
    assert script.slept == pytest.approx([2.3, 0.6, 1.2, 2.3])
    assert "since" not in script.sent[0][0]
    assert script.sent[3][0]["since"] == {"epoch": "e1", "offset": 5}
    assert script.sent[3][1] == {"type": "pong", "n": 1}


@pytest.mark.parametrize("error", [Lost("away"), HandshakeRejectedError("HTTP 404", 404)])
def test_updates_raises_when_the_first_connection_fails(error: EndpointUnavailableError) -> None:
    with pytest.raises(type(error)):
        next(Script([error]).updates(client()))


def test_updates_retries_a_rejected_handshake_after_an_accepted_one() -> None:
    script = Script(
        [subscribed(), Lost("gone")], [HandshakeRejectedError("404", 404)], [subscribed()]
    )
    assert [update.opened for update in islice(script.updates(client()), 3)] == [True, False, True]


def test_updates_closes_the_connection_when_its_reader_stops() -> None:
    script = Script([subscribed(), message(1)])
    found = script.updates(client())
    next(found)
    assert script.left == 0
    found.close()  # type: ignore[attr-defined]
    assert script.left == 1


def test_updates_on_a_silent_connection_raises() -> None:
    now = [0.0]

    class Silent:
        def __enter__(self) -> "Silent":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def send(self, text: str) -> None:
            pass

        def receive(self, timeout: float) -> str:
            now[0] += timeout
            raise TimeoutError

    with pytest.raises(EndpointUnavailableError, match="timed out: the server did not answer"):
        next(updates(client(), Silent, lambda: now[0], now.append))
    assert now == [15.0]


def test_client_without_messages_asks_for_a_hint_and_notes_it() -> None:
    one = Client(Subscription("jobs", ["b"]), longest, hints=True)
    one.opened(0.0)
    assert one.received(subscribed(3), 1.0).opened
    assert one.timeout(1.0) == 5.0
    assert one.waited(5.9) == Update()
    (frame,) = one.waited(6.0).frames
    asked = {"type": "subscribe", "channel": "jobs", "labels": ["b"], "hint": True}
    assert json.loads(frame) == asked
    assert one.waited(7.0) == Update()
    answer = one.received(subscribed(3, hint="nothing with label b"), 7.0)
    assert (answer.notes, answer.opened) == (["nothing with label b"], False)
    assert one.received(subscribed(3, hint=""), 7.0) == Update()
    assert one.subscription.position == ("e1", 3)


def test_client_with_a_message_asks_for_no_hint() -> None:
    one = Client(Subscription("jobs"), longest, hints=True)
    one.opened(0.0)
    one.received(subscribed(3), 1.0)
    one.received(message(4), 2.0)
    assert one.timeout(2.0) == 16.0
    assert one.waited(6.0) == Update()
