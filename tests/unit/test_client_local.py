"""A client that reads the broker of its process, through a hub of its own."""

import json
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dash_pipe
from dash_pipe import runtime, send_to_pipe_channel
from dash_pipe.cli.listen import describe
from dash_pipe.client import Client, Gap, Subscription
from dash_pipe.client.client import HINT_DELAY
from dash_pipe.client.local import LocalConnection
from dash_pipe.errors import ListenDeniedError


class Talk:
    """A client and its hub; it reads the received frames without waiting."""

    def __init__(self, labels: list[str] | None = None, last: int = 0) -> None:
        self.client = Client(Subscription("jobs", labels, replay=last))
        self.heard: list[tuple[str, Any]] = []
        self.gaps: list[Gap] = []
        self.connect()

    def connect(self) -> None:
        self.connection = LocalConnection(runtime.current())
        for frame in self.client.opened(0):
            self.connection.send(frame)

    def cut(self) -> None:
        self.connection.__exit__(None, None, None)

    def take(self, text: str) -> None:
        update = self.client.received(text, 0)
        self.heard += [(label, value) for _, label, value, _ in update.rows]
        self.gaps += update.gaps
        assert update.notes == []
        for frame in update.frames:
            self.connection.send(frame)

    def read(self) -> list[tuple[str, Any]]:
        while True:
            try:
                text = self.connection.receive(0)
            except TimeoutError:
                return self.heard
            self.take(text)


def send(*labels: str) -> None:
    for label in labels:
        send_to_pipe_channel("jobs", label, len(label))


def test_listen_without_replay_delivers_only_new_messages() -> None:
    send("before")
    talk = Talk()
    assert talk.read() == []
    send("a", "bb")
    assert talk.read() == [("a", 1), ("bb", 2)]


def test_listen_to_labels_delivers_only_those() -> None:
    talk = Talk(["a", "c"])
    send("a", "b", "c")
    assert talk.read() == [("a", 1), ("c", 1)]


def test_replayed_messages_come_first_and_once() -> None:
    send("a", "b", "a", "a")
    talk = Talk(last=2)
    send("c")  # before the replay is requested
    assert talk.read() == [("b", 1), ("a", 1), ("a", 1), ("c", 1)]
    send("d")
    assert talk.read()[4:] == [("d", 1)]


def test_burst_over_the_flow_control_limit_is_delivered_completely() -> None:
    talk = Talk()
    for n in range(3000):
        send_to_pipe_channel("jobs", "a", [n, "x" * 100])
    assert [value[0] for _, value in talk.read()] == list(range(3000))


def test_reconnect_delivers_messages_published_meanwhile() -> None:
    talk = Talk()
    send("a")
    talk.read()
    talk.cut()
    send("bb", "ccc")
    talk.connect()
    assert talk.read() == [("a", 1), ("bb", 2), ("ccc", 3)]
    assert talk.gaps == []


def test_reconnect_after_messages_left_the_window_reports_the_loss() -> None:
    dash_pipe.configure(window_messages=2, kept_labels=1)
    talk = Talk()
    send("a")
    talk.read()
    talk.cut()
    send("b", "b", "b", "b")
    talk.connect()
    assert talk.read() == [("a", 1), ("b", 1), ("b", 1)]
    assert talk.gaps == [Gap(1, 3, "window")]


def test_reconnect_to_a_new_epoch_reads_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk()
    send("a", "a")
    talk.read()
    with runtime.swapped(runtime.Runtime()):
        send("new")
        talk.connect()
        assert talk.read() == [("a", 1), ("a", 1), ("new", 3)]
        assert talk.gaps == [Gap(2, None, "epoch")]


def test_disconnect_during_replay_requests_it_again() -> None:
    send("a", "bb")
    talk = Talk(last=1)
    talk.take(talk.connection.receive(5))
    half = json.loads(talk.connection.receive(5))
    talk.take(json.dumps({**half, "done": False}))
    assert talk.heard == []
    talk.cut()
    send("ccc")
    talk.connect()
    assert talk.read() == [("a", 1), ("bb", 2), ("ccc", 3)]


def test_too_many_labels_raises() -> None:
    with pytest.raises(ListenDeniedError, match="at most 32 labels"):
        Talk([str(n) for n in range(33)]).read()


def test_publish_in_another_thread_wakes_the_receiver() -> None:
    talk = Talk()
    talk.read()
    sender = threading.Timer(0.05, send, ["a"])
    sender.start()
    frame = json.loads(talk.connection.receive(10))
    sender.join()
    assert frame["messages"][0][1] == "a"


def test_ping_that_is_due_is_received_at_once() -> None:
    talk = Talk()
    talk.read()
    hub = talk.connection.session.hub
    later = hub.clock() + runtime.current().policy.heartbeat_interval
    hub.clock = lambda: later
    assert json.loads(talk.connection.receive(0))["type"] == "ping"


labels = st.sampled_from(["a", "b", "c"])


@given(st.lists(labels), st.lists(labels | st.sampled_from(["read", "cut"])), st.integers(0, 2))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_with_reconnects_delivers_each_message_once(
    before: list[str], steps: list[str], last: int
) -> None:
    with runtime.swapped(runtime.Runtime()):
        send(*before)
        talk = Talk(last=last)
        expected = [
            label for n, label in enumerate(before) if before[n:].count(label) <= last
        ]  # the newest of each
        assert [label for label, _ in talk.read()] == expected
        for step in steps:
            if step == "read":
                talk.read()
            elif step == "cut":
                talk.cut()
                talk.connect()
            else:
                send(step)
                expected.append(step)
        assert [label for label, _ in talk.read()] == expected
        assert talk.gaps == []


def test_listen_to_a_label_without_messages_notes_the_labels_of_the_channel() -> None:
    send("progress", "done")
    client = Client(Subscription("jobs", ["progres"]), hints=True)
    connection = LocalConnection(runtime.current())
    for frame in client.opened(0):
        connection.send(frame)
    client.received(connection.receive(1), 0)
    for frame in client.waited(HINT_DELAY).frames:
        connection.send(frame)
    notes = client.received(connection.receive(1), HINT_DELAY).notes
    connection.__exit__(None, None, None)
    assert notes == [
        "channel jobs has 2 messages of the last hour, labels: done, progress; "
        "nothing with label progres"
    ]


def test_gap_of_an_unknown_loss_is_described() -> None:
    said = describe(Gap(5, None, "unknown"))
    assert said == "messages after offset 5 may be lost: it is unknown whether there were any"
