"""Name the errors of a websocket to an endpoint: no answer, no endpoint, the end. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from ..errors import EndpointUnavailableError, HandshakeRejectedError
from ..protocol import SUBPROTOCOL
from ..protocol.address import EXAMPLE

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed, InvalidStatus

# A proxy answers these if its server can't be reached.
AWAY = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


def opening_error(base: str, url: str, error: Exception) -> EndpointUnavailableError:
    """Return the error for a websocket that was not opened."""
    from websockets.exceptions import InvalidStatus

    if isinstance(error, InvalidStatus):
        return _rejected(base, url, error)
    if isinstance(error, OSError) or isinstance(error.__cause__, EOFError):
        return EndpointUnavailableError(f"{url} can't be reached: {error}")
    return HandshakeRejectedError(_no_endpoint(base, str(error)))


def check_subprotocol(base: str, chosen: str | None) -> None:
    """Reject a server that has not chosen our subprotocol.

    Raises:
        HandshakeRejectedError: it has not.
    """
    if chosen != SUBPROTOCOL:
        reason = _no_endpoint(base, f"the server does not speak {SUBPROTOCOL}")
        raise HandshakeRejectedError(reason)


def ended(url: str, closed: ConnectionClosed) -> EndpointUnavailableError:
    """Return the error for a websocket that was open."""
    if closed.rcvd is None:
        return EndpointUnavailableError(f"lost the connection to {url}")
    code, reason = closed.rcvd.code, closed.rcvd.reason
    shown = f"{code} {reason}".strip()
    return EndpointUnavailableError(f"{url} closed the connection: {shown}", code)


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
