"""``dash-pipe send``: one message, or a line of standard input each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from .. import runtime
from ..endpoint.http import MAX_BODY_BYTES
from ..errors import BrokerUnavailableError, InvalidMessageError
from ..sending import send_to_pipe_channel
from . import remote
from .exits import Exit, Failure

Send = Callable[[Any], None]
"""Sends a value, or raises a ``Failure``."""


def sender(channel: str, label: str, url: str | None, message_id: str | None = None) -> Send:
    """What sends a value to a channel: through a server's poke, or through the broker."""
    if url is not None:
        address = remote.endpoint(url)
        return lambda value: remote.post_message(address, channel, label, value, message_id)
    require_shared_broker("send")

    def send(value: Any) -> None:
        try:
            send_to_pipe_channel(channel, label, value, message_id=message_id)
        except InvalidMessageError as error:
            raise Failure(Exit.NOT_SENT, str(error)) from None
        except BrokerUnavailableError as error:
            raise Failure(Exit.UNREACHABLE, str(error)) from None

    return send


def require_shared_broker(command: str) -> None:
    """Refuse to work on a memory that nobody shares."""
    if runtime.current().settings.keeps_messages_in_memory:
        raise Failure(
            Exit.USAGE,
            f"{command}: the broker is memory://, the memory of one process, and this process is "
            "not the app. Set DASH_PIPE_BROKER=redis://... for both, or go through the running "
            "app: --url http://localhost:8050/_pipe/",
        )


def read_value(text: str) -> Any:
    """The value that a text stands for: JSON if it is JSON, else the text itself."""

    def no_constant(name: str) -> None:
        raise ValueError(name)

    try:
        return json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return text


def send_lines(lines: BinaryIO, send: Send, read: Callable[[str], Any], *, strict: bool) -> Exit:
    """Send each line when it comes; blank ones are skipped.

    What is wrong with a line is said on standard error, and the next one is sent.

    Args:
        lines: where they come from.
        send: sends a value.
        read: makes the value of a line.
        strict: end at the first line that was not sent.

    Returns:
        How it went: the gravest of what was wrong.
    """
    worst = Exit.OK
    for number, line in enumerate(bounded(lines), 1):
        try:
            text = decoded(line)
            if text.strip():
                send(read(text))
        except Failure as failure:
            sys.stderr.write(f"dash-pipe: line {number}: {failure}\n")
            worst = max(worst, failure.code)
            if strict:
                break
    return worst


def bounded(lines: BinaryIO) -> Iterator[bytes | None]:
    """Lines as they come; ``None`` for one that no message can carry, which is never held."""
    while line := lines.readline(MAX_BODY_BYTES + 1):
        whole = len(line) <= MAX_BODY_BYTES
        while not line.endswith(b"\n") and (rest := lines.readline(MAX_BODY_BYTES)):
            line = rest
        yield line if whole else None


def decoded(line: bytes | None) -> str:
    """The text of a line, without what ends it."""
    if line is None:
        raise Failure(Exit.NOT_SENT, f"it has more than {MAX_BODY_BYTES:,} bytes")
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Failure(Exit.NOT_SENT, f"it is not UTF-8: {error}") from None
