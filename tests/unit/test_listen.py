"""The arguments of `listen`, and the lines that it logs."""

import asyncio
import logging
import re
import textwrap
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import dash_pipe
from dash_pipe import ListenError, Position, listen, send_to_pipe_channel
from dash_pipe.client import Update
from dash_pipe.client.listen import _log_notes
from dash_pipe.errors import EndpointUnavailableError, HandshakeRejectedError
from harness.wait import TIMEOUT
from unit.http_server import answering

URL = "http://localhost:8050/_pipe/"
DOCS = Path(__file__).parents[2] / "docs" / "listening.md"
IN_THREAD, ON_LOOP = re.findall(r"^```python\n(.*?)^```", DOCS.read_text("utf-8"), re.M | re.S)


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let `dash_pipe.listen` listen in this process; return the addresses that it was given."""
    given: list[str] = []

    def listen_here(*arguments: Any, url: str, **options: Any) -> Any:
        given.append(url)
        return listen(*arguments, **options)

    monkeypatch.setattr(dash_pipe, "listen", listen_here)
    return given


def test_example_in_a_thread_prints_labels_and_values(
    urls: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = dash_pipe.listen
    monkeypatch.setattr(
        dash_pipe, "listen", lambda *names, url: islice(here(*names, url=url, replay=1), 1)
    )
    send_to_pipe_channel("jobs", "progress", 0.5)
    exec(IN_THREAD, {})
    assert capsys.readouterr().out == "progress 0.5\n"
    assert urls == [URL]


def test_example_on_a_loop_hears_the_job_that_it_starts(urls: list[str]) -> None:
    async def start_job() -> None:
        for value in (0.5, 1.0, 1.5):
            send_to_pipe_channel("jobs", "progress", value)

    names: dict[str, Any] = {"dash_pipe": dash_pipe, "start_job": start_job}
    exec(f"async def example():\n{textwrap.indent(ON_LOOP, '    ')}    return message.value", names)
    assert asyncio.run(asyncio.wait_for(names["example"](), TIMEOUT)) == 1.0
    assert urls == [URL]


@pytest.mark.parametrize(
    ("options", "argument", "expected"),
    [
        ({"channel_name": ""}, "channel_name", "a string of 1 to 200 characters, got str ''"),
        ({"channel_name": None}, "channel_name", "characters, got NoneType None"),
        ({"label": []}, "label", "a list of 1 to 32 such, or None, got list []"),
        ({"label": ["a", 1]}, "label", "a list of 1 to 32 such"),
        ({"label": 5}, "label", "got int 5"),
        ({"label": [str(n) for n in range(33)]}, "label", "a list of 1 to 32 such"),
        ({"replay": -1}, "replay", "a number from 0 to 1000, got int -1"),
        ({"replay": 1001}, "replay", "a number from 0 to 1000"),
        ({"replay": True}, "replay", "a number from 0 to 1000"),
        ({"since": ("e", 1)}, "since", "a Position, or None, got tuple"),
        ({"token": 5, "url": URL}, "token", "a string, or None, got int 5"),
        ({"token": "s"}, "token", "is for a server; give its address as url"),
        ({"headers": {"Cookie": "a=1"}}, "headers", "is for a server"),
        (
            {"headers": {"Cookie": 1}, "url": URL},
            "headers",
            "a dict of strings, or a list of pairs",
        ),
        ({"headers": [("Cookie",)], "url": URL}, "headers", "a dict of strings"),
        ({"headers": 5, "url": URL}, "headers", "a dict of strings"),
        ({"url": "localhost:8050"}, "url", f"the base of an endpoint, such as {URL}, got str 'loc"),
        ({"url": "/_pipe/"}, "url", "the base of an endpoint"),
        ({"url": 8050}, "url", "the base of an endpoint"),
        ({"url": ""}, "url", "the base of an endpoint"),
    ],
)
def test_invalid_argument_raises_and_names_it(
    options: dict[str, Any], argument: str, expected: str
) -> None:
    with pytest.raises(ListenError) as caught:
        listen(**{"channel_name": "jobs", **options})
    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"{argument}: ")
    assert expected in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, dash_pipe.DashPipeError)


def test_labels_replay_and_since_are_what_is_listened_to() -> None:
    for n, label in enumerate("abcab"):
        send_to_pipe_channel("jobs", label, n)
    found = [message.value for message in islice(listen("jobs", ("a", "b"), replay=1), 2)]
    assert found == [3, 4]
    (first,) = islice(listen("jobs", "a", replay=2), 1)
    assert (first.value, first.position.offset) == (0, 1)
    since = Position(first.position.epoch, 2)
    assert [message.value for message in islice(listen("jobs", since=since), 3)] == [2, 3, 4]


def test_wrong_url_raises_with_the_form_that_is_expected() -> None:
    with answering(404) as base, pytest.raises(HandshakeRejectedError) as caught:
        next(iter(listen("jobs", url=base)))
    assert "answered HTTP 404" in str(caught.value)
    assert "which ends with _pipe/, such as http://localhost:8050/_pipe/" in str(caught.value)
    with pytest.raises(EndpointUnavailableError, match="can't be reached"):
        next(iter(listen("jobs", url="http://127.0.0.1:9/_pipe/")))


@pytest.mark.parametrize("advice", ["", "; do this"])
def test_note_is_logged_with_its_event(advice: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "dash_pipe"):
        _log_notes("jobs", URL, advice)(Update(notes=["gone; reconnecting"], opened=True))
    (record,) = caplog.records
    assert record.getMessage() == f"dash-pipe: listening on jobs: gone; reconnecting{advice}"
    fields = ("event", "channel", "source", "note")
    assert [getattr(record, name) for name in fields] == [
        *("listener_note", "jobs", URL, "gone; reconnecting")
    ]
