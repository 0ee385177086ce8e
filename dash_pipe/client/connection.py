"""Connect to an endpoint: the contract of a connection, and a websocket that fulfils it."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from ..errors import EndpointUnavailableError, HandshakeRejectedError
from ..protocol import SUBPROTOCOL
from ..protocol.address import EXAMPLE, websocket_url
from .handshake import connect_options

if TYPE_CHECKING:
    from typing_extensions import Self
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import ClientConnection

# A proxy answers these if its server can't be reached.
AWAY = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


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
        from websockets.exceptions import InvalidHandshake, InvalidStatus
        from websockets.sync.client import connect

        try:
            opening = connect(self._url, **self._options)  # since websockets 17 a context manager
            self._socket = opening.__enter__()
        except InvalidStatus as error:
            raise _rejected(self._base, self._url, error) from error
        except (OSError, InvalidHandshake) as error:
            if isinstance(error, OSError) or isinstance(error.__cause__, EOFError):
                reason = f"{self._url} can't be reached: {error}"
                raise EndpointUnavailableError(reason) from error
            raise HandshakeRejectedError(_no_endpoint(self._base, str(error))) from error
        if self._socket.subprotocol != SUBPROTOCOL:
            self._socket.close()
            reason = _no_endpoint(self._base, f"the server does not speak {SUBPROTOCOL}")
            raise HandshakeRejectedError(reason)
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
            raise _ended(self._url, closed) from closed

    def receive(self, timeout: float) -> str | bytes:
        """See ``Connection``."""
        from websockets.exceptions import ConnectionClosed

        assert self._socket is not None, "expected an open connection; enter it with `with` first"
        try:
            return self._socket.recv(timeout)
        except ConnectionClosed as closed:
            raise _ended(self._url, closed) from closed


def _rejected(base: str, url: str, error: InvalidStatus) -> EndpointUnavailableError:
    """Return the error for an HTTP answer to the handshake."""
    response = error.response
    status = response.status_code
    if status in AWAY:
        return EndpointUnavailableError(f"{url} answered HTTP {status}")
    if status == HTTPStatus.NOT_IMPLEMENTED:  # our endpoint, on a server without websockets
        reason = (response.body or b"").decode(errors="replace").strip()
        return HandshakeRejectedError(f"{url} can't open a websocket: {reason}", status)
    answered = f"{url} answered HTTP {status} to a websocket handshake"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        answered += "; if the address is right, a guard of the app rejected this client"
    return HandshakeRejectedError(_no_endpoint(base, answered), status)


def _no_endpoint(base: str, reason: str) -> str:
    return (
        f"no dash-pipe endpoint at {base}: {reason}. Expected the base of an endpoint, which ends "
        f"with _pipe/, such as {EXAMPLE}"
    )


def _ended(url: str, closed: ConnectionClosed) -> EndpointUnavailableError:
    if closed.rcvd is None:
        return EndpointUnavailableError(f"lost the connection to {url}")
    code, reason = closed.rcvd.code, closed.rcvd.reason
    shown = f"{code} {reason}".strip()
    return EndpointUnavailableError(f"{url} closed the connection: {shown}", code)
