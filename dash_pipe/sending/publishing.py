"""Publish where pages read: the broker, the process that started this one, or this process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .. import serving
from ..errors import BrokerUnavailableError
from ..family.parent import Parent
from ..log import Position
from ..runtime import Runtime

Publish = Callable[[str, str, str, "str | None"], Position]
"""Takes channel, label, value as JSON and message id; see ``Broker.publish``."""


def waiting_publish(current: Runtime) -> Publish | None:
    """Return the function that publishes a message and may wait for another process.

    Return ``None`` if the messages stay in the memory of this process.
    """
    broker = current.broker
    if broker.may_wait:
        return partial(publish_counted, current, broker.publish)
    parent = serving.parent(current)
    if parent is None:
        return None
    return partial(publish_counted, current, partial(_hand_over, current, parent))


def publish_text(
    current: Runtime, channel: str, label: str, text: str, message_id: str | None = None
) -> Position:
    """Publish a value, as JSON. Wait for another process, if the messages are there."""
    publish = waiting_publish(current)
    if publish is None:
        return publish_here(current, channel, label, text, message_id)
    return publish(channel, label, text, message_id)


def publish_here(
    current: Runtime, channel: str, label: str, text: str, message_id: str | None
) -> Position:
    """Publish to the memory of this process."""
    position = _keep(current, channel, label, text, message_id)
    current.counters.published(len(text))
    return position


def _keep(
    current: Runtime, channel: str, label: str, text: str, message_id: str | None
) -> Position:
    position = current.broker.publish(channel, label, text, message_id)
    serving.note_message(current)
    return position


def _hand_over(
    current: Runtime, parent: Parent, channel: str, label: str, text: str, message_id: str | None
) -> Position:
    """Have the parent publish a message; keep it here if the parent serves no page."""
    position = parent.publish(channel, label, text, message_id)
    return position or _keep(current, channel, label, text, message_id)


def publish_counted(
    current: Runtime, publish: Publish, channel: str, label: str, text: str, message_id: str | None
) -> Position:
    """Publish with a function that may wait; count the message, or its loss."""
    try:
        position = publish(channel, label, text, message_id)
    except BrokerUnavailableError:
        current.counters.add("messages_unsent")
        raise
    current.counters.published(len(text))
    return position
