"""Server push for Plotly Dash: put a ``Pipe`` in the layout, send to its channel from anywhere."""

from __future__ import annotations

import json as _json
from pathlib import Path as _Path

from .errors import DashPipeError, InvalidMessageError, SettingError, SetupError
from .hosts.asgi import asgi_app
from .hosts.dash import setup
from .log import Position
from .Pipe import Pipe
from .runtime import configure
from .sending import async_send_to_pipe_channel, send_to_pipe_channel

__all__ = [
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

# package.json is the one place of the version; this is the copy of it that is shipped.
_package = _json.loads((_Path(__file__).parent / "package-info.json").read_text("utf-8"))
__version__: str = _package["version"]

# How Dash finds the browser's half.
_js_dist = [
    {"relative_package_path": "dash_pipe.min.js", "namespace": "dash_pipe"},
    {"dev_package_path": "proptypes.js", "dev_only": True, "namespace": "dash_pipe"},
]
Pipe._js_dist = _js_dist  # type: ignore[attr-defined]
