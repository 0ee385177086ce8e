"""Send a message: check, encode, publish. Works in processes that serve no browser."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, overload

from .. import runtime
from ..concurrency.pool import Pool, PoolFullError
from ..errors import BrokerUnavailableError, InvalidMessageError, SetupError
from ..log import Position
from ..protocol import COMMAND_CHANNEL, MAX_NAME, is_name
from ..runtime import Runtime
from ..telemetry.events import log_event
from . import unsent
from .encoding import described, encode
from .publishing import publish_here, waiting_publish
from .unsent import OnError

THREADS = 8  # that wait for the broker; each takes a connection


@overload
def send_to_pipe_channel(
    channel_name: str,
    label: str,
    value: Any,
    *,
    message_id: str | None = None,
    on_error: Literal["raise"] = "raise",
) -> Position: ...


@overload
def send_to_pipe_channel(
    channel_name: str,
    label: str,
    value: Any,
    *,
    message_id: str | None = None,
    on_error: OnError,
) -> Position | None: ...


def send_to_pipe_channel(
    channel_name: str,
    label: str,
    value: Any,
    *,
    message_id: str | None = None,
    on_error: OnError = "raise",
) -> Position | None:
    """Send a value to every ``Pipe`` that listens on a channel for a label.

    Call it from anywhere: a callback, a thread, a timer; from another process if the setting
    ``broker`` names a server. It appends the message to the channel and does not wait for
    browsers. It waits for a broker in another process, at most ``send_timeout`` seconds; a
    coroutine should call ``async_send_to_pipe_channel`` then.

    Args:
        channel_name: the channel, a string of 1 to 200 characters.
        label: the kind of message, a string of 1 to 200 characters; Pipes filter by it.
        value: anything that a Dash callback may return: plain data, figures, components, numpy
            and pandas, dates. It is encoded as Dash encodes a callback's return value; a DataFrame
            as ``to_dict("records")``, a list of rows without the index.
        message_id: a string of 1 to 200 characters, unique to the message. A second message with
            the same id on the same channel is dropped. A channel remembers the last 10,000 ids,
            for 10 minutes.
        on_error: ``"log"`` drops the message if the broker is unavailable, and logs how many were
            dropped: for a loop whose next value replaces this one. ``"raise"`` raises.

    Returns:
        The message's position in the channel: ``(epoch, offset)``; None if it was dropped.

    Raises:
        InvalidMessageError: the channel, the label or the id is not such a string, or the value
            can't be encoded or is too large. Nothing was sent.
        BrokerUnavailableError: the broker did not answer in time. The error says whether the
            message may have been sent, and has the id for a retry.
    """
    current = runtime.current()
    send = prepared(current, channel_name, label, value, message_id)
    return unsent.handling(current, send, on_error)()


def prepared(
    current: Runtime, channel_name: str, label: str, value: Any, message_id: str | None = None
) -> Callable[[], Position]:
    """Check and encode a message. Return a function that sends it.

    Raises:
        InvalidMessageError: see ``send_to_pipe_channel``.
    """
    text = checked_text(current, channel_name, label, value, message_id)

    def send() -> Position:
        publish = waiting_publish(current)
        if publish is None:
            return publish_here(current, channel_name, label, text, message_id)
        if _blocks_a_loop():
            current.diagnostics.warn_once(
                "dash-pipe: send_to_pipe_channel() was called on a running event loop and blocks "
                "it until the broker has answered; use "
                "`await async_send_to_pipe_channel(...)` instead",
                extra=log_event("send_blocks_loop"),
            )
        return publish(channel_name, label, text, message_id)

    return send


@overload
async def async_send_to_pipe_channel(
    channel_name: str,
    label: str,
    value: Any,
    *,
    message_id: str | None = None,
    on_error: Literal["raise"] = "raise",
) -> Position: ...


@overload
async def async_send_to_pipe_channel(
    channel_name: str,
    label: str,
    value: Any,
    *,
    message_id: str | None = None,
    on_error: OnError,
) -> Position | None: ...


async def async_send_to_pipe_channel(
    channel_name: str,
    label: str,
    value: Any,
    *,
    message_id: str | None = None,
    on_error: OnError = "raise",
) -> Position | None:
    """Send like ``send_to_pipe_channel``, without blocking the event loop.

    One of ``THREADS`` threads waits for a broker in another process. A message waits at most
    ``send_timeout`` seconds for a free thread. Messages awaited one after the other keep their
    order.

    Raises:
        SetupError: the broker is in another process, and no asyncio loop runs (trio, for example).
    """
    current = runtime.current()
    text = checked_text(current, channel_name, label, value, message_id)
    if not unsent.logs(on_error):
        return await _publish_beside_loop(current, channel_name, label, text, message_id)
    with unsent.losses_logged(current):
        return await _publish_beside_loop(current, channel_name, label, text, message_id)
    return None


async def _publish_beside_loop(
    current: Runtime, channel: str, label: str, text: str, message_id: str | None
) -> Position:
    """Publish without blocking the running loop."""
    publish = waiting_publish(current)
    if publish is None:
        return publish_here(current, channel, label, text, message_id)
    _require_asyncio()
    timeout = current.settings.send_timeout
    try:
        job = current.part(_threads).submit(partial(publish, channel, label, text, message_id))
        return await job.outcome(timeout)
    except PoolFullError as error:
        current.counters.add("messages_unsent")
        raise BrokerUnavailableError(
            f"none of {THREADS} sending threads was free within {timeout:g} s",
            may_have_been_sent=False,
            message_id=message_id or secrets.token_urlsafe(12),
        ) from error


def _require_asyncio() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise SetupError(
            "async_send_to_pipe_channel() needs a running asyncio loop, and there is none; under "
            "trio call send_to_pipe_channel() in a thread: `await trio.to_thread.run_sync("
            "send_to_pipe_channel, channel_name, label, value)`"
        ) from None


def _blocks_a_loop() -> bool:
    """Return whether this thread runs an event loop that has other tasks.

    A loop made for a single call blocks nobody: Flask makes one for each async view, and so does
    Dash on Flask for each callback, if asgiref is installed.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return False
    return len(asyncio.all_tasks(loop)) > 1


def checked_text(
    current: Runtime, channel_name: str, label: str, value: object, message_id: str | None = None
) -> str:
    """Check a message. Return its value as JSON.

    Raises:
        InvalidMessageError: see ``send_to_pipe_channel``.
    """
    names: dict[str, object] = {"channel_name": channel_name, "label": label}
    if message_id is not None:
        names["message_id"] = message_id
    for argument, name in names.items():
        if not is_name(name):
            came = f"{len(name)} characters" if isinstance(name, str) else described(name)
            reason = f"expected a string of 1 to {MAX_NAME} characters, got {came}"
            raise InvalidMessageError(argument, reason)
    if channel_name == COMMAND_CHANNEL:
        reason = f"expected another name than {COMMAND_CHANNEL!r}, which is dash-pipe's own"
        raise InvalidMessageError("channel_name", reason)
    current.broker.check(channel_name)
    text = encode(value)
    limit = current.settings.max_message_bytes
    size = len(text.encode())
    if size > limit:
        raise InvalidMessageError(
            "value",
            f"expected at most {limit:,} bytes of JSON, got {size:,}; send a key and let the "
            "callback load the rest, send it in parts, or raise the setting max_message_bytes",
        )
    return text


def _threads(_: Runtime) -> Pool:
    return Pool("dash-pipe-sending", THREADS)
