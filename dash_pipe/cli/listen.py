"""``dash-pipe listen``: the messages of a channel, a line of JSON each."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import remote
from .conversation import Conversation, Local, Websocket
from .exits import Exit, Failure
from .listener import Listener
from .send import require_shared_broker

FIRST_TIMEOUT = 10.0  # seconds until the answer to a subscribe
LONGEST_PAUSE = 15.0  # seconds between two attempts to come back

Open = Callable[[], Conversation]


def opener(url: str | None) -> Open:
    """What opens a conversation: with a server, or with the broker."""
    if url is not None:
        address = remote.endpoint(url)
        return lambda: Websocket(address)
    require_shared_broker("listen")
    return Local


def messages(listener: Listener, channel: str, open_: Open) -> Iterator[dict[str, Any]]:
    """The messages that arrive, as a Pipe has them in its ``messages``; comes back when cut off.

    Raises:
        Failure: the first connection fails, or the server does not let us listen.
    """
    for row in _rows(listener, open_):
        offset, label, value, at = row
        yield {"channel_name": channel, "label": label, "value": value} | {
            "offset": offset,
            "time": at,
        }


def _rows(listener: Listener, open_: Open) -> Iterator[list[Any]]:
    attempts: int | None = None  # since the connection was lost; none before there was one
    while True:
        try:
            with open_() as conversation:
                conversation.send(listener.subscribe())
                timeout = FIRST_TIMEOUT
                while True:
                    taken = listener.take(conversation.receive(timeout))
                    attempts, timeout = 0, 2 * listener.heartbeat
                    for reply in taken.replies:
                        conversation.send(reply)
                    for note in taken.notes:
                        say(note)
                    yield from taken.rows
        except (ConnectionError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            if attempts is None:
                raise Failure(Exit.UNREACHABLE, reason) from None
            if attempts == 0:
                say(f"{reason}; trying to come back")
            pause = min(LONGEST_PAUSE, 0.3 * 2 ** min(attempts, 10))
            attempts += 1
            time.sleep(random.uniform(0, pause))


def write(message: dict[str, Any]) -> None:
    """Write a message to standard output, at once."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def say(note: str) -> None:
    """Say something on standard error."""
    sys.stderr.write(f"dash-pipe: {note}\n")
    sys.stderr.flush()
