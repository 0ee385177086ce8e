"""Support the apps of django-plotly-dash. Django serves them, so they have no endpoint.

Their Pipes use the endpoint of the Django project if dash_pipe.django is installed. Otherwise they
use the websocket of their page, to the consumer of django-plotly-dash.
"""

from __future__ import annotations

import functools
from typing import Any

from .. import runtime
from ..protocol.address import PAGE_SOCKET
from .page_meta import meta


def is_one(app: object) -> bool:
    """Return whether django-plotly-dash made the app."""
    return type(app).__module__.partition(".")[0] == "django_plotly_dash"


def name_socket(app: Any) -> None:
    """Name the endpoint in the app's page, also if it is embedded in another page."""
    interpolate_index = app.interpolate_index

    @functools.wraps(interpolate_index)
    def interpolate_index_with_socket(**parts: Any) -> Any:
        url = runtime.current().settings.url or PAGE_SOCKET
        return interpolate_index(**{**parts, "config": meta(url) + parts.get("config", "")})

    app.interpolate_index = interpolate_index_with_socket
