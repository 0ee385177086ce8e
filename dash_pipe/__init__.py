"""Server push for Plotly Dash: put a ``Pipe`` in the layout, send to its channel from anywhere."""

from __future__ import annotations

from .client import Gap, Listener, ReceivedMessage, listen
from .configuration import configure
from .errors import (
    BrokerUnavailableError,
    DashPipeError,
    EndpointUnavailableError,
    HandshakeRejectedError,
    InvalidMessageError,
    ListenDeniedError,
    ListenError,
    ListenersUnknownError,
    SettingError,
    SetupError,
    SigningError,
    SourceError,
)
from .frameworks.bundle import bundle
from .frameworks.dash import setup
from .log import Position
from .metrics import stats
from .permission import allow
from .Pipe import Pipe
from .producers import async_listeners, listeners, source, watch_listeners
from .sending import async_send_to_pipe_channel, disconnect, revoke, send_to_pipe_channel
from .signing import sign_channel
from .transports.asgi import asgi_app
from .version import __version__ as __version__

__all__ = [
    "BrokerUnavailableError",
    "DashPipeError",
    "EndpointUnavailableError",
    "Gap",
    "HandshakeRejectedError",
    "InvalidMessageError",
    "ListenDeniedError",
    "ListenError",
    "Listener",
    "ListenersUnknownError",
    "Pipe",
    "Position",
    "ReceivedMessage",
    "SettingError",
    "SetupError",
    "SigningError",
    "SourceError",
    "allow",
    "asgi_app",
    "async_listeners",
    "async_send_to_pipe_channel",
    "configure",
    "disconnect",
    "listen",
    "listeners",
    "revoke",
    "send_to_pipe_channel",
    "setup",
    "sign_channel",
    "source",
    "stats",
    "watch_listeners",
]


def __dir__() -> list[str]:
    """List what is public: the rest of the package may change without notice."""
    return [*__all__, "__version__"]


# How Dash finds the browser's half.
_js_dist = bundle.files
Pipe._js_dist = _js_dist  # type: ignore[attr-defined]
