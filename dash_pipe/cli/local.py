"""Listen on the shared broker through a hub in this process."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING

from .. import runtime
from ..hub.authorization import allow_all
from ..hub.hub import Hub
from ..protocol import Close, Frame

if TYPE_CHECKING:
    from typing_extensions import Self


class LocalConnection:
    """Run a hub with one session, which reads the broker of the settings; a ``Connection``."""

    def __init__(self) -> None:
        current = runtime.current()
        self._inbox = _Inbox()
        self._woken = threading.Event()
        self._hub = Hub(current.broker, current.policy, self._woken.set, time.monotonic)
        # This process can read the broker without asking, so there is nothing to authorize.
        self._session = self._hub.connect(self._inbox, allow_all)

    def __enter__(self) -> Self:
        """See ``Connection``."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See ``Connection``."""
        self._hub.close(Close.GOING_AWAY, "the listener is going away")

    def receive(self, timeout: float) -> str:
        """See ``Connection``."""
        deadline = time.monotonic() + timeout
        while not self._inbox:
            self._woken.clear()
            self._hub.flush()
            next_beat = self._hub.beat()
            if self._inbox:  # a message, or a ping
                break
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._woken.wait(min(next_beat, left))
        return self._inbox.popleft()

    def send(self, text: str) -> None:
        """See ``Connection``."""
        if self._session is not None:
            self._hub.receive(self._session, text)


class _Inbox(deque[str]):
    """Queue the hub's frames for the listener; a ``Transport``. Flow control bounds the queue."""

    def send(self, frame: Frame) -> None:
        """See ``Transport``."""
        self.append(frame.text)

    def close(self, code: Close, reason: str) -> None:
        """See ``Transport``. Only ``LocalConnection`` closes it."""
