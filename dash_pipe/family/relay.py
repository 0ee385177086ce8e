"""Take the messages of child processes, and publish them in the process that serves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..concurrency.per_process import Part
from ..log import Position
from ..protocol import MAX_NAME, is_name
from ..telemetry.events import log_event
from . import door
from .exchange import TooLongError, read, send

READ_SECONDS = 1.0  # that a child may take to send its message
PAUSE_SECONDS = 0.5  # after a failed accept: the process may be out of file descriptors

Publish = Callable[[str, str, str, "str | None"], Position]

logger = logging.getLogger("dash_pipe")


class Relay(Part):
    """Answer child processes one after the other, in a thread of its own; a part of the runtime.

    Each connection carries one message. So a child holds nothing here between two messages, and
    one that hangs holds up the others for ``READ_SECONDS`` at most.

    Args:
        directory: is made, and found by the children; see ``address``.
        publish: appends a message to the log of its channel.
        limit: number of bytes that a message's value may have.

    Raises:
        OSError: no socket can be opened there.
    """

    def __init__(self, directory: str, publish: Publish, limit: int) -> None:
        self._door = door.listen(directory)
        self._publish = publish
        self._limit = limit
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the thread; see ``Part``."""
        try:
            threading.Thread(target=self._run, name="dash-pipe-relay", daemon=True).start()
        except RuntimeError:
            self._door.listener.close()
            self._door.remove()
            raise

    def goodbye(self) -> None:
        """Stop: what comes later belongs to no page; see ``Part``."""
        self.end()

    def end(self) -> None:
        """Stop, and remove the directory; see ``Part``."""
        self._ended.set()
        with suppress(OSError):
            self._door.wake()
        self._door.remove()

    def abandon(self) -> None:
        """Close the child's copy of the socket; see ``Part``."""
        self._door.listener.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._take_one()
            except SystemExit:
                # dash.testing ends an app by raising it in every thread that began with the app.
                # The child sends its message again.
                continue
            except OSError as error:
                extra = log_event("children_unheard")
                logger.warning("dash-pipe: can't hear child processes: %s", error, extra=extra)
                self._ended.wait(PAUSE_SECONDS)
        self._door.listener.close()

    def _take_one(self) -> None:
        client, _ = self._door.listener.accept()
        with client, suppress(OSError, EOFError, ValueError):  # its child knows, and says it
            client.setblocking(True)
            deadline = time.monotonic() + READ_SECONDS
            if not self._ended.is_set() and self._door.admit(client, deadline):
                send(client, self._answer(client, deadline))

    def _answer(self, client: Any, deadline: float) -> dict[str, Any]:
        try:
            head, value = read(client, self._limit, deadline)
        except TooLongError:
            limit = f"{self._limit:,} bytes (the setting max_message_bytes of that process)"
            return {"invalid": f"the process that serves the pages takes at most {limit}"}
        channel, label, message_id = head["channel"], head["label"], head["id"]
        if not all(is_name(name) for name in (channel, label, message_id)):
            return {"invalid": f"expected names of 1 to {MAX_NAME} characters"}
        return {"position": self._publish(channel, label, value, message_id)}
