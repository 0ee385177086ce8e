"""Iterate over the messages of a channel, in a thread that may block or on an asyncio loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING

from ..errors import EndpointUnavailableError, SetupError
from .async_connection import AsyncConnection
from .client import Client, Update
from .connection import Connection
from .received_message import ReceivedMessage, messages_of
from .subscription import Gap
from .updates import async_updates, updates
from .within import within

if TYPE_CHECKING:
    from typing_extensions import Self


class Listener:
    """The messages of a channel: ``for message in listener``, or ``async for``.

    A loop connects when it begins, and disconnects when it ends: by ``break``, an exception or a
    cancellation. The next loop goes on after the last message. ``with`` and ``async with`` connect
    at once: every message that is sent inside arrives. They close the listener at their end, and a
    closed listener has no more messages.

    Made by ``listen``.

    Args:
        client: keeps the subscription.
        connect: makes a connection, for a thread that may block.
        async_connect: makes one for the running loop.
        report: is told each update, before its messages.
    """

    def __init__(
        self,
        client: Client,
        connect: Callable[[], Connection],
        async_connect: Callable[[], AsyncConnection],
        report: Callable[[Update], None],
    ) -> None:
        self._client = client
        self._connect = connect
        self._async_connect = async_connect
        self._report = report
        self._pending: deque[ReceivedMessage] = deque()  # of one update: a frame of the server
        self._gaps: list[Gap] = []  # before the next message
        self._turn = object()  # of the newest loop; an older one ends
        self._is_waiting = False
        self._is_subscribed = False  # on the newest connection
        self._closed = threading.Event()
        self._async_closed = asyncio.Event()
        self._updates: Generator[Update, None, None] | None = None  # of ``with``, for its loop
        self._async_updates: AsyncGenerator[Update, None] | None = None
        self._connection: Connection | None = None
        self._async_connection: AsyncConnection | None = None

    @property
    def n_gaps(self) -> int:
        """The number of times that messages were lost for good."""
        return self._client.subscription.n_gaps

    @property
    def last_gap(self) -> Gap | None:
        """The last gap, also one whose message has not come yet."""
        return self._client.subscription.last_gap

    def __iter__(self) -> Iterator[ReceivedMessage]:
        """Yield messages as they come; block meanwhile.

        Raises:
            EndpointUnavailableError: the first connection failed; later ones are retried for ever.
            ListenDeniedError: the server denied the subscription.
        """
        turn, found = self._begin(), self._updates or self._run()
        self._updates = None
        with closing(found):
            while True:
                yield from self._taken(turn)
                if self._is_over(turn):
                    return
                with self._waiting():
                    self._take(next(found))

    async def __aiter__(self) -> AsyncIterator[ReceivedMessage]:
        """Yield messages as they come; see ``__iter__``."""
        turn, found = self._begin(), self._async_updates or self._async_run()
        self._async_updates = None
        async with aclosing(found):
            while True:
                for message in self._taken(turn):
                    yield message
                if self._is_over(turn):
                    return
                with self._waiting():
                    self._take(await anext(found))

    def __enter__(self) -> Self:
        """Connect and subscribe.

        Raises:
            EndpointUnavailableError: it failed.
            ListenDeniedError: the server denied the subscription.
        """
        self._begin(is_with=True)
        self._updates = self._run()
        while not (self._is_subscribed or self._closed.is_set()):
            with self._waiting():
                self._take(next(self._updates))
        return self

    async def __aenter__(self) -> Self:
        """Connect and subscribe; see ``__enter__``."""
        self._begin(is_with=True)
        self._async_updates = self._async_run()
        while not (self._is_subscribed or self._closed.is_set()):
            with self._waiting():
                self._take(await anext(self._async_updates))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the listener."""
        self.close()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the listener."""
        await self.aclose()

    def close(self) -> None:
        """Disconnect; end the loop, which another thread may run."""
        self._closed.set()
        if self._updates is not None:
            self._updates.close()
        if self._connection is not None:
            self._connection.__exit__(None, None, None)

    async def aclose(self) -> None:
        """Disconnect; end the loop, which another task may run."""
        self._closed.set()
        self._async_closed.set()
        if self._async_updates is not None:
            await self._async_updates.aclose()
        if self._async_connection is not None:
            await self._async_connection.__aexit__(None, None, None)

    def _begin(self, *, is_with: bool = False) -> object:
        """Begin a loop; return its turn."""
        if is_with and self._closed.is_set():
            raise SetupError("expected an open listener, and this one was closed; call listen()")
        if self._is_waiting:
            raise SetupError(
                "expected one loop over a listener at a time, and another waits for a message; "
                "call listen() once for each loop"
            )
        self._turn = object()
        self._is_subscribed = False
        return self._turn

    def _is_over(self, turn: object) -> bool:
        return self._closed.is_set() or turn is not self._turn

    def _run(self) -> Generator[Update, None, None]:
        return updates(self._client, self._open, sleep=self._closed.wait)

    def _async_run(self) -> AsyncGenerator[Update, None]:
        _require_asyncio()
        return async_updates(self._client, self._async_open, sleep=self._async_sleep)

    def _open(self) -> Connection:
        self._connection = self._connect()
        return self._connection

    def _async_open(self) -> AsyncConnection:
        self._async_connection = self._async_connect()
        return self._async_connection

    async def _async_sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await within(seconds, self._async_closed.wait())

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Note that a loop waits for an update. If it is closed meanwhile, that is no error."""
        self._is_waiting = True
        try:
            yield
        except EndpointUnavailableError:
            if not self._closed.is_set():
                raise
        finally:
            self._is_waiting = False

    def _take(self, update: Update) -> None:
        self._is_subscribed = self._is_subscribed or update.opened
        self._gaps += update.gaps
        if not self._closed.is_set():
            self._report(update)
        if update.rows:
            channel = self._client.subscription.channel
            self._pending += messages_of(channel, update, tuple(self._gaps))
            self._gaps.clear()

    def _taken(self, turn: object) -> Iterator[ReceivedMessage]:
        """Yield the messages that have come, unless the loop ends."""
        while self._pending and not self._is_over(turn):
            yield self._pending.popleft()


def _require_asyncio() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise SetupError(
            "`async for` over a listener needs a running asyncio loop, and there is none; under "
            "trio iterate with `for` in a thread (trio.to_thread.run_sync)"
        ) from None
