"""A client on one websocket, for tests that need no browser."""

import time
from collections.abc import Callable, Iterable, Sequence

from typing_extensions import Self

from dash_pipe import Position
from dash_pipe.client import Client, Row, Subscription, Update, WebSocketConnection
from dash_pipe.errors import EndpointUnavailableError
from harness.wait import TIMEOUT, check


class PipeClient:
    """One connection to an endpoint, with one subscription; a context manager.

    `url` is that of the page, with http and a slash at the end. The end of the connection raises
    `EndpointUnavailableError` with the close code.
    """

    def __init__(
        self, url: str, *, origin: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._connection = WebSocketConnection(f"{url}_pipe/", origin=origin, headers=headers)
        self._rows: list[Row] = []

    def __enter__(self) -> Self:
        self._connection.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.__exit__(None, None, None)

    @property
    def position(self) -> Position | None:
        """Return the position of the subscription."""
        return self._client.subscription.position

    def subscribe(
        self,
        channel: str,
        labels: Sequence[str] | None = None,
        *,
        token: str | None = None,
        since: Position | None = None,
    ) -> None:
        """Subscribe; return as soon as the server has accepted it."""
        self._client = Client(Subscription(channel, labels, token=token, since=since))
        for frame in self._client.opened(time.monotonic()):
            self._connection.send(frame)
        self._read(lambda update: update.opened, TIMEOUT)

    def rows(self, count: int, timeout: float = TIMEOUT) -> list[Row]:
        """Return the next `count` rows, and those that came with them.

        Raises:
            TimeoutError: they did not come in time.
        """
        self._read(lambda _: len(self._rows) >= count, timeout)
        rows, self._rows = self._rows, []
        return rows

    def _read(self, enough: Callable[[Update], bool], timeout: float) -> None:
        """Read frames until there are enough; fail on a loss or an error."""
        deadline = time.monotonic() + timeout
        update = Update()
        while not enough(update):
            try:
                text = self._connection.receive(max(0.0, deadline - time.monotonic()))
            except (EndpointUnavailableError, TimeoutError):
                check()  # the log of a server that has ended says why
                raise
            update = self._client.received(text, time.monotonic())
            assert (update.gaps, update.notes) == ([], []), update
            for frame in update.frames:
                self._connection.send(frame)
            self._rows += update.rows
