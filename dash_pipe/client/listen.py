"""Listen on a channel from Python."""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from .. import runtime
from ..errors import ListenError
from ..log import Position
from ..protocol import MAX_LABELS, MAX_LAST, MAX_NAME, is_name
from ..protocol.address import EXAMPLE, endpoint_base, is_absolute
from ..runtime import Runtime
from ..telemetry.events import log_event
from .async_connection import AsyncWebSocketConnection
from .client import Client, Update
from .connection import WebSocketConnection
from .listener import Listener
from .local import AsyncLocalConnection, LocalConnection
from .subscription import Subscription

T = TypeVar("T")
Pairs = list[tuple[str, str]]
Headers = Mapping[str, str] | Iterable[tuple[str, str]]
Report = Callable[[Update], None]

_MEMORY = (
    "; without url only messages of this process are heard, since the broker is memory://. To hear "
    f"another, give its address, url={EXAMPLE!r}, or set DASH_PIPE_BROKER=redis://... for both"
)

logger = logging.getLogger("dash_pipe")


def listen(
    channel_name: str,
    label: str | Iterable[str] | None = None,
    *,
    url: str | None = None,
    replay: int = 0,
    since: Position | None = None,
    token: str | None = None,
    headers: Headers = (),
) -> Listener:
    """Listen on a channel; iterate over the result with ``for``, or with ``async for``.

    It has what a page has: the same order, the same resume after a lost connection, the same gaps.
    Nothing is connected before the loop, or ``with``, begins.

    Args:
        channel_name: the channel, a string of 1 to 200 characters.
        label: the kind of message, or several; None means every label.
        url: the base of an endpoint, such as ``http://localhost:8050/_pipe/``. Without it, listen
            on the broker of this process: in Redis on what any process sends, in memory on what
            this one sends.
        replay: how many past messages of each label come first.
        since: the position after which to go on; see ``ReceivedMessage.position``.
        token: a permission for ``authorize``, as that of a Pipe. Only with ``url``.
        headers: more headers, such as ``{"Cookie": "session=..."}``. Only with ``url``.

    Raises:
        ListenError: an argument is invalid.
    """
    subscription = _subscription(channel_name, label, replay, since, token)
    fields = _header_fields(headers)
    if url is not None:
        base = _base(url)
        return endpoint_listener(subscription, base, fields, _log_notes(channel_name, base))
    for argument, value in (("token", token), ("headers", fields)):
        if value:
            raise ListenError(argument, "is for a server; give its address as url")
    current = runtime.current()
    advice = _MEMORY if current.settings.keeps_messages_in_memory else ""
    return broker_listener(subscription, current, _log_notes(channel_name, "the broker", advice))


def _subscription(
    channel_name: str,
    label: str | Iterable[str] | None,
    replay: int,
    since: Position | None,
    token: str | None,
) -> Subscription:
    """Check the arguments of ``listen``.

    Raises:
        ListenError: one is invalid.
    """
    return Subscription(
        _checked("channel_name", channel_name, is_name, f"a string of 1 to {MAX_NAME} characters"),
        _labels(label),
        replay=_checked("replay", replay, _is_replay, f"a number from 0 to {MAX_LAST}"),
        since=_checked("since", since, _is_position, "a Position, or None"),
        token=_checked("token", token, _is_text, "a string, or None"),
    )


def endpoint_listener(
    subscription: Subscription, base: str, headers: Pairs, report: Report
) -> Listener:
    """Return a listener on the endpoint with a base."""
    return Listener(
        Client(subscription, hints=True),
        lambda: WebSocketConnection(base, headers=headers),
        lambda: AsyncWebSocketConnection(base, headers=headers),
        report,
    )


def broker_listener(subscription: Subscription, current: Runtime, report: Report) -> Listener:
    """Return a listener on the broker of a runtime."""
    return Listener(
        Client(subscription, hints=True),
        lambda: LocalConnection(current),
        lambda: AsyncLocalConnection(current),
        report,
    )


def _log_notes(channel: str, source: str, advice: str = "") -> Report:
    """Return a function that logs the notes of an update."""

    def log(update: Update) -> None:
        for note in update.notes:
            logger.warning(
                "dash-pipe: listening on %s: %s%s",
                channel,
                note,
                advice,
                extra=log_event("listener_note", channel=channel, source=source, note=note),
            )

    return log


def _checked(argument: str, value: T, is_right: Callable[[object], bool], expected: str) -> T:
    """Return an argument if it is right.

    Raises:
        ListenError: it is not.
    """
    if not is_right(value):
        came = f"{type(value).__name__} {reprlib.repr(value)}"
        raise ListenError(argument, f"expected {expected}, got {came}")
    return value


def _labels(label: object) -> list[str] | None:
    """Return the labels as a list."""
    if label is None:
        return None
    many = isinstance(label, Iterable) and not isinstance(label, str)
    labels: list[Any] = [*label] if many else [label]  # type: ignore[misc]
    expected = f"a string of 1 to {MAX_NAME} characters, a list of 1 to {MAX_LABELS} such, or None"
    is_right = 1 <= len(labels) <= MAX_LABELS and all(map(is_name, labels))
    _checked("label", label, lambda _: is_right, expected)
    return labels


def _header_fields(headers: Headers) -> Pairs:
    """Return the headers as pairs."""
    try:
        pairs = [*(headers.items() if isinstance(headers, Mapping) else headers)]
        is_right = all(_is_text(part) and part for name, value in pairs for part in (name, value))
    except (TypeError, ValueError):
        is_right = False
    expected = "a dict of strings, or a list of pairs"
    _checked("headers", headers, lambda _: is_right, expected)
    return pairs


def _base(url: str) -> str:
    """Return the base of an endpoint."""
    try:
        base = endpoint_base(url)
    except (ValueError, TypeError, AttributeError):
        base = ""
    expected = f"the base of an endpoint, such as {EXAMPLE}"
    _checked("url", url, lambda _: is_absolute(base), expected)
    return base


def _is_replay(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_LAST


def _is_position(value: object) -> bool:
    return value is None or isinstance(value, Position)


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)
