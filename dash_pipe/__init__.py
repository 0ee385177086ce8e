"""Server push for Plotly Dash: put a ``Pipe`` in the layout, send to its channel from anywhere."""

from __future__ import annotations

from .configuration import configure
from .errors import (
    BrokerUnavailableError,
    DashPipeError,
    InvalidMessageError,
    SettingError,
    SetupError,
)
from .frameworks.dash import setup
from .log import Position
from .Pipe import Pipe
from .sending import async_send_to_pipe_channel, send_to_pipe_channel
from .transports.asgi import asgi_app
from .version import __version__ as __version__

__all__ = [
    "BrokerUnavailableError",
    "DashPipeError",
    "InvalidMessageError",
    "Pipe",
    "Position",
    "SettingError",
    "SetupError",
    "asgi_app",
    "async_send_to_pipe_channel",
    "configure",
    "send_to_pipe_channel",
    "setup",
]


def __dir__() -> list[str]:
    """List what is public: the rest of the package may change without notice."""
    return [*__all__, "__version__"]


# How Dash finds the browser's half.
_js_dist = [
    {"relative_package_path": "dash_pipe.min.js", "namespace": "dash_pipe"},
    # Served, but in no page: dash_pipe.min.js loads it where it is needed.
    {"relative_package_path": "fallback.min.js", "namespace": "dash_pipe", "dynamic": True},
    {"relative_package_path": "dpd_bridge.min.js", "namespace": "dash_pipe", "dynamic": True},
    {"dev_package_path": "proptypes.js", "dev_only": True, "namespace": "dash_pipe"},
]
Pipe._js_dist = _js_dist  # type: ignore[attr-defined]
