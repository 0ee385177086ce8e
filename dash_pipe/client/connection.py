"""Connect to an endpoint: the contract of a connection, and a websocket that fulfils it."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from ..errors import HandshakeRejectedError
from ..protocol.address import websocket_url
from .connection_errors import check_subprotocol, ended, opening_error
from .handshake import connect_options

if TYPE_CHECKING:
    from typing_extensions import Self
    from websockets.sync.client import ClientConnection


class Connection(Protocol):
    """Send and receive frames as texts; a context manager, open while inside."""

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            EndpointUnavailableError: it can't be opened now.
        """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""

    def send(self, text: str) -> None:
        """Send a frame.

        Raises:
            EndpointUnavailableError: the connection has ended.
        """

    def receive(self, timeout: float) -> str | bytes:
        """Wait for the next frame.

        Raises:
            TimeoutError: none came within ``timeout`` seconds.
            EndpointUnavailableError: the connection has ended.
        """


class WebSocketConnection:
    """Open a websocket to an endpoint, for use in a thread.

    Args:
        base: the endpoint's base, absolute; see ``protocol.address``.
        headers: extra headers of the handshake, such as a cookie.
        origin: the origin of a page, for a client in the place of one; most have none.
    """

    def __init__(
        self, base: str, *, headers: Iterable[tuple[str, str]] = (), origin: str | None = None
    ) -> None:
        self._base = base
        self._url = websocket_url(base)
        self._options = connect_options(headers=headers, origin=origin)
        self._socket: ClientConnection | None = None

    def __enter__(self) -> Self:
        """See ``Connection``.

        Raises:
            HandshakeRejectedError: the server answered, but opened no websocket.
        """
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        try:
            opening = connect(self._url, **self._options)  # since websockets 17 a context manager
            self._socket = opening.__enter__()
        except (OSError, WebSocketException) as error:
            raise opening_error(self._base, self._url, error) from error
        try:
            check_subprotocol(self._base, self._socket.subprotocol)
        except HandshakeRejectedError:
            self._socket.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See ``Connection``."""
        if self._socket is not None:
            self._socket.close()

    def send(self, text: str) -> None:
        """See ``Connection``."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, "expected an open connection; enter it with `with` first"
        try:
            self._socket.send(text)
        except ConnectionClosed as closed:
            raise ended(self._url, closed) from closed

    def receive(self, timeout: float) -> str | bytes:
        """See ``Connection``."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, "expected an open connection; enter it with `with` first"
        try:
            return self._socket.recv(timeout)
        except ConnectionClosed as closed:
            raise ended(self._url, closed) from closed
