"""``dash-pipe send``: send a message, or one for each line of standard input."""

from __future__ import annotations

import json
import re
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from .. import runtime
from ..endpoint.http import MAX_BODY_BYTES
from ..errors import BrokerUnavailableError, InvalidMessageError
from ..protocol.address import EXAMPLE
from ..sending import send_to_pipe_channel
from . import remote
from .exits import Exit, Failure

Send = Callable[[Any], None]
"""Send a value; raise a ``Failure`` if that fails."""


def run(options: Namespace) -> Exit:
    """Send as the command line says."""
    if options.id is not None and options.value == "-":
        raise Failure(Exit.USAGE, "--id is for one message, but - reads many")
    send = sender(options.channel, options.label, options.url, options.id)
    read = str if options.text else read_value
    if options.value == "-":
        return send_lines(sys.stdin.buffer, send, read, strict=options.strict)
    send(read(options.value))
    return Exit.OK


def sender(channel: str, label: str, url: str | None, message_id: str | None = None) -> Send:
    """Return a function that sends a value: through the poke at ``url``, or through the broker."""
    if url is not None:
        base = remote.base_of(url)
        return _named_as_options(
            lambda value: remote.post_message(base, channel, label, value, message_id)
        )
    require_shared_broker("send")

    def send(value: Any) -> None:
        try:
            send_to_pipe_channel(channel, label, value, message_id=message_id)
        except InvalidMessageError as error:
            raise Failure(Exit.NOT_SENT, str(error)) from None
        except BrokerUnavailableError as error:
            raise Failure(Exit.UNREACHABLE, str(error)) from None

    return _named_as_options(send)


def _named_as_options(send: Send) -> Send:
    """Name the option ``--id`` in failures; the API calls it ``message_id``."""

    def send_named(value: Any) -> None:
        try:
            send(value)
        except Failure as failure:
            text = re.sub(
                r"\bmessage_id=(['\"])(.*?)\1", lambda m: f"--id {shlex.quote(m[2])}", str(failure)
            )
            reason = re.sub(r"\bmessage_id\b", "--id", text)
            raise Failure(failure.code, reason) from None

    return send_named


def require_shared_broker(command: str) -> None:
    """Reject a broker that no other process can reach.

    Raises:
        Failure: the broker is the memory of this process.
    """
    if runtime.current().settings.keeps_messages_in_memory:
        raise Failure(
            Exit.USAGE,
            f"{command}: the broker is memory://, the memory of one process, so this command can't "
            "reach the app's messages. Set DASH_PIPE_BROKER=redis://... for both, or connect to "
            f"the running app: --url {EXAMPLE}",
        )


def read_value(text: str) -> Any:
    """Return the value of a text: as JSON if it is JSON, else the text itself."""

    def no_constant(name: str) -> None:
        raise ValueError(name)

    try:
        return json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return text


def send_lines(lines: BinaryIO, send: Send, read: Callable[[str], Any], *, strict: bool) -> Exit:
    """Send each line when it comes; skip blank ones.

    A line that can't be sent is reported on standard error with its number.

    Args:
        lines: the input.
        send: sends a value.
        read: returns the value of a line.
        strict: end at the first line that was not sent.

    Returns:
        The highest exit code of all lines.
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
    """Yield lines as they come; None for one that is too long, of which only pieces are read."""
    while line := lines.readline(MAX_BODY_BYTES + 1):
        whole = len(line) <= MAX_BODY_BYTES
        while not line.endswith(b"\n") and (rest := lines.readline(MAX_BODY_BYTES)):
            line = rest
        yield line if whole else None


def decoded(line: bytes | None) -> str:
    """Return the text of a line, without its end."""
    if line is None:
        raise Failure(Exit.NOT_SENT, f"it has more than {MAX_BODY_BYTES:,} bytes")
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Failure(Exit.NOT_SENT, f"it is not UTF-8: {error}") from None
