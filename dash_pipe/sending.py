"""Sending: check, encode, hand to the broker. Works in a process that serves no browser."""

from __future__ import annotations

import reprlib
from typing import Any

from . import runtime
from .errors import InvalidMessageError
from .log import Position
from .protocol import MAX_NAME, is_name


def send_to_pipe_channel(channel_name: str, label: str, value: Any) -> Position:
    """Send a value to every ``Pipe`` that listens on a channel for a label.

    May be called from anywhere: a callback, a thread, a timer, a coroutine. It does not wait for
    browsers: it appends the message to the channel, from where they read it.

    Args:
        channel_name: the channel, a string of 1 to 200 characters.
        label: what kind of message it is, a string of 1 to 200 characters; Pipes choose by it.
        value: anything that a Dash callback may return: plain data, figures, components, numpy
            and pandas, dates. It is encoded as Dash encodes a callback's return value.

    Returns:
        The message's position in the channel: ``(epoch, offset)``.

    Raises:
        InvalidMessageError: the channel or the label is no such string, or the value can't be
            encoded or is too large. Nothing was sent.
    """
    text = _checked(channel_name, label, value)
    return runtime.current().broker.publish(channel_name, label, text)


async def async_send_to_pipe_channel(channel_name: str, label: str, value: Any) -> Position:
    """Do what ``send_to_pipe_channel`` does, for ``await``.

    With the memory broker there is nothing to wait for, and the two are the same.
    """
    return send_to_pipe_channel(channel_name, label, value)


def check(channel_name: str, label: str, value: Any) -> None:
    """Find out whether a message can be sent, without sending it.

    Raises:
        InvalidMessageError: as ``send_to_pipe_channel`` would.
    """
    _checked(channel_name, label, value)


def _checked(channel_name: object, label: object, value: object) -> str:
    """Check a message; return its value as JSON."""
    for argument, name in (("channel_name", channel_name), ("label", label)):
        if not is_name(name):
            came = f"{len(name)} characters" if isinstance(name, str) else _described(name)
            reason = f"expected a string of 1 to {MAX_NAME} characters, got {came}"
            raise InvalidMessageError(argument, reason)
    text = encode(value)
    limit = runtime.current().settings.max_message_bytes
    size = len(text.encode())
    if size > limit:
        raise InvalidMessageError(
            "value",
            f"expected at most {limit:,} bytes of JSON, got {size:,}; send a key and let the "
            "callback load the rest, send it in parts, or raise the setting max_message_bytes",
        )
    return text


def encode(value: object) -> str:
    """Encode a value as Dash encodes what a callback returns.

    Dash hands that to ``plotly.io.json.to_json_plotly`` (``dash._utils.to_json``); so do we.
    """
    from plotly.io.json import to_json_plotly  # late: it is heavy, and a listener never needs it

    try:
        text: str = to_json_plotly(value)
        text.encode()  # a lone surrogate can't travel
    except Exception as error:  # user objects may raise whatever they like while encoded
        raise InvalidMessageError(
            "value",
            f"expected what a Dash callback may return, got {_described(value)}, which can't be "
            f"encoded as JSON ({type(error).__name__}: {error}); send plain data, for example "
            "value.to_dict() or str(value)",
        ) from error
    return text


def _described(value: object) -> str:
    try:
        shown = reprlib.repr(value)
    except Exception:  # a number of more digits than Python prints
        return f"{type(value).__name__} that can't be shown"
    return f"{type(value).__name__} {shown}"
