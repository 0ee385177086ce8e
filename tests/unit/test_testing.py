"""What is offered to the tests of apps."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from dash_pipe import runtime, send_to_pipe_channel
from dash_pipe.testing import PipeMessages, own_messages
from harness.environment import environment


@pytest.fixture
def messages() -> Iterator[PipeMessages]:
    with own_messages() as messages:
        yield messages


def send(channel: str = "jobs", label: str = "done", value: object = 1) -> None:
    send_to_pipe_channel(channel_name=channel, label=label, value=value)


def test_has_what_was_sent_as_a_browser_gets_it(messages: PipeMessages) -> None:
    send(value={"n": (1, 2)})
    send("other", "late", "x")
    assert messages() == [{"n": [1, 2]}, "x"]
    assert messages("other") == messages(label="late") == messages("other", "late") == ["x"]
    assert messages("jobs", "late") == []
    first, second = messages.sent
    assert (first.channel_name, first.label, first.position.offset) == ("jobs", "done", 1)
    assert second.position.epoch != first.position.epoch


def test_a_message_sent_again_by_its_id_is_there_once(messages: PipeMessages) -> None:
    for _ in range(2):
        send_to_pipe_channel("jobs", "done", 1, message_id="a")
    assert messages() == [1]


def test_waits_for_one_message_after_the_other(messages: PipeMessages) -> None:
    send(value=1)
    send("other", value=2)
    later = threading.Thread(target=send, kwargs={"value": 3})
    assert messages.wait_for_message("jobs").value == 1
    later.start()
    assert messages.wait_for_message("jobs", "done").value == 3
    assert messages.wait_for_message().value == 2
    later.join()
    with pytest.raises(AssertionError, match=r"channel_name='jobs'.* within 0 s; sent: .*other"):
        messages.wait_for_message("jobs", timeout=0)


def test_waits_for_listeners(messages: PipeMessages) -> None:
    broker = runtime.current().broker
    later = threading.Thread(target=broker.open, args=("jobs",))
    with pytest.raises(AssertionError, match="not 1 listening on 'jobs' within 0 s"):
        messages.wait_for_listener("jobs", timeout=0)
    later.start()
    messages.wait_for_listener("jobs")
    later.join()
    with pytest.raises(AssertionError, match=r"listening: \{'jobs': 1\}"):
        messages.wait_for_listener("jobs", count=2, timeout=0)
    broker.close("jobs")
    with pytest.raises(AssertionError, match=r"listening: \{'jobs': 0\}"):
        messages.wait_for_listener("jobs", timeout=0)


def test_what_was_there_before_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # A name of no server: to be asked for nothing while inside.
    monkeypatch.setenv("DASH_PIPE_BROKER", "redis://nowhere.invalid")
    before = runtime.current()
    with own_messages() as first:
        send(value=1)
    with own_messages() as second:
        assert second() == []
    assert first() == [1]
    assert runtime.current() is before


def test_the_package_does_not_import_it() -> None:
    check = "import sys, dash_pipe; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], env=environment()).returncode == 0
