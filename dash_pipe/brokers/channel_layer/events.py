"""Convert messages to events of django-plotly-dash and back, for a channel layer. Pure."""

from __future__ import annotations

import json
import logging
from typing import Any

from ...errors import InvalidMessageError
from ...protocol import is_name
from ...telemetry.events import log_event

GROUP = "dpd_pipe_"  # and the channel's name
EVENT = "pipe.value"

logger = logging.getLogger("dash_pipe")


def event(channel: str, label: str, value: str) -> dict[str, Any]:
    """Return the event of a message whose value is a JSON text.

    Raises:
        InvalidMessageError: the value is nested too deeply for a channel layer, which decodes it.
    """
    try:
        decoded = json.loads(value)
    except RecursionError:
        raise InvalidMessageError("value", "nested too deeply for a channel layer") from None
    # django-plotly-dash sends no channel name, and its browsers ignore one.
    return {"type": EVENT, "label": label, "value": decoded, "channel_name": channel}


def message(event: dict[str, Any]) -> tuple[str, str] | None:
    """Return the label of an event and its value as JSON; None if no Pipe could take it."""
    label = event.get("label")
    try:
        value = json.dumps(event.get("value"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        extra = log_event("channel_layer_message_dropped")
        logger.warning("dash-pipe: dropped a message of a channel layer: %s", error, extra=extra)
        return None
    if event.get("type") != EVENT or not is_name(label):
        logger.warning(
            "dash-pipe: dropped an event of a channel layer: its label is %r",
            label,
            extra=log_event("channel_layer_message_dropped"),
        )
        return None
    return str(label), value
