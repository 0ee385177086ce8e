"""Connect to an endpoint from an asyncio loop."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from ..errors import HandshakeRejectedError
from ..protocol.address import websocket_url
from .connection import Connection
from .connection_errors import check_subprotocol, ended, opening_error
from .handshake import connect_options
from .within import within

if TYPE_CHECKING:
    from typing_extensions import Self
    from websockets.asyncio.client import ClientConnection


class AsyncConnection(Protocol):
    """Do what a ``Connection`` does, without blocking the loop; an async context manager."""

    async def __aenter__(self) -> Self:
        """See ``Connection``."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See ``Connection``."""

    async def send(self, text: str) -> None:
        """See ``Connection``."""

    async def receive(self, timeout: float) -> str | bytes:
        """See ``Connection``."""


class AsyncWebSocketConnection:
    """Open a websocket to an endpoint, for use on a loop.

    Args:
        base: the endpoint's base, absolute; see ``protocol.address``.
        headers: extra headers of the handshake, such as a cookie.
    """

    def __init__(self, base: str, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        self._base = base
        self._url = websocket_url(base)
        self._options = connect_options(headers=headers)
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        """See ``WebSocketConnection``."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        try:
            self._socket = await connect(self._url, **self._options)
        except (OSError, WebSocketException) as error:
            raise opening_error(self._base, self._url, error) from error
        try:
            check_subprotocol(self._base, self._socket.subprotocol)
        except HandshakeRejectedError:
            await self._socket.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See ``Connection``."""
        if self._socket is not None:
            await self._socket.close()

    async def send(self, text: str) -> None:
        """See ``Connection``."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, "expected an open connection; enter it first"
        try:
            await self._socket.send(text)
        except ConnectionClosed as closed:
            raise ended(self._url, closed) from closed

    async def receive(self, timeout: float) -> str | bytes:
        """See ``Connection``."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, "expected an open connection; enter it first"
        try:
            return await within(timeout, self._socket.recv())
        except ConnectionClosed as closed:
            raise ended(self._url, closed) from closed


class BlockingConnection:
    """Use a connection that blocks as an ``AsyncConnection`` whose methods never suspend."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> Self:
        """See ``Connection``."""
        self._connection.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See ``Connection``."""
        self._connection.__exit__(kind, error, traceback)

    async def send(self, text: str) -> None:
        """See ``Connection``."""
        self._connection.send(text)

    async def receive(self, timeout: float) -> str | bytes:
        """See ``Connection``."""
        return self._connection.receive(timeout)
