"""Listen on the broker of this process through a hub of its own: no server is involved."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from ..errors import EndpointUnavailableError
from ..hub.authorization import allow_all
from ..hub.hub import Hub
from ..protocol import Close, Frame
from ..runtime import Runtime
from .within import within

if TYPE_CHECKING:
    from typing_extensions import Self


class LocalSession:
    """Run a hub with one session, which reads the broker of a runtime; a ``Transport``.

    Flow control bounds the queue of its frames. A lock lets one thread close it while another
    waits.

    Args:
        current: has the broker.
        wake: has ``take`` called soon; called by any thread.
    """

    def __init__(self, current: Runtime, wake: Callable[[], None]) -> None:
        self._lock = threading.RLock()
        self._frames: deque[str] = deque()
        self._end: EndpointUnavailableError | None = None
        self._wake = wake
        self.hub = Hub(
            current.broker, current.policy, wake, time.monotonic, audience=current.audience
        )
        # This process can read the broker without asking, so there is nothing to authorize.
        self._session = self.hub.connect(self, allow_all)

    def take(self) -> str | None:
        """Return the next frame of the hub; None if it has none now.

        Raises:
            EndpointUnavailableError: the session has ended.
        """
        with self._lock:
            if not self._frames and self._end is None:
                self.hub.flush()
                self.hub.beat()
            if self._frames:
                return self._frames.popleft()
            if self._end is not None:
                raise self._end
            return None

    def seconds_to_wait(self, deadline: float) -> float:
        """Return the longest wait for a wake.

        Raises:
            TimeoutError: the deadline has passed.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        with self._lock:
            return min(self.hub.seconds_to_beat(), left)

    def receive(self, text: str) -> None:
        """Give the hub a frame of the client."""
        with self._lock:
            if self._session is not None:
                self.hub.receive(self._session, text)

    def end(self) -> None:
        """Leave the broker. More than once does no harm."""
        with self._lock:
            if self._end is None:
                self.hub.close(Close.GOING_AWAY, "the listener was closed")
        self._wake()

    def send(self, frame: Frame) -> None:
        """See ``Transport``."""
        self._frames.append(frame.text)

    def close(self, code: Close, reason: str) -> None:
        """See ``Transport``."""
        self._end = EndpointUnavailableError(f"{int(code)} {reason}", int(code))


class LocalConnection:
    """Listen in a thread that may block; a ``Connection``."""

    def __init__(self, current: Runtime) -> None:
        self._woken = threading.Event()
        self.session = LocalSession(current, self._woken.set)

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
        self.session.end()

    def send(self, text: str) -> None:
        """See ``Connection``."""
        self.session.receive(text)

    def receive(self, timeout: float) -> str:
        """See ``Connection``."""
        deadline = time.monotonic() + timeout
        while (text := self.session.take()) is None:
            self._woken.wait(self.session.seconds_to_wait(deadline))
            self._woken.clear()
        return text


class AsyncLocalConnection:
    """Listen on an asyncio loop; an ``AsyncConnection``."""

    def __init__(self, current: Runtime) -> None:
        self._woken = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._woken.set)

        self.session = LocalSession(current, wake)

    async def __aenter__(self) -> Self:
        """See ``Connection``."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See ``Connection``."""
        self.session.end()

    async def send(self, text: str) -> None:
        """See ``Connection``."""
        self.session.receive(text)

    async def receive(self, timeout: float) -> str:
        """See ``Connection``."""
        deadline = time.monotonic() + timeout
        while (text := self.session.take()) is None:
            seconds = self.session.seconds_to_wait(deadline)
            with suppress(TimeoutError):
                await within(seconds, self._woken.wait())
            self._woken.clear()
        return text
