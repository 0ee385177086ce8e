"""Messages as events of django-plotly-dash. No channel layer here."""

import json
from typing import Any

import pytest

from dash_pipe.brokers.channel_layer.events import event, message
from dash_pipe.errors import InvalidMessageError


def test_message_of_an_event_is_label_and_json() -> None:
    sent = event("jobs", "done", '{"n":[1,null]}')
    assert sent == {
        "type": "pipe.value",
        "label": "done",
        "value": {"n": [1, None]},
        "channel_name": "jobs",
    }
    assert message(sent) == ("done", json.dumps({"n": [1, None]}))


def test_event_of_django_plotly_dash_needs_no_channel_name() -> None:
    assert message({"type": "pipe.value", "label": "done", "value": 1}) == ("done", "1")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [{1, 2}, float("nan"), nested(100_000)], ids=["set", "nan", "deep"]
)
def test_event_whose_value_is_no_json_is_dropped_with_a_warning(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert message({"type": "pipe.value", "label": "done", "value": value}) is None
    assert "dropped a message of a channel layer" in caplog.text


def test_message_that_is_nested_too_deeply_is_invalid() -> None:
    with pytest.raises(InvalidMessageError, match="nested too deeply for a channel layer"):
        event("jobs", "done", 100_000 * "[" + 100_000 * "]")


@pytest.mark.parametrize("change", [{"type": "else"}, {"label": None}, {"label": ""}])
def test_event_of_another_kind_or_without_label_is_dropped_with_a_warning(
    change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert message({"type": "pipe.value", "label": "done", "value": 1, **change}) is None
    assert "dropped an event of a channel layer: its label is" in caplog.text
